"""Sums over an epoch, of which the means are the same on any number of ranks."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Totals(nn.Module):
    """Sums of losses and of squared errors, in double precision, on the device.

    `sums` are the number of windows, the sum of their losses, and their squared errors per lead and target.
    """

    sums: Tensor

    def __init__(self, leads: int, targets: int) -> None:
        super().__init__()
        self.leads, self.targets = leads, targets
        self.register_buffer("sums", torch.zeros(2 + leads * targets, dtype=torch.float64), persistent=False)

    def reset(self) -> None:
        """Begin an epoch."""
        self.sums.zero_()

    @torch.no_grad()
    def add(self, losses: Tensor, errors: Tensor | None = None, *, counted: bool = True) -> None:
        """Losses (window,) and squared errors (window, lead, target) of a batch, if it counts."""
        if not counted:
            return
        self.sums[0] += len(losses)
        self.sums[1] += losses.double().sum()
        if errors is not None:
            self.sums[2:] += errors.double().sum(dim=0).flatten()

    def over_ranks(self) -> Tensor:
        """The sums of all ranks together."""
        sums = self.sums.clone()
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(sums)
        return sums

    def means(self) -> tuple[float, Tensor]:
        """The mean loss of all ranks and the root mean squared error (lead, target)."""
        sums = self.over_ranks().cpu()
        return float(sums[1] / sums[0]), torch.sqrt(sums[2:] / sums[0]).view(self.leads, self.targets)
