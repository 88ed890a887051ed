import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from windrow.configfile import read_config, validate
from windrow.cuts import settings_of
from windrow.errors import UserError
from windrow.testing import tiny_config

CONFIGS = sorted((Path(__file__).parents[1] / "config").glob("*.yaml"))


def edited(path: str, value: Any) -> dict[str, Any]:
    config = copy.deepcopy(tiny_config("archive"))
    *sections, key = path.split(".")
    found = config
    for section in sections:
        found = found[section]
    found[key] = value
    return config


def problems(config: Any) -> list[str]:
    with pytest.raises(UserError) as caught:
        validate(config)
    return str(caught.value).splitlines()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_of_the_project_is_valid(path: Path) -> None:
    assert read_config(path).months


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("experimnts", {}, "experimnts: unknown key; did you mean experiments?"),
        ("dataset.domain.wst", 1, "dataset.domain.wst: unknown key; did you mean west?"),
        ("experiments.cnn.model.featurs", 1, "unknown key; did you mean features?"),
        ("experiments.cnn.model.name", "gpt", "experiments.cnn.model.name: 'gpt' is not one of"),
        (
            "experiments.cnn.strategy",
            {"name": "sequence"},
            "experiments.cnn: the model weatherbench_cnn needs the strategy scaled_ar or diff_ar or direct, not ",
        ),
        ("experiments.cnn.strategy", {"name": "diff_ar"}, None),
        ("experiments.cnn.strategy", {"name": "scaled_ar", "history": 6, "substeps": 2}, None),
        (
            "experiments.convlstm.strategy",
            {"name": "direct"},
            "experiments.convlstm: the model convlstm needs the strategy sequence, not direct",
        ),
        ("experiments.cnn.targets", ["t850"], "experiments.cnn.targets: t850 is not among dataset.variables"),
        ("dataset.domain.nx", 0, "dataset.domain.nx: input should be greater than or equal to 1, not 0"),
        (
            "dataset.domain",
            {"first_x": 1, "south": 50, "nx": 1, "ny": 1},
            "  dataset.domain: give either south and west or first_x and first_y, not some of both",
        ),
        (
            "dataset.domain",
            {"first_x": 1, "frist_y": 1, "nx": 1, "ny": 1},
            "dataset.domain.frist_y: unknown key; did you mean first_y? (known here: first_x, first_y, nx, ny)",
        ),
        (
            "dataset.domain",
            {"first_x": -1, "first_y": 1, "nx": 1, "ny": 1},
            "dataset.domain.first_x: input should be",
        ),
        ("dataset.domain", {"first_x": 1, "first_y": 1, "nx": 1}, "dataset.domain.ny: missing; add it"),
        ("dataset.domain", 5, "dataset.domain: input should be a valid dictionary"),
        ("dataset.domain", {"first_x": 0, "first_y": 0, "nx": 1, "ny": 1}, None),
        ("dataset.variables", ["2t", "2t"], "dataset: a variable is named twice"),
        ("dataset.period", [{"years": "2009-2007"}], "a range runs from the first to the last"),
        ("dataset.period", [{"years": 2007, "months": 13}], "months run from 1 to 12"),
        ("splits.test", [["2007-01-31", "2007-01-31"]], "splits: train and test overlap on 2007-01-31; move one"),
        ("splits.train", [["2007-01-31", "2007-01-01"]], "train: 2007-01-31 comes after 2007-01-01"),
        ("splits.test", [["2010-01-01", "2010-01-02"]], "splits.test: 2010-01-01 is outside dataset.period"),
        ("source.files", "{yeer}.grib", "source: unknown placeholders ['yeer']; there are year, month, day, hour"),
        ("source.step_hours", 5, "step_hours must divide 24"),
        ("source.name", "two words", "source.name: string should match pattern"),
        ("experiments.cnn.model.kernel", 4, "experiments.cnn.model.kernel: must be odd, not 4"),
        ("source.files", "{year:04d}.grb", "source: files: placeholders take no format"),
        ("source.files", "{year!r}.grb", "source: files: placeholders take no format"),
        ("source.files", "{year.x}", "unknown placeholders ['year.x']"),
        ("source.files", "{", "source: files: "),
        ("source.files", "a}b", "source: files: "),
        ("source.files", "", "source: files: empty"),
        ("source.files", "/abs/*.grb", "source: files: must be a path below root"),
        ("source.files", "**.grb", "source: files: `**` stands for directories"),
        ("source.files", "[{month}].grb", "source: files: braces within [...]"),
        ("dataset.variables", ["2t", "2t"], "keep one of them"),
        ("experiments.cnn.targets", ["2t", "2t"], "targets: 2t is named twice"),
        (
            "experiments.cnn.targets",
            ["tcc"],
            "experiments of a file are compared, give all of them the same targets",
        ),
        ("verification", {"splits": ["test", "test"]}, "splits: test is named twice"),
        ("verification", {"baselines": ["persistence"] * 2}, "baselines: persistence is named twice"),
        (
            "forecast",
            {"members": 8},
            "forecast.members: 8 forecasts from one initial time need a network that draws",
        ),
        ("forecast", {"members": 0}, "forecast.members: input should be greater than or equal to 1, not 0"),
        ("verification", {"external": {"ifs": {"files": "ifs/*.nc", "variables": {"2t": "t2m"}}}}, None),
        (
            "verification",
            {"external": {"ifs": {"files": "ifs/*.nc", "variables": {"tcc": "tcc"}}}},
            "verification.external.ifs.variables: tcc is not among the targets, 2t",
        ),
        (
            "verification",
            {"external": {"cnn": {"files": "a.nc"}}},
            "verification.external.cnn: this name is taken",
        ),
        (
            "verification",
            {"external": {"truth": {"files": "a.nc"}}},
            "verification.external.truth: this name is taken",
        ),
        ("verification", {"external": {"ifs": {"files": ""}}}, "verification.external.ifs.files: "),
        ("verification", {"thresholds": [], "neighbourhoods": [5], "data_range": {"2t": 70.0}}, None),
        ("verification", {"thresholds": [0.5, 1.0]}, "thresholds.1: input should be less than 1, not 1.0"),
        ("verification", {"thresholds": [0.5, 0.5]}, "verification: thresholds: 0.5 is named twice; keep one"),
        ("verification", {"neighbourhoods": [4]}, "neighbourhoods.0: 4 points have no middle one; take an odd"),
        ("verification", {"data_range": {"tcc": 1.0}}, "data_range.tcc: no experiment forecasts it; take it out"),
        ("verification", {"data_range": {"2t": 0}}, "data_range.2t: input should be greater than 0"),
        ("verification", {"regions": {"west": {"south": 50, "north": 51, "west": 350, "east": 3}}}, None),
        (
            "verification",
            {"regions": {"west": {"south": 51, "north": 51, "west": 2, "east": 3}}},
            "verification.regions.west: south: it is not below north; swap them",
        ),
        (
            "verification",
            {"regions": {"domain": {"south": 50, "north": 51, "west": 2, "east": 3}}},
            "regions.domain: this name means all points; give the region another name",
        ),
        ("splits.test", [["2009-01-02", "2009-01-02"]], None),
        (
            "sequences",
            {"input_steps": 700, "target_steps": 45},
            "splits.test: its longest run of days has 744 steps",
        ),
        ("report", {"colormap": "virids"}, "report.colormap: 'virids' is no colour map"),
        (
            "experiments.cnn.strategy",
            {"increment": True},
            "cnn.strategy.name: missing; add it, one of sequence",
        ),
    ],
)
def test_a_problem_is_told_with_its_path_and_its_remedy(path: str, value: Any, text: str | None) -> None:
    if text is None:
        assert validate(edited(path, value))
    else:
        assert any(text in line for line in problems(edited(path, value)))


