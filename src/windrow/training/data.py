"""Batches of windows, gathered from the mapped blocks in one copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from windrow.climatology import calendar_rows
from windrow.config import Days, Sequences
from windrow.sequences import split_windows
from windrow.shards.reader import ShardReader

Batch = tuple[Tensor, Tensor]


def window_length(sequences: Sequences) -> int:
    """Steps of a window, inputs and targets together."""
    return sequences.input_steps + sequences.target_steps


def valid_windows(
    reader: ShardReader, days: tuple[Days, ...], sequences: Sequences, *, name: str
) -> npt.NDArray[np.int64]:
    """First steps of the valid windows of a split in the shards, in order of time.

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
        length=window_length(sequences),
        stride=sequences.stride,
        name=name,
    )


class Windows(Dataset[Batch]):
    """Windows by number; a list of numbers gives a batch.

    A batch is the fields (window, step, variable, y, x) in physical units and the rows (window, step) of their
    times in the climatology.
    """

    def __init__(self, reader: ShardReader, firsts: npt.NDArray[np.int64], length: int) -> None:
        self.reader = reader
        self.firsts = firsts
        self.length = length

    def __len__(self) -> int:
        return len(self.firsts)

    def __getitem__(self, number: int) -> Batch:
        """A batch of one window."""
        return self.__getitems__([number])

    def __getitems__(self, numbers: list[int]) -> Batch:
        """A batch."""
        firsts = self.firsts[numbers]
        fields = self.reader.windows(firsts, self.length)
        return torch.from_numpy(fields), torch.from_numpy(calendar_rows(firsts, self.length, self.reader.layout))


class EpochSampler(Sampler[int]):
    """The order of the windows, dealt out to the ranks in turn.

    For training it is shuffled, as a function of seed and epoch alone, and its first windows are repeated until
    all ranks have the same number: a rank with a batch more would wait for the others' gradients for ever. For
    validation it is the order of time, and each window is dealt once, so that the mean is that of one process.

    Lightning calls `set_epoch`. An epoch that is repeated after a resume sees the same order.
    """

    def __init__(self, count: int, *, seed: int, training: bool, rank: int = 0, ranks: int = 1) -> None:
        self.count, self.seed, self.training, self.rank, self.ranks = count, seed, training, rank, ranks
        self.dealt = -(-count // ranks) * ranks if training else count
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(range(self.rank, self.dealt, self.ranks))

    def __iter__(self) -> Iterator[int]:
        order = np.arange(self.count)
        if self.training:
            np.random.default_rng([self.seed, self.epoch]).shuffle(order)
        return iter(np.resize(order, self.dealt)[self.rank :: self.ranks].tolist())


def loader(windows: Windows, sampler: EpochSampler, batch_size: int) -> DataLoader[Any]:
    """Batches in the sampler's order; the last one may be smaller."""
    return DataLoader(windows, batch_size=batch_size, sampler=sampler, collate_fn=_as_it_is)


def _as_it_is(batch: Any) -> Any:
    return batch
