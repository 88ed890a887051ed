"""Batches of windows, gathered from the blocks in one copy, into memory that is used again."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from windrow.climatology import calendar_rows
from windrow.shards.reader import ShardReader
from windrow.shards.windows import valid_windows, window_length

__all__ = ["Batch", "EpochSampler", "Windows", "loader", "valid_windows", "window_length"]

Batch = tuple[Tensor, Tensor]
Lent = weakref.ReferenceType[npt.NDArray[np.float32]]


class Buffers:
    """Memory for batches: what no tensor looks at any more is used again.

    Memory that is new costs as much as the copy into it, since the system clears it page by page.
    """

    def __init__(self) -> None:
        self._known: list[tuple[npt.NDArray[np.float32], Lent]] = []

    def __getstate__(self) -> dict[str, Any]:
        """Worker processes have memory of their own."""
        return {"_known": []}

    def take(self, shape: tuple[int, ...]) -> Tensor:
        """A tensor of this shape, with any content, in memory that no other tensor uses."""
        free = [array for array, lent in self._known if lent() is None]
        fitting = [array for array in free if array.shape[1:] == shape[1:] and len(array) >= shape[0]]
        array = fitting[0] if fitting else np.empty(shape, dtype=np.float32)
        view = array[: shape[0]]  # lives as long as the memory of the tensor and of all tensors cut out of it
        self._known = [(array, weakref.ref(view))] + [
            (other, lent) for other, lent in self._known if lent() is not None
        ]
        return torch.from_numpy(view)


class Windows(Dataset[Batch]):
    """Windows by number; a list of numbers gives a batch.

    A batch is the fields (window, step, variable, y, x) in physical units and the rows (window, step) of their
    times in the climatology.

    Parameters
    ----------
    pinned
        Put the fields where a CUDA device can fetch them while the next batch is gathered.
    """

    def __init__(
        self, reader: ShardReader, firsts: npt.NDArray[np.int64], length: int, *, pinned: bool = False
    ) -> None:
        self.reader = reader
        self.firsts = firsts
        self.length = length
        self.pinned = pinned
        self._buffers = Buffers()

    def __len__(self) -> int:
        return len(self.firsts)

    def __getitem__(self, number: int) -> Batch:
        """A batch of one window."""
        return self.__getitems__([number])

    def __getitems__(self, numbers: list[int]) -> Batch:
        """A batch."""
        firsts = self.firsts[numbers]
        fields = self._memory((len(firsts), self.length, *self.reader.shape.fields[1:]))
        self.reader.windows(firsts, self.length, out=fields.numpy())
        return fields, torch.from_numpy(calendar_rows(firsts, self.length, self.reader.layout))

    def _memory(self, shape: tuple[int, ...]) -> Tensor:
        """Where a batch goes.

        A worker process writes into memory that it shares with the training, so that the batch is not copied to be
        sent. torch keeps pinned memory for the next batch itself, and knows when the device has fetched it.
        """
        if get_worker_info() is not None:
            shared: torch.UntypedStorage = torch.UntypedStorage._new_shared(  # type: ignore[no-untyped-call]
                4 * int(np.prod(shape))
            )
            return torch.empty(0, dtype=torch.float32).set_(shared).view(shape)
        if self.pinned:
            return torch.empty(shape, dtype=torch.float32, pin_memory=True)
        return self._buffers.take(shape)


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


def loader(
    windows: Windows, sampler: EpochSampler, batch_size: int, *, workers: int = 0, start: str | None = None
) -> DataLoader[Any]:
    """Batches in the sampler's order; the last one may be smaller.

    Parameters
    ----------
    workers
        Processes that gather batches beside the training; with none it gathers them itself.
    start
        How they are started: `fork`, `spawn` or `forkserver`; the platform's way if it is not given.
    """
    return DataLoader(
        windows,
        batch_size=batch_size,
        sampler=sampler,
        collate_fn=_as_it_is,
        num_workers=workers,
        pin_memory=windows.pinned and workers > 0,
        multiprocessing_context=start,
        persistent_workers=workers > 0,
    )


def _as_it_is(batch: Any) -> Any:
    return batch