GROWING = [{"epoch": 0, "steps": 1}, {"epoch": 3, "steps": 4}]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"training.rollout": GROWING}, None),
        ({"training.rollout": GROWING[1:]}, ".training.rollout: needs epochs that begin at 0 and grow"),
        ({"training.rollout": GROWING[::-1]}, ".training.rollout: needs epochs that begin at 0 and grow"),
        ({"training.rollout": GROWING[:1] * 2}, ".training.rollout: needs epochs that begin at 0 and grow"),
        (
            {"training.rollout": [{"epoch": 0, "steps": 5}]},
            ".training.rollout: 5 steps are more than the 4 of sequences.target_steps",
        ),
        (
            {"strategy": {"name": "direct"}, "training.rollout": GROWING},
            ".training.rollout: the strategy direct forecasts all lead times at once; leave it out",
        ),
        ({"strategy.history": 6}, None),
        ({"strategy.history": 7}, ".strategy.history: 7 fields are more than the 6 that sequences gives"),
        ({"strategy.history": 0}, ".strategy.history: input should be greater than or equal to 1, not 0"),
        ({"strategy.boundary_width": 2}, None),
        (
            {"strategy.boundary_width": 3},
            ".strategy.boundary_width: 3 on both sides leaves nothing of 5 points; narrow it",
        ),
        (
            {"strategy.increment": True},
            ".strategy.increment: unknown key (known here: anomaly, boundary_width, history, substeps, name)",
        ),
        ({"inputs.statics": ["latitude", "longitude"], "inputs.forcings": ["hour", "solar_zenith"]}, None),
        (
            {"inputs.statics": ["z"]},
            ".inputs.statics: z is not known; there are latitude, longitude, boundary, and dataset.statics takes more "
            "from the archive",
        ),
        (
            {"inputs.statics": ["boundary"]},
            ": inputs.statics: boundary is 0 everywhere; set strategy.boundary_width or leave it out",
        ),
        ({"inputs.statics": ["boundary"], "strategy.boundary_width": 1}, None),
        ({"inputs.statics": ["latitude"] * 2}, ".inputs: statics: latitude is named twice; keep one of them"),
        ({"inputs.forcings": ["hour"] * 2}, ".inputs: forcings: hour is named twice; keep one of them"),
        (
            {"inputs.forcings": ["hours"]},
            ".inputs.forcings.0: input should be 'hour', 'day_of_year' or 'solar_zenith', not 'hours'",
        ),
        ({"training.loss_weights": {"variables": {"tcc": 1}}}, None),
        (
            {"training.loss_weights": {"variables": {"msl": 1}}},
            ".training.loss_weights.variables: msl is not predicted; there are 2t, tcc",
        ),
        (
            {"strategy": {"name": "direct"}, "training.loss_weights": {"variables": {"tcc": 1}}},
            ".training.loss_weights.variables: tcc is not predicted; there are 2t",
        ),
        (
            {"training.loss_weights": {"variables": {"tcc": 0}}},
            ".training.loss_weights.variables.tcc: input should be greater than 0, not 0",
        ),
        (
            {"training.loss_weights": {"lead_time": 0}},
            ".training.loss_weights.lead_time: input should be greater than 0, not 0",
        ),
        (
            {"training.adversarial": {}},
            ": training.adversarial is for the model savp, not for weatherbench_cnn",
        ),
        ({"training.loss": "huber"}, None),
        ({"training.loss": [{"name": "mse"}, {"name": "huber", "delta": 0.5, "weight": 2}]}, None),
        ({"training.loss": []}, ".training.loss: is an empty list; name a loss"),
        (
            {"training.loss": "mes"},
            ".training.loss.0.name: input should be 'mse', 'mae', 'huber', 'spectral' or 'gradient_difference', "
            "not 'mes'",
        ),
        (
            {"training.loss": [{"name": "mse", "wieght": 2}]},
            ".training.loss.0.wieght: unknown key; did you mean weight? (known here: name, weight, delta)",
        ),
        ({"training.loss": [{"weight": 2}]}, ".training.loss.0.name: missing; add it"),
        (
            {"training.adversarial": {"gaan": 1}},
            ".training.adversarial.gaan: unknown key; did you mean gan? "
            "(known here: reconstruction, gan, vae_gan, features, clip_steps)",
        ),
        ({"training.betas": [0.9, 1.5]}, ".training.betas.1: input should be less than 1, not 1.5"),
        ({"training.ema": 1}, ".training.ema: input should be less than 1, not 1"),
        ({"training.seed": 2**32}, ".training.seed: input should be less than 4294967296, not 4294967296"),
        (
            {"training.learning_rate": float("inf")},
            ".training.learning_rate: input should be a finite number, not inf",
        ),
        (
            {"training.precision": 16},
            ".training.precision: input should be '32', 'bf16-mixed' or '16-mixed', not 16",
        ),
    ],
)
def test_settings_of_a_training_that_do_not_go_together_are_told_in_one_line(
    settings: dict[str, Any], line: str | None
) -> None:
    config = edited("experiments.cnn.strategy", {"name": "diff_ar"})
    del config["experiments"]["convlstm"]
    for path, value in settings.items():
        section, _, key = path.rpartition(".")
        found = config["experiments"]["cnn"]
        if section:
            found = found.setdefault(section, {})
        found[key] = value
    if line is None:
        assert validate(config)
    else:
        assert problems(config) == ["the config has 1 problem:", f"  experiments.cnn{line}"]


