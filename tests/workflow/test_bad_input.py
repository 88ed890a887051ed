"""Bad input gets one clear message, exit code 2 of the step, no traceback and nothing half-written."""

import copy
import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from windrow import cli, cuts
from windrow.configfile import validate
from windrow.testing import message, tiny_config, tiny_field, write_tiny_archive

MONTH = ["--month", "2007-01"]


@pytest.fixture(scope="module")
def january(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bad") / "archive"
    write_tiny_archive(root, months=[(2007, 1)], variables=("2t", "tcc"))
    return root


@pytest.fixture
def root(january: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(january, tmp_path / "archive"))


def settings(stage: str, root: Path, edit: dict[str, Any] | None = None, **wildcards: str) -> str:
    config = tiny_config(root)
    config["dataset"] |= edit or {}
    return cuts.settings_of(stage, validate(config), **wildcards)


def run_inventory(root: Path, output: Path) -> int:
    given = ["--settings", settings("inventory", root), "--archive", str(root)]
    return cli.main(["inventory", *given, *MONTH, "--output", str(output)])


def run_extract(root: Path, tmp_path: Path, edit: dict[str, Any] | None = None) -> int:
    inventory = tmp_path / "inventory.json"
    assert run_inventory(root, inventory) == 0
    given = ["--settings", settings("extract", root, edit), "--archive", str(root), "--inventory", str(inventory)]
    return cli.main(["extract", *given, "--output", str(tmp_path / "month.nc")])


def said(capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1
    assert "Traceback" not in error
    return error


def test_a_missing_archive_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_inventory(tmp_path / "nowhere", tmp_path / "out.json") == 2
    assert "no such archive" in said(capsys)
    assert not list(tmp_path.iterdir())


def test_a_missing_month_is_named(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(root / "2007" / "01")
    assert run_inventory(root, tmp_path / "out.json") == 2
    assert "has nothing for 2007-01 (looked for 2007/01/*.grib)" in said(capsys)
    assert not (tmp_path / "out.json").exists()


def fields_without(hour: int) -> bytes:
    times = [dt.datetime(2007, 1, 1) + dt.timedelta(hours=step) for step in range(744)]
    return b"".join(
        message(name, time, tiny_field(name, time))
        for time in times
        for name in ("2t", "tcc")
        if (name, time) != ("tcc", times[hour])
    )


def test_a_missing_hour_is_named_with_its_variable(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "2007" / "01" / "fields.grib").write_bytes(fields_without(29))
    assert run_extract(root, tmp_path) == 2
    assert "tcc is missing at 2007-01-02T05:00:00;" in said(capsys)
    assert {path.name for path in tmp_path.iterdir()} == {"archive", "inventory.json", ".inventory.json.scan"}


@pytest.mark.parametrize("cut", [1, 60, 5000])
def test_a_truncated_file_is_named_with_the_offset(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], cut: int
) -> None:
    path = root / "2007" / "01" / "fields.grib"
    content = path.read_bytes()
    length = len(content) // 1488
    path.write_bytes(content[:-cut])
    assert run_inventory(root, tmp_path / "out.json") == 2
    text = said(capsys)
    last_whole = (len(content) - cut) // length * length
    assert f"2007/01/fields.grib is truncated or damaged at byte {last_whole}" in text
    assert not (tmp_path / "out.json").exists()


def test_foreign_bytes_between_messages_are_named(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = root / "2007" / "01" / "fields.grib"
    content = path.read_bytes()
    length = len(content) // 1488
    path.write_bytes(content[:length] + b"garbage" + content[length:])
    assert run_inventory(root, tmp_path / "out.json") == 2
    assert f"damaged at byte {length}: 7 bytes that are no GRIB message" in said(capsys)


def test_a_variable_that_is_not_there_lists_what_is(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_extract(root, tmp_path, {"variables": ["2t", "t850"]}) == 2
    assert "the archive has no t850; it has 2t, tcc" in said(capsys)
    assert not (tmp_path / "month.nc").exists()


@pytest.mark.parametrize(
    ("domain", "text"),
    [
        ({"south": 49.6, "west": 2.6, "nx": 60, "ny": 5}, "60 x 5 points from 49.6N 2.6E are not all inside"),
        ({"south": 70.0, "west": 2.6, "nx": 6, "ny": 5}, "are not all inside"),
        ({"south": 49.7, "west": 2.6, "nx": 6, "ny": 5}, "is not a point of the grid"),
    ],
)
def test_a_domain_that_does_not_fit_gets_the_grid_told(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], domain: dict[str, float], text: str
) -> None:
    assert run_extract(root, tmp_path, {"domain": domain}) == 2
    assert text in said(capsys)
    assert not (tmp_path / "month.nc").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tiny_config("archive")
    config["experiments"]["cnn"]["training"] = {"accelerator": "gpu"}
    asked = validate(config)
    statistics = tmp_path / "statistics.json"
    from windrow.files import write_json
    from windrow.statistics import split_hash

    write_json(statistics, {"split_hash": split_hash(asked.splits.train)})
    paths = {
        name: str(tmp_path / name) for name in ("shards", "climatology", "statics", "work", "model", "history")
    }
    options = [word for name, path in paths.items() for word in (f"--{name}", path)]
    given = ["--settings", cuts.settings_of("train", asked, experiment="cnn"), "--statistics", str(statistics)]
    assert cli.main(["train", *given, *options]) == 2
    assert "asks for a GPU and this machine has none" in said(capsys)


WRONG_CONFIGS = {
    "an unknown key": (
        ("experiments", "convlstm", "training", "learning_rat"),
        0.1,
        "did you mean learning_rate?",
    ),
    "overlapping splits": (("splits", "test"), [["2007-01-20", "2009-01-31"]], "overlap on 2007-01-20"),
    "days outside": (("splits", "test"), [["2009-02-01", "2009-02-03"]], "outside dataset.period"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", WRONG_CONFIGS)
def test_a_wrong_config_stops_snakemake_with_code_2_and_no_traceback(new_project: Any, case: str) -> None:
    path, value, text = WRONG_CONFIGS[case]
    project = new_project()
    config = copy.deepcopy(project.config)
    section = config
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    project.write_config(config)
    done = project.snakemake("--dry-run")
    assert done.returncode == 2, done.stdout
    assert text in done.stdout
    assert "Traceback" not in done.stdout
    assert not (project.path / "results").exists()


@pytest.mark.slow
def test_snakemake_names_a_missing_archive_and_the_remedy(new_project: Any) -> None:
    project = new_project()
    shutil.rmtree(project.path / "archive")
    project.config["source"]["remedy"] = "ask the librarian"
    project.write_config()
    done = project.snakemake("--dry-run")
    assert done.returncode != 0
    assert "no such archive: archive; ask the librarian" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_snakemake_names_a_missing_month_before_anything_runs(new_project: Any) -> None:
    project = new_project()
    shutil.rmtree(project.path / "archive" / "2008")
    done = project.snakemake()
    assert done.returncode == 2
    assert "the archive archive has nothing for 2008-01 (looked for 2008/01/*.grib)" in done.stdout
    assert "Traceback" not in done.stdout
    assert not (project.path / "results").exists()


@pytest.mark.slow
def test_snakemake_refuses_a_key_that_stands_twice(new_project: Any) -> None:
    project = new_project()
    project.write_config((project.path / "config.yaml").read_text() + "shards: {block_steps: 24}\n")
    done = project.snakemake("--dry-run")
    assert done.returncode == 2
    assert "the key 'shards' stands twice" in done.stdout


@pytest.mark.slow
def test_snakemake_shows_the_message_of_a_failing_step(new_project: Any) -> None:
    project = new_project()
    (project.path / "archive" / "2009" / "01" / "fields.grib").write_bytes(b"GRIB")
    done = project.snakemake("--until", "inventory")
    assert done.returncode == 1
    before, _, last = done.stdout.partition("Exiting because a job execution failed")
    for part in (before, last):  # when it happens, and once more where one looks
        assert "2009/01/fields.grib is truncated or damaged at byte 0" in part
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_a_project_and_an_archive_with_odd_names_are_worked_on(new_project: Any, finished: Any) -> None:
    odd = "50% of 'all' \"data\" ü北"
    project = new_project()
    moved = project.path.with_name(f"{project.path.name} {odd}")
    project.path.rename(moved)
    project.path = moved
    (moved / "archive").rename(moved / f"archive {odd}")
    for path in (moved / f"archive {odd}").rglob("*.grib"):
        path.rename(path.with_name(f"fields {odd}.grib"))
    project.config["source"]["root"] = f"archive {odd}"
    project.write_config()
    project.run("--until", "shards", "shards_layout", "statistics", "audit")
    for path in (moved / "results").rglob("*"):
        wanted = "shards" in path.parts and not {"blocks", "benchmark"} & set(path.parts)
        if path.is_file() and (wanted or path.name == "statistics.json"):
            assert path.read_bytes() == (finished.path / path.relative_to(moved)).read_bytes(), path
    assert len(list((moved / "results").rglob("shards/data/c/*/0/0/0"))) > 3
