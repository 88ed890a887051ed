"""The steps report, compare and summary as they are run by the rules and by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
import yaml

from windrow import cli
from windrow.configfile import canonical, validate
from windrow.files import write_json
from windrow.naming import dataset_name
from windrow.stages import Compare
from windrow.testing import tiny_config
from windrow.verification_settings import Bootstrap


def report_arguments(world: Any, path: Path) -> list[str]:
    world.scores.to_netcdf(path / "scores.nc")
    write_json(path / "history.json", world.history)
    write_json(path / "audit.json", world.audit)
    options = {
        "--settings": canonical(world.settings),
        "--scores": path / "scores.nc",
        "--forecasts": world.path / "forecasts.zarr",
        "--shards": world.shards,
        "--history": path / "history.json",
        "--audit": path / "audit.json",
        "--output": path / "report.html",
    }
    return ["report", *(str(part) for pair in options.items() for part in pair)]


def test_the_report_is_one_file(world: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(report_arguments(world, tmp_path)) == 0
    assert "5 samples" in capsys.readouterr().out
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<dt>scores (SHA-256)</dt>" in page
    assert "<dt>snakemake</dt>" in page


def test_scores_of_another_experiment_are_refused(
    world: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = report_arguments(world, tmp_path)
    settings = canonical(world.settings.model_copy(update={"experiment_name": "convlstm"}))
    arguments[arguments.index("--settings") + 1] = settings
    assert cli.main(arguments) == 2
    assert "is of the experiment cnn and not of convlstm" in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()


def test_missing_scores_name_the_stage_that_writes_them(
    world: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = report_arguments(world, tmp_path)
    (tmp_path / "scores.nc").unlink()
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err.endswith("is not there; run the stage verify first\n")


SETTINGS = Compare(dataset="d", split="test", bootstrap=Bootstrap(), published="", experiments={})


def compare_arguments(path: Path, scores: list[Path], *more: str) -> list[str]:
    outputs = ["--output", str(path / "c.html"), "--table", str(path / "c.csv")]
    return ["compare", "--settings", canonical(SETTINGS), "--scores", *map(str, scores), *outputs, *more]


def test_compare_writes_the_page_and_the_table(make_scores: Callable[..., xr.Dataset], tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.nc", "b.nc")]
    for path, name in zip(paths, "ab", strict=True):
        make_scores({name: 1, "persistence": 4}).to_netcdf(path)
    write_json(tmp_path / "history.json", {"epochs": [{"seconds": 1}], "parameters": 5})
    histories = ["--histories", *[str(tmp_path / "history.json")] * 2]
    assert cli.main(compare_arguments(tmp_path, paths, *histories)) == 0
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert "scores of b (SHA-256)" in page
    assert '<h2 id="cost">' in page
    assert (tmp_path / "c.csv").read_text(encoding="utf-8").count("\n") == 1 + 3 * 5 * 3


def test_histories_that_are_not_one_for_each_are_refused(
    make_scores: Callable[..., xr.Dataset], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_scores({"a": 1}).to_netcdf(tmp_path / "a.nc")
    assert cli.main(compare_arguments(tmp_path, [tmp_path / "a.nc"], "--histories", "x", "y")) == 2
    assert "give one for each or none" in capsys.readouterr().err


def test_the_same_experiment_twice_is_refused(
    make_scores: Callable[..., xr.Dataset], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_scores({"a": 1}).to_netcdf(tmp_path / "a.nc")
    assert cli.main(compare_arguments(tmp_path, [tmp_path / "a.nc"] * 2)) == 2
    assert "of the same experiment (a); give each once" in capsys.readouterr().err


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the tiny dataset's results, seen from the working directory."""
    monkeypatch.chdir(tmp_path)
    content = tiny_config("archive")
    Path("config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return Path("results") / dataset_name(validate(content).dataset)


def test_experiments_of_another_dataset_are_compared_too(
    results: Path, make_scores: Callable[..., xr.Dataset], tmp_path: Path
) -> None:
    for name, error in (("convlstm", 2.0), ("cnn", 3.0)):
        (results / name / "test").mkdir(parents=True)
        make_scores({name: error, "day_before": 4}).to_netcdf(results / name / "test" / "scores.nc")
    make_scores({"cnn": 5, "day_before": 6}).to_netcdf(tmp_path / "own.nc")
    arguments = compare_arguments(tmp_path, [tmp_path / "own.nc"], "--also", "config.yaml")
    assert cli.main(arguments) == 0
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert f"cnn, cnn ({results.name}) or convlstm?" in page
    assert "Some of the experiments are of other points" in page
    assert f"day_before (cnn ({results.name}))" in (tmp_path / "c.csv").read_text(encoding="utf-8")


def test_results_of_another_dataset_that_are_not_there_are_named(
    results: Path, make_scores: Callable[..., xr.Dataset], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_scores({"a": 1}).to_netcdf(tmp_path / "a.nc")
    assert cli.main(compare_arguments(tmp_path, [tmp_path / "a.nc"], "--also", "config.yaml")) == 2
    assert "scores.nc is not there; run `snakemake --configfile config.yaml` first" in capsys.readouterr().err


def test_summary_prints_the_errors_and_where_the_pages_are(
    results: Path, make_scores: Callable[..., xr.Dataset], capsys: pytest.CaptureFixture[str]
) -> None:
    for name, error in (("convlstm", 2.0), ("cnn", 3.0)):
        (results / name / "test").mkdir(parents=True)
        make_scores({name: error, "day_before": 4}).to_netcdf(results / name / "test" / "scores.nc")
    (results / "cnn" / "test" / "report.html").touch()
    assert cli.main(["summary", "--config", "config.yaml"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "cnn         3.00  3.00  3.00  3.00" in lines
    assert str(results / "cnn" / "test" / "report.html") in lines
    assert f"{results / 'comparison' / 'test' / 'comparison.html'} (not there yet)" in lines


@pytest.mark.usefixtures("results")
def test_summary_without_results_says_how_to_make_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["summary", "--config", "config.yaml"]) == 2
    assert "scores.nc is not there; run `snakemake --configfile config.yaml` first" in capsys.readouterr().err
