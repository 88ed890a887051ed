"""Where everything lies in the shards.

`data` has the dimensions (time, variable, latitude, longitude), on projected and rotated grids (time, variable,
y, x), float32, physical units, uncompressed. A block of `block_steps` times is one file,
`data/c/<block>/0/0/0`, in Zarr's sharding format with one inner chunk per time step: the steps lie one
behind the other from byte 0, then comes the index (offset and length per step, two little-endian 64-bit numbers,
2**64 - 1 both for a step that does not exist) and its CRC-32C. The place of a step follows from its number, also
beside steps that do not exist, so that the file can be mapped as an array.
The time axis runs without gaps from the first to the last month of the dataset; months that the dataset does
not have take no space.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import google_crc32c
import numpy as np
import numpy.typing as npt

from windrow.stages import Layout

DATA = "data"
NO_CHUNK = 2**64 - 1
DIMENSIONS = ("time", "variable", "latitude", "longitude")


@dataclass(frozen=True)
class BlockShape:
    """Steps, variables and grid points of a block."""

    steps: int
    variables: int
    ny: int
    nx: int

    @property
    def step_bytes(self) -> int:
        """Size of one time step (bytes)."""
        return 4 * self.variables * self.ny * self.nx

    @property
    def data_bytes(self) -> int:
        """Where the index begins (bytes)."""
        return self.steps * self.step_bytes

    @property
    def index_bytes(self) -> int:
        """Size of the index without its checksum."""
        return 16 * self.steps

    @property
    def file_bytes(self) -> int:
        """Size of a block's file."""
        return self.data_bytes + self.index_bytes + 4

    @property
    def fields(self) -> tuple[int, int, int, int]:
        """The block as an array."""
        return self.steps, self.variables, self.ny, self.nx

    def index(self, present: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
        """The index of a block with these steps: shape (steps, 2), offset and length in bytes."""
        index = np.full((self.steps, 2), NO_CHUNK, dtype="<u8")
        index[present, 0] = np.flatnonzero(present) * self.step_bytes
        index[present, 1] = self.step_bytes
        return index

    def index_ending(self, present: npt.NDArray[np.bool_]) -> bytes:
        """The index and its checksum, as they end the block's file."""
        index = self.index(present).tobytes()
        return index + int(google_crc32c.value(index)).to_bytes(4, "little")


def runs(present: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The places that are true as pairs of first and end, in order."""
    edges = np.flatnonzero(np.diff(present, prepend=False, append=False))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def block_path(shards: Path, block: int) -> Path:
    """The file of a block."""
    return shards / block_key(block)


def block_key(block: int) -> str:
    """The name of a block in the store."""
    return f"{DATA}/c/{block}/0/0/0"


def manifest_path(shards: Path, year: int) -> Path:
    """What is known of the blocks of a year, once all of them are written."""
    return shards / "blocks" / f"{year}.json"


def record_path(shards: Path, block: int) -> Path:
    """What is known of a block, for the job that goes on after a killed one."""
    return shards / "blocks" / "records" / f"{block}.json"


def step_of(time: dt.datetime, layout: Layout) -> int:
    """The number of a time on the axis of the shards."""
    return (time - layout.origin) // dt.timedelta(hours=layout.step_hours)


def time_of(step: int, layout: Layout) -> dt.datetime:
    """The time of a step on the axis of the shards."""
    return layout.origin + step * dt.timedelta(hours=layout.step_hours)


def blocks_between(first: dt.datetime, end: dt.datetime, layout: Layout) -> range:
    """The blocks that hold the times of [first, end)."""
    return range(
        step_of(first, layout) // layout.block_steps, (step_of(end, layout) - 1) // layout.block_steps + 1
    )


def shape_of(layout: Layout) -> BlockShape:
    """The shape of this dataset's blocks."""
    return BlockShape(steps=layout.block_steps, variables=len(layout.variables), ny=layout.ny, nx=layout.nx)
