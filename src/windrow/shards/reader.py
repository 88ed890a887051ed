"""Read windows out of the blocks, each step copied once, into a buffer that the caller may keep."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from windrow.errors import UserError
from windrow.shards.layout import BlockShape, shape_of, step_of, time_of
from windrow.shards.mapped import MappedBlocks
from windrow.shards.remote import RemoteBlocks
from windrow.stages import Layout


class Blocks(Protocol):
    """Where the blocks lie."""

    def present(self, number: int) -> npt.NDArray[np.bool_] | None:
        """Which steps of a block exist; nothing if it is not there."""

    def copy(
        self, number: int, place: int, out: npt.NDArray[np.float32], columns: Sequence[int] | None = None
    ) -> None:
        """Copy steps of a block, from `place` on, into `out`; of these variables, or of all."""


class ShardReader:
    """The steps of a store, by number.

    It reads the blocks and nothing else of the store, so that what depends on some blocks does not depend on the
    length of the time axis. Threads may share it, and it travels to worker processes however they are started.

    Parameters
    ----------
    shards
        A directory, or `s3://bucket/prefix`.
    """

    def __init__(self, shards: Path | str, layout: Layout) -> None:
        self.layout = layout
        self.shape: BlockShape = shape_of(layout)
        self.shards = Path(shards)
        scheme, remote, place = str(shards).partition(":/")
        self.blocks: Blocks = (
            RemoteBlocks(f"s3://{place.strip('/')}", self.shape)  # a Path has lost one of the slashes
            if remote and scheme == "s3"
            else MappedBlocks(self.shards, self.shape)
        )

    def available(self, steps: range) -> npt.NDArray[np.bool_]:
        """Which of these steps exist; a block that is not there has none."""
        found = np.zeros(len(steps), dtype=bool)
        size = self.layout.block_steps
        for number in range(max(0, steps.start // size), (steps.stop - 1) // size + 1):
            present = self.blocks.present(number)
            if present is not None:
                first, last = max(steps.start, number * size), min(steps.stop, (number + 1) * size)
                found[first - steps.start : last - steps.start] = present[
                    first - number * size : last - number * size
                ]
        return found

    def read(self, first: int, out: npt.NDArray[np.float32], columns: Sequence[int] | None = None) -> None:
        """Copy the steps from `first` on into `out`, of shape (steps, variables, ny, nx).

        Parameters
        ----------
        columns
            The variables, by their places in the store; all if they are not given. Others are not read.

        Raises
        ------
        UserError
            If a step does not exist, or its block is not there or is damaged.
        """
        size = self.layout.block_steps
        done = 0
        while done < len(out):
            number, place = divmod(first + done, size)
            count = min(size - place, len(out) - done)
            self.blocks.copy(number, place, out[done : done + count], columns)
            present = self.blocks.present(number)
            if present is None or not present[place : place + count].all():
                raise UserError(self._hole(first + done, count))
            done += count

    def _hole(self, first: int, count: int) -> str:
        step = next(step for step in range(first, first + count) if not self.available(range(step, step + 1))[0])
        return f"{self.shards} has no fields of {time_of(step, self.layout):%Y-%m-%dT%H:%M}; choose other windows"

    def windows(
        self,
        firsts: npt.NDArray[np.int64],
        steps: int,
        out: npt.NDArray[np.float32] | None = None,
        *,
        columns: Sequence[int] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Windows of `steps` steps: shape (window, steps, variables, ny, nx), physical units.

        Parameters
        ----------
        out
            Where to put them, of that shape, float32; new memory if it is not given.
        columns
            As for `read`.
        """
        _, variables, *points = self.shape.fields
        shape = (len(firsts), steps, variables if columns is None else len(columns), *points)
        if out is None:
            out = np.empty(shape, dtype=np.float32)
        if out.shape != shape or out.dtype != np.float32:
            raise ValueError(f"out is {out.dtype} {out.shape} and not float32 {shape}")
        for window, first in zip(out, firsts.tolist(), strict=True):
            self.read(first, window, columns)
        return out

    def step_of(self, time: dt.datetime) -> int:
        """The number of a time on the axis."""
        return step_of(time, self.layout)
