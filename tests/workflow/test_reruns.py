"""Only what an edit touches runs again: real dry-runs after real edits."""

import copy
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

AFTER_TRAINING = ("forecast", "verify", "report")
DATASET = "Y2007to2009M01-6_5-49.60N02.60E-2t_tcc"


def of_experiment(name: str, *rules: str) -> set[str]:
    return {f"{rule} {name}" for rule in rules}


def both(*rules: str) -> set[str]:
    return of_experiment("convlstm", *rules) | of_experiment("cnn", *rules)


def months(rule: str, *years: int) -> set[str]:
    return {f"{rule} {year} 01" for year in years}


BLOCKS = {f"shards {year}" for year in (2007, 2008, 2009)}


def learning_rate(config: dict[str, Any]) -> None:
    config["experiments"]["convlstm"]["training"] = {"epochs": 2, "batch_size": 8, "learning_rate": 0.001}


def verification_option(config: dict[str, Any]) -> None:
    config["verification"] = {"baselines": ["persistence", "climatology"]}


def plot_option(config: dict[str, Any]) -> None:
    config["report"] = {"colormap": "viridis"}


def an_export(config: dict[str, Any]) -> None:
    config["export"] = {"onnx": True}


def days_of_test(config: dict[str, Any]) -> None:
    config["splits"]["test"] = [["2009-01-08", "2009-01-31"]]


def training_period(config: dict[str, Any]) -> None:
    config["splits"]["train"] = [["2007-01-01", "2007-01-24"]]


def one_more_variable(config: dict[str, Any]) -> None:
    config["dataset"]["variables"] = ["2t", "tcc", "msl"]


def one_static_field(config: dict[str, Any]) -> None:
    config["dataset"]["statics"] = ["z"]


def one_more_experiment(config: dict[str, Any]) -> None:
    config["experiments"]["wide"] = copy.deepcopy(config["experiments"]["cnn"])


def reordered_keys(config: dict[str, Any]) -> None:
    for section in (config, config["splits"], config["experiments"]["convlstm"], config["dataset"]["domain"]):
        for key in sorted(section, reverse=True):
            section[key] = section.pop(key)


def a_remedy(config: dict[str, Any]) -> None:
    config["source"]["remedy"] = "ask the librarian"


EDITS: dict[Callable[[dict[str, Any]], None], set[str]] = {
    learning_rate: {*of_experiment("convlstm", "train", *AFTER_TRAINING), "compare"},
    verification_option: {*both("verify", "report"), "compare"},
    plot_option: both("report"),
    an_export: both("export", "report"),
    days_of_test: {*both(*AFTER_TRAINING), "compare"},
    training_period: {
        "statistics_month 2007 01",
        "statistics",
        "damping",
        *both("train", *AFTER_TRAINING),
        "compare",
    },
    one_more_variable: {
        "audit",
        *months("extract", 2007, 2008, 2009),
        "statics",
        *BLOCKS,
        "statistics_month 2007 01",
        "statistics",
        "shards_layout",
        "damping",
        *both("train", *AFTER_TRAINING),
        "compare",
    },
    one_static_field: {"statics", *both("train", *AFTER_TRAINING), "compare"},
    one_more_experiment: {*of_experiment("wide", "train", *AFTER_TRAINING), "compare"},
    reordered_keys: set(),
    a_remedy: set(),
}


@pytest.fixture
def project(finished: Any) -> Iterator[Any]:
    yield finished
    finished.write_config()


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_an_edit_of_the_config_reruns_what_it_touches_and_nothing_else(project: Any, edit: Any) -> None:
    config = copy.deepcopy(project.config)
    edit(config)
    project.write_config(yaml.safe_dump(config, sort_keys=False))
    assert project.planned() == EDITS[edit]


def test_no_key_of_the_default_config_leaks_into_a_given_one(project: Any) -> None:
    planned = project.planned("--forceall")
    assert not [job for job in planned if "weatherbench_cnn" in job]


def test_a_comment_reruns_nothing(project: Any) -> None:
    project.write_config("# a remark\n" + yaml.safe_dump(project.config))
    assert project.planned() == set()


def test_a_second_run_does_nothing(project: Any) -> None:
    assert project.planned() == set()


@pytest.mark.parametrize(
    "file",
    ["results/{dataset}/statistics.json", "results/{dataset}/audit.json", "src/windrow/shards/blocks.py"],
)
def test_a_touched_but_unchanged_small_file_reruns_nothing(project: Any, file: str) -> None:
    (project.path / file.format(dataset=DATASET)).touch()
    assert project.planned() == set()


SOURCES = {
    "verification/pointwise.py": {*both("verify", "report"), "compare"},
    "models/convlstm.py": {*of_experiment("convlstm", "train", *AFTER_TRAINING), "compare"},
    "training/losses.py": {*both("train", *AFTER_TRAINING), "compare"},
    "shards/blocks.py": {*BLOCKS, "damping", *both("train", *AFTER_TRAINING), "compare"},
    "shards/writer.py": {"shards_layout"},
    "statics.py": {"statics", *both("train", *AFTER_TRAINING), "compare"},
    "steps/compare.py": {"compare"},
    "steps/damping.py": {"damping", *both("verify", "report"), "compare"},
}


@pytest.mark.parametrize("file", SOURCES)
def test_an_edit_of_a_source_file_reruns_the_rules_that_use_it(project: Any, file: str) -> None:
    path = project.path / "src" / "windrow" / file
    text = path.read_text()
    path.write_text(text + "\n# edited\n")
    try:
        assert project.planned() == SOURCES[file]
    finally:
        path.write_text(text)


def test_one_more_year_adds_blocks_and_neither_rewrites_old_ones_nor_trains_again(new_finished: Any) -> None:
    project = new_finished()
    project.config["dataset"]["name"] = DATASET  # the one that it has, kept while it grows
    project.write_config()
    shown = both("report")  # which tell what is asked for: the name, and the period
    assert project.planned() == shown
    shutil.copytree(project.path / "archive" / "2009", project.path / "archive" / "2010")
    project.config["dataset"]["period"] = [{"years": "2007-2010", "months": 1}]
    project.write_config()
    added = {f"{rule} 2010 01" for rule in ("inventory", "extract")} | {"audit", "shards_layout", "shards 2010"}
    assert project.planned() == {*added, *shown}
