import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from windrow import extraction, forecasts
from windrow.config import Config
from windrow.configfile import read_config, validate
from windrow.errors import UserError
from windrow.models.settings import SETTINGS
from windrow.testing import tiny_config
from windrow.verification import conditional, scoring, verify
from windrow.work import score_stages, size, trainings
from windrow.work.needs import COMPUTED, SNAKEMAKE_MB, STAGES, Need, need

ROOT = Path(__file__).parents[2]
WILDCARDS = {
    **{stage: {"year": "2007", "month": "01"} for stage in ("inventory", "extract", "statistics_month")},
    "shards": {"year": "2007"},
    "compare": {"split": "test"},
    **{stage: {"experiment": "one"} for stage in ("train", "export")},
    **{stage: {"experiment": "one", "split": "test"} for stage in ("forecast", "verify", "report")},
}
NAMES = ("2t", "tcc", "msl", *(f"v{letter}" for letter in "abcdefghijklmnopq"))
# peak memory (MB) of the steps of an archive of three Januaries, as `wait4` tells it, on a processor, with one thread
GRIDS = {
    "dot": (8, 10, 1),
    "europe": (56, 92, 3),
    "layers": (40, 80, 20),
    "many": (40, 80, 20),
    "globe": (121, 240, 6),
    "fine": (500, 500, 2),
}
TARGETS = {"dot": 1, "europe": 1, "layers": 4, "many": 20, "globe": 3, "fine": 2}
SEQUENCES = {"dot": (4, 4, 1), "europe": (12, 12, 3), "fine": (2, 4, 4)} | dict.fromkeys(
    ("layers", "many", "globe"), (2, 10, 2)
)
STEP_HOURS = {"dot": 1, "europe": 1} | dict.fromkeys(("layers", "many", "globe", "fine"), 6)
PEAKS = {
    "dot": {"inventory": 95, "audit": 69, "extract": 85, "statics": 83, "statistics_month": 66, "statistics": 64}
    | {"shards_layout": 75, "shards": 65, "damping": 65, "train": 481, "forecast": 468, "export": 442}
    | {"verify": 161, "report": 370, "compare": 372},
    "europe": {
        "inventory": 97,
        "audit": 71,
        "extract": 114,
        "statics": 88,
        "statistics_month": 73,
        "statistics": 70,
    }
    | {"shards_layout": 82, "shards": 70, "damping": 170, "train": 611, "forecast": 632, "export": 524}
    | {"verify": 336, "report": 441, "compare": 379},
    "layers": {
        "extract": 116,
        "statistics_month": 75,
        "statistics": 70,
        "shards": 70,
        "damping": 95,
        "train": 625,
    }
    | {"forecast": 602, "export": 557, "verify": 544, "report": 470, "compare": 399},
    "many": {"damping": 122, "verify": 587},
    "globe": {"extract": 134, "statistics_month": 79, "statistics": 71, "shards": 69, "damping": 229, "train": 965}
    | {"forecast": 936, "export": 1070, "verify": 854, "report": 598, "compare": 453},
    "fine": {"inventory": 95, "audit": 75, "extract": 117, "statics": 87, "statistics_month": 95, "statistics": 84}
    | {"shards_layout": 82, "shards": 75, "damping": 492, "train": 1539, "forecast": 1741, "export": 1935}
    | {"verify": 1613, "report": 736, "compare": 526},
}
# peak memory (10⁶ bytes) and operations of a window (GFLOP) of a training with each network: benchmarks/README.md
TRAININGS = {
    "convlstm": (1630, 292),
    "weatherbench_cnn": (563, 11.3),
    "unet": (2760, 326),
    "halfunet": (1670, 61.3),
}
TRAININGS |= {
    "segformer": (1210, 61.0),
    "graphlam": (5060, 38.7),
    "hilam": (7200, 59.2),
    "hilamparallel": (5410, 44.4),
}
TRAININGS |= {"vae": (526, 0.261), "savp": (4780, 527)}


def measured_config(name: str) -> Config:
    """The config that the peaks were measured with."""
    ny, nx, variables = GRIDS[name]
    given, leads, stride = SEQUENCES[name]
    return changed(
        source={"step_hours": STEP_HOURS[name]},
        dataset={"domain": {"south": -60.0, "west": 0.0, "nx": nx, "ny": ny}, "variables": NAMES[:variables]},
        sequences={"input_steps": given, "target_steps": leads, "stride": stride},
        experiments={"one": experiment(targets=NAMES[: TARGETS[name]])},
    )


