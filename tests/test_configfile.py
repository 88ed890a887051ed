import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from windrow.configfile import read_config, validate
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
        ("experiments.cnn.strategy", {"name": "sequence"}, "the model weatherbench_cnn needs the strategy direct"),
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
        ("experiments.cnn.model.kernel", 4, "model.kernel must be odd"),
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


@pytest.mark.parametrize("name", ["persistence", "climatology", "shards", "truth"])
def test_names_that_windrow_uses_itself_are_refused(name: str) -> None:
    config = tiny_config("archive")
    config["experiments"][name] = config["experiments"].pop("cnn")
    assert any(f"experiments.{name}: this name is taken" in line for line in problems(config))


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
