"""The edge of a limited area, which a host model would give."""

from __future__ import annotations

import torch
from torch import Tensor


def boundary_mask(ny: int, nx: int, width: int) -> Tensor:
    """True on `width` rows and columns at each side: (y, x)."""
    inner = torch.zeros(ny, nx, dtype=torch.bool)
    inner[width : ny - width, width : nx - width] = True
    return ~inner


def interior(fields: Tensor, width: int) -> Tensor:
    """The fields (…, y, x) without `width` rows and columns at each side: a view."""
    return fields[..., width : fields.shape[-2] - width, width : fields.shape[-1] - width]