def changed(**parts: dict[str, Any]) -> Config:
    config = tiny_config("archive")
    for name, part in parts.items():
        config[name] = part if name == "experiments" else {**config.get(name, {}), **part}
    return validate(config)


def experiment(**changes: Any) -> dict[str, Any]:
    return {
        "targets": ["2t"],
        "model": {"name": "weatherbench_cnn", "features": 8},
        "strategy": {"name": "direct", "increment": True},
        "training": {"epochs": 1, "batch_size": 4, "accelerator": "cpu"},
        **changes,
    }


def trained(**training: Any) -> Need:
    config = changed(experiments={"one": experiment(training={"accelerator": "cpu", "batch_size": 4, **training})})
    return need("train", config, experiment="one")


@pytest.mark.parametrize("name", PEAKS)
def test_requests_of_memory_hold_what_was_measured_and_not_three_times_as_much(name: str) -> None:
    config = measured_config(name)
    for stage, peak in PEAKS[name].items():
        asked = need(stage, config, **WILDCARDS.get(stage, {})).memory_mb
        assert peak + SNAKEMAKE_MB <= asked <= 3 * (peak + SNAKEMAKE_MB), stage


@pytest.mark.parametrize("name", TRAININGS)
def test_trainings_of_every_network_are_as_large_as_the_benchmark_measured(name: str) -> None:
    strategy = {"name": "direct" if name == "weatherbench_cnn" else SETTINGS[name].strategies[0]}
    training = {"epochs": 1, "batch_size": 4, "accelerator": "cpu"} | (
        {"adversarial": {}} if name == "savp" else {}
    )
    config = changed(
        dataset={"domain": {"south": 38.4, "west": 0.0, "nx": 92, "ny": 56}, "variables": NAMES[:3]},
        sequences={"input_steps": 12, "target_steps": 12, "stride": 1},
        experiments={"one": experiment(model={"name": name}, strategy=strategy, training=training)},
    )
    peak, gflop = TRAININGS[name][0] * 1e6 / trainings.MB, TRAININGS[name][1]
    asked = need("train", config, experiment="one").memory_mb
    assert peak + SNAKEMAKE_MB <= asked <= 3 * (peak + SNAKEMAKE_MB)
    validated = trainings.forecast_flop(config, config.experiments["one"], windows=721, members=1)
    trained = trainings.training_flop(config, config.experiments["one"]) - validated
    assert 0.75 <= trained / 721 / (gflop * 1e9) <= 1.4


def test_each_rule_asks_for_what_the_model_of_its_stage_says() -> None:
    rules = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    for resource, function in (("mem_mb", "memory"), ("runtime", "minutes")):
        asked = re.findall(rf'{resource}={function}\("(\w+)"', rules)
        assert sorted(asked) == sorted({**STAGES, **COMPUTED})
        assert not re.search(rf"{resource}=\d", rules)


def test_the_smallest_request_is_of_five_minutes_and_of_two_snakemakes() -> None:
    asked = need("statistics", changed())
    assert asked.minutes == 5
    assert trained().minutes == 15
    assert asked.memory_mb > SNAKEMAKE_MB == 2 * 135


def test_a_stage_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(UserError, match="no model of the stage rain; there are inventory, "):
        need("rain", changed())


def test_wildcards_that_the_config_has_said_may_be_given() -> None:
    config = changed()
    plain = need("inventory", config, year="2007", month="01")
    assert need("inventory", config, year="2007", month="01", archive="tiny", dataset="any") == plain


def test_stages_of_months_need_no_more_memory_in_a_longer_period() -> None:
    short, long = (
        changed(dataset={"period": [{"years": years, "months": 1}]}) for years in ("2007-2009", "1960-2019")
    )
    for stage in ("inventory", "extract", "statistics_month"):
        assert need(stage, short, year="2007", month="01") == need(stage, long, year="2007", month="01")


def test_time_of_the_data_stages_grows_with_the_hours() -> None:
    config = read_config(ROOT / "config" / "gmd2022.yaml")
    february, march = (need("extract", config, year="2007", month=month) for month in ("02", "03"))
    assert march.bytes_written * 28 == february.bytes_written * 31
    assert march.bytes_written == 31 * 24 * 3 * 92 * 56 * 4
    assert march.cpu_seconds > february.cpu_seconds


