"""The valid windows of a split in the shards."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.config import Days, Sequences, known_steps
from windrow.sequences import split_windows
from windrow.shards.reader import ShardReader


def window_length(sequences: Sequences) -> int:
    """Steps that are read of a window: lookback, inputs and targets together."""
    return known_steps(sequences) + sequences.target_steps


def valid_windows(
    reader: ShardReader, days: tuple[Days, ...], sequences: Sequences, *, name: str
) -> npt.NDArray[np.int64]:
    """First steps that are read of the valid windows of a split in the shards, in order of time.

    Raises
    ------
    UserError
        If there is none.
    """
    return split_windows(
        reader.available,
        days,
        origin=reader.layout.origin,
        step_hours=reader.layout.step_hours,
        length=sequences.input_steps + sequences.target_steps,
        lookback=sequences.lookback_steps,
        stride=sequences.stride,
        within_month=sequences.within_month,
        name=name,
    )