def test_experiments_that_are_scored_on_other_points_are_refused() -> None:
    config = edited("experiments.cnn.strategy.boundary_width", 1)
    assert problems(config)[1:] == [
        "  experiments.cnn.strategy.boundary_width: 1 is not that of convlstm, 0; experiments of a file are compared "
        "on the same points, give all of them the same width"
    ]


def test_savp_alone_may_have_discriminators_and_one_batch_a_step() -> None:
    config = edited("experiments.convlstm.model", {"name": "savp"})
    config["experiments"]["convlstm"]["training"] |= {"adversarial": {}}
    assert validate(config)
    config["experiments"]["convlstm"]["training"] |= {"accumulate": 2}
    assert problems(config)[1:] == [
        "  experiments.convlstm: training.accumulate must be 1 for the model savp, whose two optimisers go in turn"
    ]


def test_members_are_for_the_experiments_that_draw_and_leave_the_others_as_they_are() -> None:
    config = edited("forecast", {"members": 8})
    config["experiments"]["vae"] = copy.deepcopy(config["experiments"]["convlstm"]) | {"model": {"name": "vae"}}
    settings = {
        name: json.loads(settings_of("forecast", validate(config), experiment=name, split="test"))["members"]
        for name in ("vae", "convlstm")
    }
    assert settings == {"vae": 8, "convlstm": 1}


