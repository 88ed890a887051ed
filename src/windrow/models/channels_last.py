"""Fields and weights in channels-last order, in which convolutions are fastest, on grids that can be halved."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def pad_to_multiple(x: Tensor, multiple: int, *, least: int = 0) -> Tensor:
    """Repeat the last row and column until both lengths are multiples of `multiple`, and x no less than `least`.

    x: (batch, features, y, x), in memory (batch, y, x, features).
    """
    ny, nx = x.shape[-2:]
    more_y, more_x = -ny % multiple, max(-nx % multiple, least - nx)
    if more_y or more_x:
        x = functional.pad(x, (0, more_x, 0, more_y), mode="replicate")
    return x.contiguous(memory_format=torch.channels_last)


def crop_like(padded: Tensor, x: Tensor) -> Tensor:
    """The part of a padded field, (batch, features, y, x), that lies on the grid of x."""
    return padded[..., : x.shape[-2], : x.shape[-1]]


def keep_channels_last(network: nn.Module) -> None:
    """Lay the weights of the convolutions out in this order, in place, or they are copied to it at each call."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
