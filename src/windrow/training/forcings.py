"""Fields that are known in advance, computed on the device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from windrow.grid import Grid
from windrow.training.calendar import ENTRIES

_OF_THE_CALENDAR = {"hour": ("sin_hour", "cos_hour"), "day_of_year": ("sin_year", "cos_year")}
_OF_THE_SUN = ("sin_declination", "cos_declination", "sin_hour_angle", "cos_hour_angle")


def forcing_names(forcings: tuple[str, ...]) -> tuple[str, ...]:
    """The features that these forcings make."""
    return tuple(name for forcing in forcings for name in _OF_THE_CALENDAR.get(forcing, (forcing,)))


class Forcings(nn.Module):
    """Forcings of times: `forward(calendar)` gives (window, step, forcing, y, x) of (window, step, entry)."""

    sin_latitude: Tensor
    cos_latitude: Tensor
    sin_longitude: Tensor
    cos_longitude: Tensor

    def __init__(self, forcings: tuple[str, ...], latitude: Tensor, longitude: Tensor) -> None:
        """Latitude and longitude of all points: (y, x), in radians."""
        super().__init__()
        self.forcings = forcings
        self.names = forcing_names(forcings)
        for name, angle in (("latitude", latitude), ("longitude", longitude)):
            self.register_buffer(f"sin_{name}", torch.sin(angle))
            self.register_buffer(f"cos_{name}", torch.cos(angle))

    def forward(self, calendar: Tensor) -> Tensor:
        """Compute them."""
        shape = (*calendar.shape[:2], 1, *self.sin_latitude.shape)
        parts = [
            self._cosine_of_zenith(calendar)
            if forcing == "solar_zenith"
            else _entry(calendar, entry).expand(shape)
            for forcing in self.forcings
            for entry in _OF_THE_CALENDAR.get(forcing, ("",))
        ]
        return torch.cat(parts, dim=2) if parts else calendar.new_zeros(*shape[:2], 0, *shape[3:])

    def _cosine_of_zenith(self, calendar: Tensor) -> Tensor:
        sin_d, cos_d, sin_h, cos_h = (_entry(calendar, name) for name in _OF_THE_SUN)
        cosine_of_hour = cos_h * self.cos_longitude - sin_h * self.sin_longitude  # of the local hour angle
        return self.sin_latitude * sin_d + self.cos_latitude * cos_d * cosine_of_hour


def _entry(calendar: Tensor, name: str) -> Tensor:
    """(window, step, 1, 1, 1)."""
    return calendar[:, :, ENTRIES.index(name), None, None, None]


def points_in_radians(grid: Grid) -> tuple[Tensor, Tensor]:
    """Latitude and longitude of all points: each (y, x)."""
    latitude, longitude = grid.latitude, grid.longitude
    if latitude.ndim == 1:
        latitude, longitude = np.broadcast_arrays(latitude[:, None], longitude[None, :])
    return (
        torch.from_numpy(np.deg2rad(latitude).astype(np.float32)),
        torch.from_numpy(np.deg2rad(longitude).astype(np.float32)),
    )
