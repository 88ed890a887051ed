import datetime as dt
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

from windrow import stages
from windrow.errors import UserError
from windrow.shards.layout import block_path, blocks_between
from windrow.shards.reader import ShardReader
from windrow.shards.writer import write_block


@pytest.fixture
def layout(tiny: Any) -> stages.Layout:
    return stages.layout(tiny.config)


@pytest.fixture
def reader(tiny: Any, layout: stages.Layout) -> ShardReader:
    return ShardReader(tiny.shards, layout)


def step(time: str, layout: stages.Layout) -> int:
    return int((dt.datetime.fromisoformat(time) - layout.origin) / dt.timedelta(hours=1))


def test_xarray_opens_the_store_and_finds_the_extracted_values(tiny: Any) -> None:
    with xr.open_zarr(tiny.shards) as shards, xr.open_dataset(tiny.extracted(2009)) as month:
        assert shards["data"].dims == ("time", "variable", "latitude", "longitude")
        assert shards["data"].attrs["variables"]["2t"]["units"] == "K"
        for name in ("2t", "tcc"):
            found = shards["data"].sel(variable=name, time="2009-01").values
            np.testing.assert_array_equal(found, month[name].values)


def test_months_that_the_dataset_lacks_are_missing_in_the_store(tiny: Any) -> None:
    with xr.open_zarr(tiny.shards) as shards:
        assert np.isnan(shards["data"].sel(time="2007-06-01").values).all()


def test_a_full_block_has_the_bytes_that_zarr_python_writes(tiny: Any, tmp_path: Path) -> None:
    source = zarr.open_array(tiny.shards / "data", mode="r")
    shutil.copytree(tiny.shards / "data", tmp_path / "data", ignore=shutil.ignore_patterns("c"))
    copy = zarr.open_array(tmp_path / "data", mode="r+")
    copy[:372] = source[:372]
    assert (
        block_path(tiny.shards, 0).read_bytes() == (tmp_path / "data" / "c" / "0" / "0" / "0" / "0").read_bytes()
    )


def test_a_window_across_two_blocks_is_what_xarray_reads(tiny: Any, reader: ShardReader) -> None:
    first = 372 - 5
    with xr.open_zarr(tiny.shards) as shards:
        expected = shards["data"][first : first + 12].values
    np.testing.assert_array_equal(reader.windows(np.array([first]), 12)[0], expected)


def test_available_steps_are_those_of_the_months(reader: ShardReader, layout: stages.Layout) -> None:
    end = step("2007-02-01T00:00", layout)
    found = reader.available(range(-5, end + 5))
    assert found.tolist() == [False] * 5 + [True] * end + [False] * 5
    january = step("2008-01-01T00:00", layout)
    assert reader.available(range(january - 2, january + 2)).tolist() == [False, False, True, True]


def test_a_reader_travels_to_a_worker_without_its_maps(reader: ShardReader) -> None:
    expected = reader.windows(np.array([3]), 4)
    copy = pickle.loads(pickle.dumps(reader))
    np.testing.assert_array_equal(copy.windows(np.array([3]), 4), expected)


@pytest.fixture
def copied(tiny: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny.shards, tmp_path / "shards"))


def test_a_missing_block_is_named(copied: Path, layout: stages.Layout) -> None:
    block_path(copied, 1).unlink()
    with pytest.raises(UserError, match=r"c/1/0/0/0 is not there; run the stage shards again"):
        ShardReader(copied, layout).windows(np.array([372]), 4)


def test_a_short_block_is_named(copied: Path, layout: stages.Layout) -> None:
    path = block_path(copied, 1)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="bytes instead of"):
        ShardReader(copied, layout).windows(np.array([372]), 4)


def test_a_damaged_index_is_named(copied: Path, layout: stages.Layout) -> None:
    path = block_path(copied, 1)
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(UserError, match="is damaged"):
        ShardReader(copied, layout).windows(np.array([372]), 4)


@pytest.mark.parametrize("change", [{"block_steps": 100}, {"nx": 7}, {"variables": ("2t",)}])
def test_a_block_of_another_layout_is_refused(copied: Path, layout: stages.Layout, change: dict[str, Any]) -> None:
    other = layout.model_copy(update=change)
    with pytest.raises(UserError, match="bytes instead of"):
        ShardReader(copied, other).windows(np.array([3]), 4)


def test_steps_that_do_not_exist_keep_the_place_of_the_others(tmp_path: Path, reader: ShardReader) -> None:
    shape = reader.shape
    values = np.arange(shape.steps * shape.variables * shape.ny * shape.nx, dtype=np.float32)
    values = values.reshape(shape.steps, shape.variables, shape.ny, shape.nx)
    present = np.arange(shape.steps) % 3 == 1
    path = tmp_path / "block"
    write_block(path, values, present, shape)
    assert path.stat().st_size == shape.file_bytes
    mapped = np.memmap(path, dtype="<f4", mode="r", shape=values.shape)
    np.testing.assert_array_equal(mapped[present], values[present])


def test_a_month_that_runs_the_other_way_is_refused(
    tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from windrow import cli

    turned = tmp_path / "turned.nc"
    with xr.open_dataset(tiny.extracted(2008)) as month:
        month.isel(latitude=slice(None, None, -1)).to_netcdf(turned)
    settings = stages.settings_of("shards_layout", tiny.config)
    given = ["--extracted", str(tiny.extracted(2007)), str(turned), "--shards", str(tmp_path / "shards")]
    assert cli.main(["shards_layout", "--settings", settings, *given]) == 2
    assert "turned.nc lies on another grid or runs the other way" in capsys.readouterr().err
    assert not (tmp_path / "shards").exists()


def test_writing_the_layout_again_leaves_the_blocks_alone(tiny: Any, copied: Path) -> None:
    before = {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}
    tiny.step("shards_layout", "--extracted", tiny.extracted(2007), "--shards", copied)
    assert {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()} == before
    assert not list(copied.parent.glob(".*"))


def test_blocks_are_counted_from_the_origin(layout: stages.Layout) -> None:
    assert list(blocks_between(dt.datetime(2007, 1, 1), dt.datetime(2007, 2, 1), layout)) == [0, 1]
    assert list(blocks_between(dt.datetime(2008, 1, 1), dt.datetime(2008, 2, 1), layout)) == [23, 24, 25]
