"""Fields that are the same at all times, as a network sees them."""

from __future__ import annotations

import torch
from torch import Tensor

from windrow.grid import Grid
from windrow.training.boundary import boundary_mask


def static_fields(
    names: tuple[str, ...], grid: Grid, *, boundary_width: int, archived: dict[str, Tensor] | None = None
) -> Tensor:
    """The statics of these names: (static, y, x), without unit.

    The boundary mask is 0 or 1; all others have the mean 0 and, if they vary, the deviation 1 over the domain.
    """
    latitude, longitude = map(torch.from_numpy, grid.points())
    centre = longitude[grid.shape[0] // 2, grid.shape[1] // 2]
    longitude = torch.remainder(longitude - centre + 180.0, 360.0)  # without a jump at the date line
    known = {"latitude": latitude, "longitude": longitude} | (archived or {})
    fields = [
        boundary_mask(*grid.shape, boundary_width).float() if name == "boundary" else _normalised(known[name])
        for name in names
    ]
    return torch.stack(fields) if fields else torch.zeros(0, *grid.shape)


def _normalised(field: Tensor) -> Tensor:
    field = field.double()
    spread = field.std(correction=0)
    return ((field - field.mean()) / (spread if spread > 0 else 1.0)).float()
