import datetime as dt
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml

from windrow import cli
from windrow.shards import export

from .conftest import YEARS, Store, random_fields, write_month

h5py = pytest.importorskip("h5py")


def run(store: Store, layout: str, output: Path, *, split: str | None = None) -> int:
    given: list[str] = []
    if split is not None:
        config = output.with_name("config.yaml")
        config.write_text(yaml.safe_dump(store.content))
        given = ["--settings", str(config), "--split", split]
    return cli.main(["export-shards", str(store.shards), "--format", layout, "--output", str(output), *given])


def whole_fields() -> Any:
    return np.concatenate([random_fields(year, 744) for year in YEARS])


@pytest.fixture
def with_holes(new_store: Callable[..., Store]) -> Store:
    store = new_store()
    store.month(2008).unlink()
    write_month(store.month(2008), 2008, without=(0, 300, 301))
    store.lay_out()
    return store.write()


def test_npy_files_stack_to_the_whole(whole: Store, tmp_path: Path) -> None:
    assert run(whole, "npy", tmp_path / "stack") == 0
    files = sorted((tmp_path / "stack").glob("*.npy"))
    assert [file.stem for file in files] == [f"{number:06d}" for number in (0, 1, 23, 24, 25, 47, 48, 49)]
    np.testing.assert_array_equal(np.concatenate([np.load(file) for file in files]), whole_fields())
    described = json.loads((tmp_path / "stack" / "stack.json").read_text())
    assert [part["file"] for part in described["files"]] == [file.name for file in files]
    times = np.concatenate([part["times"] for part in described["files"]])
    starts = [(dt.datetime(year, 1, 1) - dt.datetime(1900, 1, 1)) // dt.timedelta(hours=1) for year in YEARS]
    np.testing.assert_array_equal(times, np.concatenate([np.arange(start, start + 744) for start in starts]))
    assert described["time_units"] == "hours since 1900-01-01 00:00:00"
    assert described["variables"]["2t"]["units"] == "K"


def test_npy_files_leave_holes_out(with_holes: Store, tmp_path: Path) -> None:
    assert run(with_holes, "npy", tmp_path / "stack") == 0
    files = sorted((tmp_path / "stack").glob("*.npy"))
    expected = np.delete(whole_fields(), [744, 744 + 300, 744 + 301], axis=0)
    np.testing.assert_array_equal(np.concatenate([np.load(file) for file in files]), expected)


def test_the_hdf5_file_has_the_whole_in_one_array(whole: Store, tmp_path: Path) -> None:
    assert run(whole, "hdf5", tmp_path / "whole.h5") == 0
    with h5py.File(tmp_path / "whole.h5") as file:
        np.testing.assert_array_equal(file["data"][:], whole_fields())
        assert file["data"].chunks is None
        assert file["variable"].asstr()[:].tolist() == ["2t", "tcc"]
    with xr.open_dataset(tmp_path / "whole.h5") as dataset, xr.open_zarr(whole.shards) as shards:
        kept = shards["data"].sel(time=dataset["time"])
        xr.testing.assert_equal(dataset["data"].drop_attrs(), kept.compute().drop_attrs())


def test_the_hdf5_file_of_a_split_has_its_days(whole: Store, tmp_path: Path) -> None:
    whole.content["splits"]["test"] = [["2009-01-05", "2009-01-06"]]
    try:
        assert run(whole, "hdf5", tmp_path / "test.h5", split="test") == 0
    finally:
        whole.content["splits"]["test"] = [["2009-01-01", "2009-01-31"]]
    with xr.open_dataset(tmp_path / "test.h5") as dataset:
        np.testing.assert_array_equal(dataset["data"].values, random_fields(2009, 744)[96:144])


READ = """
import pickle, sys, webdataset
samples = list(webdataset.WebDataset(sys.argv[1:], shardshuffle=False).decode())
sys.stdout.buffer.write(pickle.dumps(samples))
"""


def read_by_webdataset(files: list[Path]) -> list[dict[str, Any]]:
    """In a process of its own: it leaves files open."""
    pytest.importorskip("webdataset")
    done = subprocess.run([sys.executable, "-c", READ, *map(str, files)], capture_output=True, check=True)
    samples: list[dict[str, Any]] = pickle.loads(done.stdout)
    return samples


def test_webdataset_reads_a_sample_per_window(
    with_holes: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "TAR_BYTES", 20 * 10 * 240)  # 20 windows of 10 steps of 240 bytes
    assert run(with_holes, "tar", tmp_path / "samples", split="validation") == 0
    files = sorted((tmp_path / "samples").glob("*.tar"))
    assert len(files) == 3
    fields = random_fields(2008, 744)
    starts = [start for start in range(0, 735, 12) if not {0, 300, 301} & set(range(start, start + 10))]
    samples = read_by_webdataset(files)
    assert len(samples) == len(starts) == 60
    for sample, start in zip(samples, starts, strict=True):
        np.testing.assert_array_equal(sample["inputs.npy"], fields[start : start + 6])
        np.testing.assert_array_equal(sample["targets.npy"], fields[start + 6 : start + 10])
    assert samples[0]["__key__"] == "20080101T12"
    assert samples[0]["json"]["times"][:2] == ["2008-01-01T12:00:00", "2008-01-01T13:00:00"]
    described = json.loads((tmp_path / "samples" / "samples.json").read_text())
    assert [part["samples"] for part in described["files"]] == [20, 20, 20]


def test_tar_files_are_the_same_each_time(whole: Store, tmp_path: Path) -> None:
    for name in ("one", "other"):
        assert run(whole, "tar", tmp_path / name, split="test") == 0
    one, other = (sorted((tmp_path / name).iterdir()) for name in ("one", "other"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


def said(capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize("layout", ["npy", "hdf5"])
def test_what_is_there_is_not_overwritten(
    whole: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], layout: str
) -> None:
    (tmp_path / "there").write_text("precious")
    assert run(whole, layout, tmp_path / "there") == 2
    assert "there is there already; delete it or name another one" in said(capsys)
    assert (tmp_path / "there").read_text() == "precious"


def test_tar_files_without_a_split_are_refused(
    whole: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(whole, "tar", tmp_path / "samples") == 2
    assert "tar files hold the windows of a split; name it by --settings and --split" in said(capsys)
    assert not list(tmp_path.iterdir())


def test_a_split_without_an_experiment_file_is_refused(
    whole: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--format", "npy", "--output", str(tmp_path / "stack"), "--split", "test"]
    assert cli.main(["export-shards", str(whole.shards), *given]) == 2
    assert "--split needs the experiment file" in said(capsys)


def test_settings_of_another_dataset_are_refused(
    copied: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied.content["dataset"]["variables"] = ["2t"]
    assert run(copied, "npy", tmp_path / "stack", split="test") == 2
    assert "is of another dataset than --settings" in said(capsys)


def test_a_damaged_store_leaves_nothing_half_written(
    copied: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied.shards / "data" / "c" / "25" / "0" / "0" / "0"
    path.write_bytes(path.read_bytes()[:-1])
    assert run(copied, "npy", tmp_path / "stack") == 2
    assert "c/25/0/0/0 has 95235 bytes instead of 95236" in said(capsys)
    assert not list(tmp_path.glob("*stack*"))
