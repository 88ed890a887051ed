"""The blocks are what zarr-python reads and writes, for any shape and any holes."""

import datetime as dt
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.shards.blocks import BlockWriter, Source
from windrow.shards.layout import block_path
from windrow.shards.manifest import MonthState, file_checksum
from windrow.shards.reader import ShardReader
from windrow.stages import Layout

SIZES = st.integers(1, 5)


def zarr_array(root: Path, steps: int, layout: Layout) -> Any:
    fields = (len(layout.variables), layout.ny, layout.nx)
    return zarr.create_array(
        root / "data",
        shape=(steps, *fields),
        dtype="float32",
        chunks=(1, *fields),
        shards=(layout.block_steps, *fields),
        compressors=None,
        filters=None,
        fill_value=np.nan,
    )


def layout_of(block_steps: int, variables: int, ny: int, nx: int) -> Layout:
    names = tuple(f"v{number}" for number in range(variables))
    return Layout(
        origin=dt.datetime(2000, 1, 1), step_hours=1, block_steps=block_steps, variables=names, ny=ny, nx=nx
    )


@dataclass
class Fields:
    """What a month gives, out of memory."""

    values: npt.NDArray[np.float32]

    def fields(self, variable: str, steps: slice) -> npt.NDArray[np.float32]:
        return self.values[steps, int(variable[1:])]


def write_blocks(root: Path, fields: npt.NDArray[np.float32], present: list[bool], layout: Layout) -> None:
    steps = np.flatnonzero(present)
    source = Source(root, Fields(fields[steps]), steps, MonthState(name="", size=0, mtime_ns=0))
    writer = BlockWriter(layout)
    for block in np.unique(steps // layout.block_steps).tolist():
        entry = writer.write(block_path(root, block), block, [source])
        assert entry.crc32c == file_checksum(block_path(root, block))


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 7), SIZES, SIZES, SIZES),
    present=st.lists(st.booleans(), min_size=1, max_size=20),
    seed=st.integers(0, 100),
)
def test_zarr_python_reads_what_is_written_and_the_reader_what_zarr_python_writes(
    shape: tuple[int, int, int, int], present: list[bool], seed: int
) -> None:
    layout = layout_of(*shape)
    fields = np.random.default_rng(seed).random((len(present), *shape[1:]), dtype=np.float32)
    expected = np.where(np.array(present)[:, None, None, None], fields, np.float32(np.nan))
    with tempfile.TemporaryDirectory() as directory:
        ours, theirs = Path(directory, "ours"), Path(directory, "theirs")
        array = zarr_array(ours, len(present), layout)
        write_blocks(ours, fields, present, layout)
        np.testing.assert_array_equal(array[:], expected)
        array = zarr_array(theirs, len(present), layout)
        for step in np.flatnonzero(present):
            array[step] = fields[step]
        reader = ShardReader(ours, layout)
        assert reader.available(range(len(present))).tolist() == present
        for step in np.flatnonzero(present):
            np.testing.assert_array_equal(reader.windows(np.array([step]), 1)[0, 0], fields[step])
        for block in range(-(-len(present) // shape[0])):
            part = present[block * shape[0] : (block + 1) * shape[0]]
            if len(part) == shape[0] and all(part):  # holes have a place of their own with us and none with zarr
                whole = slice(block * shape[0], (block + 1) * shape[0])
                array[whole] = fields[whole]
                assert block_path(ours, block).read_bytes() == block_path(theirs, block).read_bytes()
