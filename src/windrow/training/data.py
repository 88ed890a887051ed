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
from windrow.shards.reader import ShardReader

Batch = tuple[Tensor, Tensor]


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
    """The order of the windows as a function of seed and epoch alone, dealt out to the ranks in turn.

    Lightning calls `set_epoch`. An epoch that is repeated after a resume sees the same order.
    """

    def __init__(self, count: int, *, seed: int, shuffle: bool, rank: int = 0, ranks: int = 1) -> None:
        self.count, self.seed, self.shuffle, self.rank, self.ranks = count, seed, shuffle, rank, ranks
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(range(self.rank, self.count, self.ranks))

    def __iter__(self) -> Iterator[int]:
        order = np.arange(self.count)
        if self.shuffle:
            np.random.default_rng([self.seed, self.epoch]).shuffle(order)
        return iter(order[self.rank :: self.ranks].tolist())


def loader(windows: Windows, sampler: EpochSampler, batch_size: int) -> DataLoader[Any]:
    """Batches in the sampler's order; the last one may be smaller."""
    return DataLoader(windows, batch_size=batch_size, sampler=sampler, collate_fn=_as_it_is)


def _as_it_is(batch: Any) -> Any:
    return batch