def test_a_training_takes_as_long_as_it_has_epochs() -> None:
    start = trained(epochs=1, rollout=[]).seconds
    several = [trained(epochs=epochs).seconds - start for epochs in (101, 201)]
    assert several[1] == pytest.approx(2 * several[0])


def test_shorter_forecasts_in_the_first_epochs_take_less() -> None:
    stepwise = {"model": {"name": "halfunet"}, "strategy": {"name": "scaled_ar"}}
    rollouts = ([], [{"epoch": 0, "steps": 1}], [{"epoch": 0, "steps": 1}, {"epoch": 1, "steps": 4}])
    asked = [
        need(
            "train",
            changed(experiments={"one": experiment(**stepwise, training={"epochs": 2, "rollout": one})}),
            gpu=False,
            experiment="one",
        )
        for one in rollouts
    ]
    assert asked[1].cpu_seconds < asked[2].cpu_seconds < asked[0].cpu_seconds
    assert asked[1].memory_mb <= asked[2].memory_mb == asked[0].memory_mb


def test_processes_share_the_time_and_each_has_memory_of_its_own() -> None:
    one, two, spread = (trained(epochs=500, **where) for where in ({}, {"devices": 2}, {"nodes": 2}))
    assert one.seconds / 2 < two.seconds < one.seconds
    assert two.memory_mb > 1.5 * one.memory_mb
    assert spread.memory_mb == one.memory_mb  # the request is one for each node
    assert spread.seconds == two.seconds


def test_threads_share_the_time_of_trainings_forecasts_and_scores() -> None:
    config = read_config(ROOT / "config" / "sample.yaml")
    for stage, wildcards in {
        "train": {"experiment": "convlstm"},
        "forecast": {"experiment": "convlstm", "split": "test"},
        "verify": {"experiment": "convlstm", "split": "test"},
    }.items():
        slow, fast = (need(stage, config, threads=threads, gpu=False, **wildcards) for threads in (1, 4))
        assert fast.seconds < slow.seconds
        assert fast.cpu_seconds == pytest.approx(slow.cpu_seconds)
        assert fast.minutes <= slow.minutes
    assert need("verify", config, threads=4, **wildcards).memory_mb > need("verify", config, **wildcards).memory_mb


def test_a_gpu_takes_the_memory_of_the_gradient() -> None:
    config = read_config(ROOT / "config" / "gmd2022.yaml")
    there, here = (need("train", config, gpu=gpu, experiment="savp") for gpu in (True, False))
    assert here.device_mb == 0 < there.device_mb
    assert there.memory_mb < here.memory_mb
    assert there.seconds < here.seconds


def test_an_experiment_for_processors_asks_for_no_gpu() -> None:
    assert trained().device_mb == 0
    assert trained(accelerator="gpu").device_mb > 0


def test_more_members_take_more_time_and_disk() -> None:
    generative = {"model": {"name": "vae"}, "strategy": {"name": "sequence"}}
    for stage in ("forecast", "verify"):
        one, ten = (
            need(
                stage,
                changed(forecast={"members": members}, experiments={"one": experiment(**generative)}),
                experiment="one",
                split="test",
            )
            for members in (1, 10)
        )
        assert ten.cpu_seconds > one.cpu_seconds
        assert ten.memory_mb >= one.memory_mb


def test_forecasts_take_the_room_of_their_fields() -> None:
    asked = need("forecast", changed(experiments={"one": experiment()}), **WILDCARDS["forecast"])
    windows, leads, points = (744 - 10) // 12 + 1, 4, 5 * 6
    assert asked.bytes_written == windows * leads * points * 4


def test_the_model_needs_neither_torch_nor_the_readers_of_files() -> None:
    code = "import sys; import windrow.work.needs; print(*({'torch', 'zarr', 'netCDF4', 'xarray'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


def test_what_is_copied_from_the_stages_is_still_so() -> None:
    assert [trainings.chunk_inits(members) for members in (1, 3, 50)] == [
        forecasts.chunk_inits(members) for members in (1, 3, 50)
    ]
    assert score_stages.AT_ONCE == verify._VARIABLES_AT_ONCE
    assert score_stages.PART_INITS == verify._PART_INITS
    assert score_stages.QUANTILE_STEPS == verify._STEPS_AT_ONCE
    assert score_stages.CHUNK == scoring._CHUNK_POINTS
    assert score_stages.FINE == conditional.FINE
    assert extraction._CHUNK_BYTES == 8 * trainings.MB
    assert size.AMBS_GROUP == 10