def test_statics_of_the_archive_are_known_once_the_dataset_takes_them() -> None:
    config = edited("dataset.statics", ["z", "lsm"])
    config["experiments"]["cnn"]["inputs"] = {"statics": ["lsm", "z", "latitude"]}
    assert validate(config)


def test_fields_before_the_window_count_for_the_history() -> None:
    config = edited("experiments.cnn.strategy", {"name": "diff_ar", "history": 9})
    config["sequences"]["lookback_steps"] = 2
    assert any("9 fields are more than the 8 that sequences gives" in line for line in problems(config))
    config["sequences"]["lookback_steps"] = 3
    assert validate(config)


def test_a_loss_by_its_name_is_the_list_of_this_term() -> None:
    named = validate(edited("experiments.cnn.training.loss", "mae"))
    listed = validate(edited("experiments.cnn.training.loss", [{"name": "mae"}]))
    assert named == listed
    assert validate(named.model_dump(mode="json")) == named


@pytest.mark.parametrize(
    "name", ["persistence", "damped_persistence", "climatology", "shards", "damping", "truth"]
)
def test_names_that_windrow_uses_itself_are_refused(name: str) -> None:
    config = tiny_config("archive")
    config["experiments"][name] = config["experiments"].pop("cnn")
    assert any(f"experiments.{name}: this name is taken" in line for line in problems(config))


def test_an_export_of_a_network_that_needs_the_coming_fields_is_refused() -> None:
    config = edited("experiments.cnn.strategy", {"name": "direct", "boundary_width": 1}) | {
        "export": {"onnx": True}
    }
    (problem,) = [line for line in problems(config) if "export" in line]
    assert "experiments.cnn.strategy.boundary_width: needs the coming fields" in problem
    assert "set export.onnx to false" in problem


def test_a_bad_name_of_an_experiment_is_told_in_plain_words() -> None:
    config = tiny_config("archive")
    config["experiments"]["my exp"] = config["experiments"].pop("cnn")
    assert "  experiments: 'my exp' is no name; take letters, digits and _, and begin with a letter" in problems(
        config
    )


def test_months_that_were_not_trained_on_are_told() -> None:
    config = edited("dataset.period", [{"years": "2007-2009", "months": "1-2"}])
    config["splits"]["validation"] = [["2008-02-01", "2008-02-20"]]
    told = problems(config)
    assert len(told) == 2
    assert (
        "splits.validation: strategy.anomaly needs the mean of each month and splits.train lacks month 2"
        in told[1]
    )
    config["splits"]["test"] = [["2009-02-01", "2009-02-20"]]
    config["experiments"]["cnn"]["strategy"]["anomaly"] = False
    assert "splits.test: climatology needs the mean of each month" in problems(config)[1]


def test_adjacent_days_are_one_run() -> None:
    config = edited("sequences", {"input_steps": 20, "target_steps": 20})
    config["splits"]["test"] = [["2009-01-01", "2009-01-01"], ["2009-01-02", "2009-01-02"]]
    assert validate(config)


def test_a_validator_tells_all_of_its_problems() -> None:
    config = edited("source.files", "/{yeer}.grb")
    config["source"]["step_hours"] = 5
    assert problems(config)[0] == "the config has 3 problems:"


def test_a_config_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes("titel: Wärme".encode("latin-1"))
    with pytest.raises(UserError, match=r"config\.yaml is not UTF-8 at byte 8"):
        read_config(path)


def test_a_missing_section_is_named() -> None:
    config = tiny_config("archive")
    del config["splits"]
    assert problems(config)[1:] == ["  splits: missing; add it"]


def test_all_problems_are_told_at_once() -> None:
    config = edited("dataset.domain.nx", -1)
    config["splits"]["tset"] = []
    config["experiments"]["cnn"]["training"]["epochs"] = "many"
    told = problems(config)
    assert told[0] == "the config has 3 problems:"
    assert len(told) == 4


def test_a_doubled_key_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(tiny_config("archive")) + "splits: {}\n")
    with pytest.raises(UserError, match="the key 'splits' stands twice"):
        read_config(path)


@pytest.mark.parametrize("text", ["", "- a\n", "a: [\n", "only words"])
def test_what_is_no_config_is_refused_in_one_message(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"config\.yaml"):
        read_config(path)
