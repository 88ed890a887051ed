"""Gather blocks out of the extracted months and write their files.

A block goes from the months to its file in chunks of some steps: a chunk is gathered, summed and written while it is
in the processor's cache, so that the memory is used for nothing but the files themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import google_crc32c
import numpy as np
import numpy.typing as npt

from windrow import extracted
from windrow.errors import UserError
from windrow.files import written_beside
from windrow.shards.layout import BlockShape, runs, shape_of, time_of
from windrow.shards.manifest import Entry, MonthState, month_state
from windrow.stages import Layout

CHUNK_BYTES = 3 << 20  # measured: 1 MB and 8 MB are slower by a tenth, a whole block by a quarter


@dataclass(frozen=True)
class Source:
    """An open extracted month: the numbers of its steps on the axis of the shards, in order."""

    path: Path
    month: extracted.Month
    steps: npt.NDArray[np.int64]
    state: MonthState

    def inside(self, steps: range) -> slice:
        """Where these steps lie in the month."""
        first, end = np.searchsorted(self.steps, [steps.start, steps.stop])
        return slice(int(first), int(end))


@contextmanager
def open_sources(paths: Sequence[Path], layout: Layout) -> Iterator[list[Source]]:
    """Open the months, once for all blocks, and look which steps they hold.

    Raises
    ------
    UserError
        If one cannot be read, lacks a variable, lies on another grid, or its times are not steps in order.
    """
    with ExitStack() as stack:
        yield [_source(path, stack.enter_context(extracted.opened(path)), layout) for path in paths]


def _source(path: Path, month: extracted.Month, layout: Layout) -> Source:
    state = month_state(path)
    extracted.require_shape(month, path, layout.variables, layout.ny, layout.nx)
    hours = np.asarray(month.hours, dtype=np.int64) - extracted.hours_since_1900(layout.origin)
    if (hours % layout.step_hours).any() or (np.diff(hours) <= 0).any():
        raise UserError(f"{path}: its times are not steps of {layout.step_hours} h in order; run extract again")
    return Source(path, month, hours // layout.step_hours, state)


def steps_of(block: int, layout: Layout) -> range:
    """The numbers of a block's steps."""
    return range(block * layout.block_steps, (block + 1) * layout.block_steps)


def states_inside(steps: range, sources: list[Source]) -> tuple[MonthState, ...]:
    """The months that have some of these steps."""
    found = [(source.state, source.inside(steps)) for source in sources]
    return tuple(state for state, inside in found if inside.stop > inside.start)


def present_inside(steps: range, sources: list[Source]) -> npt.NDArray[np.bool_]:
    """Which of these steps the months have.

    Raises
    ------
    UserError
        If two months have the same one.
    """
    present = np.zeros(len(steps), dtype=bool)
    for source in sources:
        places = source.steps[source.inside(steps)] - steps.start
        if present[places].any():
            raise UserError(f"{source.path} has times that another month has too; run extract again")
        present[places] = True
    return present


class BlockWriter:
    """Writes one block after the other through one chunk of memory."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.shape: BlockShape = shape_of(layout)
        self.steps = min(self.shape.steps, max(1, CHUNK_BYTES // self.shape.step_bytes))
        self.chunk = np.zeros((self.steps, *self.shape.fields[1:]), dtype="<f4")

    def write(self, path: Path, block: int, sources: list[Source]) -> Entry:
        """Write a block's file, whole or not at all; returns what is to be known of it.

        Steps that the months do not have become holes, which take no space where they are longer than a chunk.

        Raises
        ------
        UserError
            If two months have the same step, or a field has points without a value.
        """
        steps = steps_of(block, self.layout)
        present = present_inside(steps, sources)
        checksum = 0
        with written_beside(path) as beside, beside.open("wb") as stream:
            for start in range(0, len(steps), self.steps):
                part = slice(start, start + self.steps)
                fields = self.chunk[: len(steps[part])]
                self._gather(fields, steps[part], present[part], sources)
                content = fields.reshape(-1).view(np.uint8)
                checksum = _append(stream, content, checksum, hole=not present[part].any())
            ending = np.frombuffer(self.shape.index_ending(present), dtype=np.uint8)
            checksum = _append(stream, ending, checksum)
        return Entry(
            block=block,
            bytes=self.shape.file_bytes,
            crc32c=f"{checksum:08x}",
            present=tuple(runs(present)),
            months=states_inside(steps, sources),
        )

    def _gather(
        self, fields: npt.NDArray[np.float32], steps: range, present: npt.NDArray[np.bool_], sources: list[Source]
    ) -> None:
        """Copy the fields of these steps to the chunk, and nothing where there are none."""
        if not present.all():
            fields[:] = 0
        for source in sources:
            inside = source.inside(steps)
            places = source.steps[inside] - steps.start
            for column, variable in enumerate(self.layout.variables if len(places) else ()):
                values = source.month.fields(variable, inside)
                if np.isnan(values.max()):
                    raise UserError(self._incomplete(source, inside, variable, values))
                fields[_slice(places), column] = values

    def _incomplete(self, source: Source, inside: slice, variable: str, values: npt.NDArray[np.float32]) -> str:
        place = int(np.flatnonzero(np.isnan(values).any(axis=(1, 2)))[0])
        time = time_of(int(source.steps[inside.start + place]), self.layout)
        return (
            f"{source.path}: {variable} has points without a value at {time:%Y-%m-%dT%H:%M}; run extract again, "
            "which leaves such times out or refuses them"
        )


def _append(stream: BinaryIO, content: npt.NDArray[np.uint8], checksum: int, *, hole: bool = False) -> int:
    """Write what comes next in a file, or leave a hole for zeros; returns the checksum up to its end."""
    if hole:
        stream.seek(len(content), os.SEEK_CUR)
    else:
        stream.write(content.data)
    return int(google_crc32c.extend(checksum, content))


def _slice(places: npt.NDArray[np.int64]) -> slice | npt.NDArray[np.int64]:
    """Places that follow each other as a slice, which copies faster."""
    first, last = int(places[0]), int(places[-1])
    return slice(first, last + 1) if last - first + 1 == len(places) else places
