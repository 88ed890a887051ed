"""Read windows out of the blocks by mapping them into memory."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt

from windrow.errors import UserError
from windrow.shards.layout import NO_CHUNK, BlockShape, block_path, shape_of, step_of
from windrow.stages import Layout


class ShardReader:
    """The steps of a store, by number; blocks are mapped when they are first needed.

    It reads the blocks and nothing else of the store, so that what depends on some blocks does not depend on the
    length of the time axis.
    """

    def __init__(self, shards: Path, layout: Layout) -> None:
        self.shards = shards
        self.layout = layout
        self.shape: BlockShape = shape_of(layout)
        self._blocks: dict[int, npt.NDArray[np.float32]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Workers map the blocks for themselves."""
        return {**self.__dict__, "_blocks": {}}

    def block(self, number: int) -> npt.NDArray[np.float32]:
        """A block as a mapped array of shape (steps, variables, ny, nx)."""
        if number not in self._blocks:
            path = block_path(self.shards, number)
            self._index(path)
            shape = self.shape
            self._blocks[number] = np.memmap(
                path, dtype="<f4", mode="r", shape=(shape.steps, shape.variables, shape.ny, shape.nx)
            )
        return self._blocks[number]

    def _index(self, path: Path) -> npt.NDArray[np.uint64]:
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise UserError(f"the block {path} is not there; run the stage shards again") from None
        if size != self.shape.file_bytes:
            raise UserError(f"the block {path} has {size} bytes instead of {self.shape.file_bytes}; delete it")
        with path.open("rb") as stream:
            stream.seek(self.shape.data_bytes)
            index, checksum = stream.read(self.shape.index_bytes), stream.read(4)
        if int(google_crc32c.value(index)) != int.from_bytes(checksum, "little"):
            raise UserError(f"the index of the block {path} is damaged; delete it and run the stage shards again")
        found = np.frombuffer(index, dtype="<u8").reshape(-1, 2)
        if not np.array_equal(found, self.shape.index(found[:, 0] != NO_CHUNK)):
            raise UserError(
                f"the block {path} is laid out in another way; delete it and run the stage shards again"
            )
        return found

    def available(self, steps: range) -> npt.NDArray[np.bool_]:
        """Which of these steps exist; a block that is not there has none."""
        found = np.zeros(len(steps), dtype=bool)
        size = self.layout.block_steps
        for number in range(steps.start // size, (steps.stop - 1) // size + 1):
            path = block_path(self.shards, number)
            if number < 0 or not path.exists():
                continue
            present = self._index(path)[:, 0] != NO_CHUNK
            first, last = max(steps.start, number * size), min(steps.stop, (number + 1) * size)
            found[first - steps.start : last - steps.start] = present[first - number * size : last - number * size]
        return found

    def read(self, first: int, out: npt.NDArray[np.float32]) -> None:
        """Copy the steps from `first` on into `out`, of shape (steps, variables, ny, nx)."""
        size = self.layout.block_steps
        done = 0
        while done < len(out):
            number, place = divmod(first + done, size)
            count = min(size - place, len(out) - done)
            out[done : done + count] = self.block(number)[place : place + count]
            done += count

    def windows(self, firsts: npt.NDArray[np.int64], steps: int) -> npt.NDArray[np.float32]:
        """Windows of `steps` steps: shape (window, steps, variables, ny, nx), physical units."""
        shape = self.shape
        out = np.empty((len(firsts), steps, shape.variables, shape.ny, shape.nx), dtype=np.float32)
        for window, first in zip(out, firsts, strict=True):
            self.read(int(first), window)
        return out

    def step_of(self, time: dt.datetime) -> int:
        """The number of a time on the axis."""
        return step_of(time, self.layout)
