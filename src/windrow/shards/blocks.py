"""Gather a block out of the extracted months and write its file.

A block is held in memory once, as the bytes of its file: the fields are copied to their places in it, the index
is put behind them, and the whole is checked, summed and written at one go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from windrow import extracted
from windrow.errors import UserError
from windrow.files import written_beside
from windrow.shards.layout import BlockShape, runs, shape_of, time_of
from windrow.shards.manifest import Entry, MonthState, checksum, month_state
from windrow.stages import Layout

PIECE_BYTES = 1 << 21  # fields go through a piece that stays in the processor's cache


@dataclass(frozen=True)
class Source:
    """An open extracted month: the numbers of its steps on the axis of the shards, in order."""

    path: Path
    month: extracted.Month
    steps: npt.NDArray[np.int64]
    state: MonthState

    def inside(self, block: int, block_steps: int) -> slice:
        """Where the steps of a block lie in the month."""
        first, end = np.searchsorted(self.steps, [block * block_steps, (block + 1) * block_steps])
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


def states_inside(block: int, block_steps: int, sources: list[Source]) -> tuple[MonthState, ...]:
    """The months that have steps of a block."""
    found = [(source.state, source.inside(block, block_steps)) for source in sources]
    return tuple(state for state, inside in found if inside.stop > inside.start)


class BlockBuffer:
    """The bytes of one block's file, used for one block after the other."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.shape: BlockShape = shape_of(layout)
        self.content = np.zeros(self.shape.file_bytes, dtype=np.uint8)
        self.fields = self.content[: self.shape.data_bytes].view("<f4").reshape(self.shape.fields)
        self.present = np.zeros(self.shape.steps, dtype=bool)

    def gather(self, block: int, sources: list[Source]) -> None:
        """Copy the fields of all the block's steps that the months have; the other steps become holes.

        Raises
        ------
        UserError
            If two months have the same step, or a field has points without a value.
        """
        self.present[:] = False
        for source in sources:
            inside = source.inside(block, self.shape.steps)
            places = source.steps[inside] - block * self.shape.steps
            if self.present[places].any():
                raise UserError(f"{source.path} has times that another month has too; run extract again")
            self.present[places] = True
            if len(places):
                self._copy(source, inside.start, places)
        self.seal()

    def seal(self) -> None:
        """Clear the holes and put the index behind the fields."""
        self.fields[~self.present] = 0
        ending = self.shape.index_ending(self.present)
        self.content[self.shape.data_bytes :] = np.frombuffer(ending, dtype=np.uint8)

    def _copy(self, source: Source, first: int, places: npt.NDArray[np.int64]) -> None:
        piece = max(1, PIECE_BYTES // (4 * self.shape.ny * self.shape.nx))
        for start in range(0, len(places), piece):
            into = places[start : start + piece]
            steps = slice(first + start, first + start + len(into))
            for column, variable in enumerate(self.layout.variables):
                values = source.month.fields(variable, steps)
                if np.isnan(values.max()):
                    raise UserError(self._incomplete(source, steps, variable, values))
                self.fields[_slice(into), column] = values

    def _incomplete(self, source: Source, steps: slice, variable: str, values: npt.NDArray[np.float32]) -> str:
        place = int(np.flatnonzero(np.isnan(values).any(axis=(1, 2)))[0])
        time = time_of(int(source.steps[steps.start + place]), self.layout)
        return (
            f"{source.path}: {variable} has points without a value at {time:%Y-%m-%dT%H:%M}; run extract again, "
            "which leaves such times out or refuses them"
        )

    def entry(self, block: int, sources: list[Source]) -> Entry:
        """What is to be known of the gathered block."""
        return Entry(
            block=block,
            bytes=self.shape.file_bytes,
            crc32c=checksum(self.content),
            present=tuple(runs(self.present)),
            months=states_inside(block, self.shape.steps, sources),
        )

    def write(self, path: Path) -> None:
        """Write the block's file, whole or not at all; holes take no space where they are longer than a page."""
        ends = self.shape.data_bytes, self.shape.file_bytes
        step = self.shape.step_bytes
        with written_beside(path) as beside, beside.open("wb") as stream:
            if self.present.all():
                stream.write(self.content.data)
                return
            for first, end in [*((a * step, b * step) for a, b in runs(self.present)), ends]:
                stream.seek(first)
                stream.write(self.content[first:end].data)


def _slice(places: npt.NDArray[np.int64]) -> slice | npt.NDArray[np.int64]:
    """Places that follow each other as a slice, which copies faster."""
    first, last = int(places[0]), int(places[-1])
    return slice(first, last + 1) if last - first + 1 == len(places) else places
