"""Batches of windows, gathered from the blocks in one copy, into memory that is used again."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from windrow.climatology import calendar_rows
from windrow.shards.reader import ShardReader
from windrow.shards.windows import valid_windows, window_length
from windrow.training.calendar import calendar
from windrow.training.dealing import Deal, Dealer
from windrow.training.named_tensor import NamedTensor

__all__ = ["Batch", "Loader", "Windows", "valid_windows", "window_length"]

FIELDS = ("window", "time", "variable", "y", "x")

Lent = weakref.ReferenceType[npt.NDArray[np.float32]]


class Batch(NamedTuple):
    """Windows of fields in physical units, and what is known of their times.

    Attributes
    ----------
    fields
        (window, time, variable, y, x).
    rows
        Rows of the climatology: (window, time).
    calendar
        See `windrow.training.calendar`: (window, time, entry).
    firsts
        First steps of the windows in the shards: (window,).
    share
        What the sum of the windows' losses is multiplied by.
    """

    fields: NamedTensor
    rows: Tensor
    calendar: Tensor
    firsts: Tensor
    share: float


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
    """Windows by number; a `Deal` gives a batch.

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
        self._start = int(firsts.min()) if len(firsts) else 0
        steps = int(firsts.max()) + length - self._start if len(firsts) else 0
        start = np.array([self._start])
        self._rows = calendar_rows(start, steps, reader.layout)[0]
        self._calendar = calendar(start, steps, reader.layout)[0]

    def __len__(self) -> int:
        return len(self.firsts)

    def __getitem__(self, number: int) -> Batch:
        """A batch of one window."""
        return self.__getitems__(Deal((number,), 1.0))

    def __getitems__(self, deal: Deal) -> Batch:
        """A batch."""
        firsts = self.firsts[list(deal.numbers)]
        layout, length = self.reader.layout, deal.length or self.length
        fields = self._memory((len(firsts), length, *self.reader.shape.fields[1:]))
        self.reader.windows(firsts, length, out=fields.numpy())
        steps = firsts[:, None] + np.arange(length) - self._start
        return Batch(
            NamedTensor(fields, FIELDS, layout.variables),
            torch.from_numpy(self._rows[steps]),
            torch.from_numpy(self._calendar[steps]),
            torch.from_numpy(firsts),
            deal.share,
        )

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


class Loader:
    """Batches as a dealer deals them, epoch after epoch, with its place in the epoch as its state.

    Parameters
    ----------
    workers
        Processes that gather batches beside the training; with none it gathers them itself.
    start
        How they are started: `fork`, `spawn` or `forkserver`; the platform's way if it is not given.
    """

    def __init__(self, windows: Windows, dealer: Dealer, *, workers: int = 0, start: str | None = None) -> None:
        self.dealer = dealer
        self.place = (0, 0)  # epoch and batches that are trained on, not those that are gathered
        self._loader: DataLoader[Batch] = DataLoader(
            windows,
            batch_sampler=dealer,  # type: ignore[arg-type]  # a Deal is a sequence of numbers and their share
            collate_fn=_as_it_is,
            num_workers=workers,
            pin_memory=windows.pinned and workers > 0,
            multiprocessing_context=start,
            persistent_workers=workers > 0,
        )

    def __len__(self) -> int:
        return len(self.dealer)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._loader)

    def state_dict(self) -> dict[str, Any]:
        """Where to go on."""
        epoch, batches = self.place
        return {"epoch": epoch, "batches": batches}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.dealer.resume(state["epoch"], state["batches"])


def _as_it_is(batch: Any) -> Any:
    return batch
