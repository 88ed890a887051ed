import datetime as dt
import multiprocessing
import os
import pickle
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

from windrow.errors import UserError
from windrow.shards import mapped
from windrow.shards.layout import block_path, blocks_between
from windrow.shards.reader import ShardReader

from .conftest import Store, random_fields, write_month


@pytest.fixture
def reader(whole: Store) -> ShardReader:
    return whole.reader


def test_a_window_across_two_blocks_is_what_xarray_reads(whole: Store, reader: ShardReader) -> None:
    first = 372 - 5
    with xr.open_zarr(whole.shards) as shards:
        expected = shards["data"][first : first + 12].values
    np.testing.assert_array_equal(reader.windows(np.array([first]), 12)[0], expected)


def test_a_window_across_many_blocks_is_read(copied: Store) -> None:
    copied.content["shards"]["block_steps"] = 7
    copied.lay_out()
    copied.write(2007)
    found = copied.reader.windows(np.array([3, 100]), 40)
    fields = random_fields(2007, 744)
    np.testing.assert_array_equal(found, [fields[3:43], fields[100:140]])


def test_windows_are_gathered_into_the_callers_memory(reader: ShardReader) -> None:
    out = np.full((3, 4, 2, 5, 6), np.nan, dtype=np.float32)
    found = reader.windows(np.array([0, 400, 8760]), 4, out=out)
    assert found is out
    assert np.array_equal(out[2], random_fields(2008, 744)[:4])


@pytest.mark.parametrize("columns", [[0], [1], [1, 0], []])
def test_some_variables_are_read_in_the_order_in_which_they_are_asked_for(
    reader: ShardReader, columns: list[int]
) -> None:
    firsts = np.array([3, 372 - 5])
    found = reader.windows(firsts, 12, columns=columns)
    np.testing.assert_array_equal(found, reader.windows(firsts, 12)[:, :, columns])
    assert found.shape == (2, 12, len(columns), 5, 6)


@pytest.mark.parametrize(
    "out",
    [
        np.empty((2, 4, 2, 5, 6), np.float32),
        np.empty((1, 4, 2, 5, 6), np.float64),
        np.empty((1, 4, 2, 6, 5), "f4"),
    ],
)
def test_memory_that_does_not_fit_is_refused(reader: ShardReader, out: npt.NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="and not float32"):
        reader.windows(np.array([0]), 4, out=out)


def test_available_steps_are_those_of_the_months(reader: ShardReader) -> None:
    found = reader.available(range(-5, 744 + 5))
    assert found.tolist() == [False] * 5 + [True] * 744 + [False] * 5
    assert reader.available(range(8758, 8762)).tolist() == [False, False, True, True]


def test_blocks_are_counted_from_the_origin(whole: Store) -> None:
    assert list(blocks_between(dt.datetime(2007, 1, 1), dt.datetime(2007, 2, 1), whole.layout)) == [0, 1]
    assert list(blocks_between(dt.datetime(2008, 1, 1), dt.datetime(2008, 2, 1), whole.layout)) == [23, 24, 25]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_reader_travels_to_a_process_however_it_is_started(reader: ShardReader, method: str) -> None:
    expected = reader.windows(np.array([3]), 4)
    with multiprocessing.get_context(method).Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply(reader.windows, (np.array([3]), 4)), expected)


def test_a_reader_travels_without_its_maps(reader: ShardReader) -> None:
    reader.windows(np.array([3]), 4)
    assert len(pickle.dumps(reader)) < 1500


def test_threads_share_a_reader_that_keeps_few_maps(whole: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "OPEN_MAPS", 2)
    reader = whole.reader
    fields = random_fields(2007, 744), random_fields(2008, 744)
    starts = np.random.default_rng(0).integers(0, 700, 400)
    together = threading.Barrier(4)

    def read(number: int) -> bool:
        together.wait()
        good = True
        for start in starts[number::4]:
            one, other = reader.windows(np.array([start, 8760 + start]), 30)
            good &= np.array_equal(one, fields[0][start : start + 30])
            good &= np.array_equal(other, fields[1][start : start + 30])
        return good

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, range(4)))


def test_few_files_are_open_whatever_the_number_of_blocks(copied: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "OPEN_MAPS", 3)
    copied.content["shards"]["block_steps"] = 24
    copied.write(2007)
    reader = copied.reader
    before = len(os.listdir("/proc/self/fd"))
    found = reader.windows(np.arange(0, 720, 24), 24)
    assert len(os.listdir("/proc/self/fd")) <= before + 3
    np.testing.assert_array_equal(found.reshape(720, 2, 5, 6), random_fields(2007, 744)[:720])


def test_fields_that_do_not_exist_are_refused_and_named(copied: Store) -> None:
    copied.month(2007).unlink()
    write_month(copied.month(2007), 2007, without=(100,))
    copied.write(2007)
    with pytest.raises(UserError, match=r"has no fields of 2007-01-05T04:00; choose other windows"):
        copied.reader.windows(np.array([90]), 24)
    with pytest.raises(UserError, match=r"has no fields of 2007-12-31T23:00"):
        copied.reader.windows(np.array([8759]), 2)


def test_a_missing_block_is_named(copied: Store) -> None:
    block_path(copied.shards, 1).unlink()
    with pytest.raises(UserError, match=r"c/1/0/0/0 is not there; run the stage shards again"):
        copied.reader.windows(np.array([372]), 4)
    assert copied.reader.available(range(370, 374)).tolist() == [True, True, False, False]


@pytest.mark.parametrize("size", [0, 1, 4096, 90000, 95235])
def test_a_short_block_is_named_and_ends_nothing(copied: Store, size: int) -> None:
    path = block_path(copied.shards, 1)
    assert path.stat().st_size == 95236
    os.truncate(path, size)
    with pytest.raises(UserError, match=f"has {size} bytes instead of 95236"):
        copied.reader.windows(np.array([372]), 4)


@pytest.mark.parametrize("place", [-1, -4, -5, -372 * 16])
def test_a_damaged_index_is_named(copied: Store, place: int) -> None:
    path = block_path(copied.shards, 1)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="is damaged"):
        copied.reader.windows(np.array([372]), 4)


@pytest.mark.parametrize("change", [{"block_steps": 100}, {"nx": 7}, {"variables": ("2t",)}])
def test_a_block_of_another_layout_is_refused(whole: Store, change: dict[str, Any]) -> None:
    other = whole.layout.model_copy(update=change)
    with pytest.raises(UserError, match="bytes instead of"):
        ShardReader(whole.shards, other).windows(np.array([3]), 4)


def test_a_block_that_is_replaced_is_read_on_as_it_was(copied: Store) -> None:
    reader = copied.reader
    expected = reader.windows(np.array([0]), 300)
    path = block_path(copied.shards, 0)
    shutil.copy(block_path(copied.shards, 1), path.with_name("new"))
    path.with_name("new").replace(path)
    np.testing.assert_array_equal(reader.windows(np.array([0]), 300), expected)
