"""Which windows make which batch, on every rank, and where an epoch goes on after a resume."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Sampler


@dataclass(frozen=True)
class Deal:
    """The windows of a batch of one rank.

    The loss of a batch is summed over its windows and multiplied by `share`, so that the mean over the ranks is the
    mean over all windows of this step. A rank for which nothing is left gets a window that does not count: its share
    is 0. Of each window the first `length` time steps are gathered, or all of them.
    """

    numbers: tuple[int, ...]
    share: float
    length: int | None = None

    def __len__(self) -> int:
        return len(self.numbers)


class Dealer(Sampler[Deal]):
    """Batches of window numbers for one rank; each window is in one batch of one rank in each epoch.

    For training the order is shuffled, as a function of seed and epoch alone; step by step the next
    `batch_size * ranks` windows are dealt out, so that the windows of a step do not depend on the number of ranks
    that share them. All ranks have the same number of batches, or one would wait for the others' gradients for
    ever. For validation it is the order of time, and each rank takes every `ranks`-th window.

    `set_epoch` begins an epoch; `resume` says where an interrupted one goes on.

    Parameters
    ----------
    length
        How many time steps of each window are needed in an epoch; None for all.
    """

    def __init__(
        self,
        count: int,
        batch_size: int,
        *,
        seed: int,
        training: bool,
        rank: int = 0,
        ranks: int = 1,
        length: Callable[[int], int | None] = lambda epoch: None,
    ) -> None:
        self.count, self.batch_size, self.seed, self.training = count, batch_size, seed, training
        self.rank, self.ranks, self.length = rank, ranks, length
        self.epoch, self.start = 0, 0

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch."""
        self.epoch, self.start = epoch, 0

    def resume(self, epoch: int, batches: int) -> None:
        """Go on in this epoch behind so many batches."""
        self.epoch, self.start = epoch, batches

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        windows = self.count if self.training else len(range(self.rank, self.count, self.ranks))
        size = self.batch_size * self.ranks if self.training else self.batch_size
        return -(-windows // size)

    def __iter__(self) -> Iterator[Deal]:
        deal = self._training_deal if self.training else self._validation_deal
        order = self.order()
        return (deal(order, batch) for batch in range(self.start, len(self)))

    def order(self) -> list[int]:
        """The numbers of all windows in the order of this epoch."""
        order = np.arange(self.count)
        if self.training:
            np.random.default_rng([self.seed, self.epoch]).shuffle(order)
        found: list[int] = order.tolist()
        return found

    def _training_deal(self, order: list[int], batch: int) -> Deal:
        size = self.batch_size * self.ranks
        together = order[batch * size : (batch + 1) * size]
        own = together[self.rank :: self.ranks]
        if not own:
            return Deal((together[0],), 0.0, self.length(self.epoch))
        return Deal(tuple(own), self.ranks / len(together), self.length(self.epoch))

    def _validation_deal(self, order: list[int], batch: int) -> Deal:
        own = order[self.rank :: self.ranks][batch * self.batch_size : (batch + 1) * self.batch_size]
        return Deal(tuple(own), 1.0 / len(own))
