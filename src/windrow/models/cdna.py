"""Fields made of the last one by convolution with kernels that a network predicts (CDNA).

Finn et al. (2016), arXiv 1605.07157: one kernel moves the whole field, the same for all its features.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from windrow.models.single_precision import single_precision

SMALLEST = 1e-12  # keeps the sum of a kernel positive


def identity_kernel(width: int) -> Tensor:
    """1 in the middle of zeros, (width, width)."""
    kernel = torch.zeros(width, width)
    kernel[width // 2, width // 2] = 1
    return kernel


def normalised_kernels(departures: Tensor) -> Tensor:
    """Kernels without negative weights and with the sum 1, from departures from the identity.

    departures: (batch, transform, y, x); the kernels have the same shape.
    """
    positive = (departures.float() + identity_kernel(departures.shape[-1]).to(departures.device)).clamp(
        min=SMALLEST
    )
    return positive / positive.sum(dim=(-2, -1), keepdim=True)


def apply_kernels(field: Tensor, kernels: Tensor) -> Tensor:
    """Convolve each sample with kernels of its own; the edge is repeated outwards.

    field: (batch, features, y, x); kernels: (batch, transform, y, x); gives (batch, transform, features, y, x).
    Always in single precision, since the field is passed on from step to step.
    """
    width = kernels.shape[-1]
    features, ny, nx = field.shape[1:]
    with single_precision(field.device):
        edged = functional.pad(field.float(), (width // 2,) * 4, mode="replicate")
        surroundings = functional.unfold(edged, width).view(-1, features, width**2, ny * nx)
        moved = kernels.float().flatten(2)[:, None] @ surroundings  # (batch, features, transform, y * x)
    return moved.transpose(1, 2).view(-1, kernels.shape[1], features, ny, nx)
