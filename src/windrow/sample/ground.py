"""The sample's grid, south to north on a plane, and the land and the mountains on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from windrow.geography import land_mask

Floats = npt.NDArray[np.float64]

SOUTH, WEST, STEP_DEGREES, NX, NY = 39.6, 0.6, 0.3, 56, 48
HALO = 14  # points on each side of the archive's grid

_CENTRE = (47.0, 9.0)
_EARTH_RADIUS_M = 6371229.0
_HIGHEST_M = 1000.0


class Ridge(NamedTuple):
    """A range: centre (degrees), height (m), half lengths (km) and the bearing of its axis (degrees)."""

    latitude: float
    longitude: float
    height_m: float
    along_km: float
    across_km: float
    bearing: float


RIDGES = (
    Ridge(45.0, 6.9, 2400.0, 130.0, 60.0, 10.0),  # Alps, from the west
    Ridge(46.5, 9.0, 2500.0, 190.0, 65.0, 75.0),
    Ridge(47.1, 12.8, 2200.0, 210.0, 65.0, 90.0),
    Ridge(42.6, 1.2, 1800.0, 180.0, 45.0, 100.0),  # Pyrenees
    Ridge(45.2, 2.9, 1000.0, 110.0, 80.0, 0.0),  # Massif Central
    Ridge(47.9, 7.2, 600.0, 90.0, 70.0, 20.0),  # Jura, Vosges, Black Forest
    Ridge(44.2, 10.4, 1000.0, 160.0, 45.0, 120.0),  # Apennines
    Ridge(42.2, 13.6, 1500.0, 150.0, 50.0, 135.0),
    Ridge(42.2, 9.1, 1200.0, 60.0, 25.0, 0.0),  # Corsica
    Ridge(44.2, 16.6, 1200.0, 200.0, 70.0, 130.0),  # Dinaric Alps
    Ridge(49.3, 13.0, 750.0, 140.0, 60.0, 135.0),  # Bohemian Forest
    Ridge(50.8, 10.4, 500.0, 130.0, 70.0, 110.0),  # German uplands
    Ridge(50.6, 15.8, 800.0, 120.0, 45.0, 115.0),  # Sudetes
)


@dataclass(frozen=True)
class Ground:
    """A grid, south to north, and what lies under it."""

    latitude: Floats
    longitude: Floats

    @cached_property
    def x(self) -> Floats:
        """Distances east of the plane's centre in m."""
        scale = _EARTH_RADIUS_M * np.cos(np.radians(_CENTRE[0]))
        return np.asarray(scale * np.radians(self.longitude - _CENTRE[1]))

    @cached_property
    def y(self) -> Floats:
        """Distances north of the plane's centre in m."""
        return np.asarray(_EARTH_RADIUS_M * np.radians(self.latitude - _CENTRE[0]))

    @cached_property
    def land(self) -> npt.NDArray[np.bool_]:
        """Where land is, (y, x)."""
        return land_mask(self.latitude, self.longitude)

    @cached_property
    def height(self) -> Floats:
        """Height of the flattened ground in m, (y, x)."""
        total = sum((_ridge_height(ridge, self) for ridge in RIDGES), np.zeros(self.land.shape))
        return np.where(self.land, _HIGHEST_M * (1.0 - np.exp(-total / _HIGHEST_M)), 0.0)

    @cached_property
    def slope(self) -> Floats:
        """Ascent of the ground eastward and northward, (2, y, x)."""
        northward, eastward = np.gradient(self.height, self.y, self.x)
        return np.stack([eastward, northward])


def ground_with_halo() -> Ground:
    """The archive's grid and what is around it."""
    rows, columns = (np.arange(-HALO, size + HALO, dtype=np.float64) for size in (NY, NX))
    return Ground(SOUTH + STEP_DEGREES * rows, WEST + STEP_DEGREES * columns)


def _ridge_height(ridge: Ridge, ground: Ground) -> Floats:
    centre = Ground(np.array([ridge.latitude]), np.array([ridge.longitude]))
    x, y = (ground.x - centre.x) / 1e3, (ground.y[:, None] - centre.y) / 1e3
    east, north = np.sin(np.radians(ridge.bearing)), np.cos(np.radians(ridge.bearing))
    along, across = x * east + y * north, x * north - y * east
    distance = np.hypot(along / ridge.along_km, across / ridge.across_km)
    return np.asarray(ridge.height_m * np.exp(-(distance**2)))
