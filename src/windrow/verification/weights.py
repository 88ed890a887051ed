"""Means over the points: of the whole domain and of regions, unweighted and weighted by area."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.errors import UserError
from windrow.grid import Grid
from windrow.verification.metric import cell_areas, interior
from windrow.verification.scores_layout import DOMAIN, WEIGHTINGS
from windrow.verification_settings import Region

_TOLERANCE_DEGREES = 1e-6  # GRIB rounds coordinates

Values = npt.NDArray[np.floating]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """Weights of the points for each region and weighting.

    Attributes
    ----------
    regions
        Names; the first is the domain.
    values
        Shape (region, weighting, y, x); each adds up to 1 over the points.
    """

    regions: tuple[str, ...]
    values: Floats

    def mean(self, fields: Values) -> Floats:
        """Weighted means of fields (..., y, x), shape (..., region, weighting).

        Points that are NaN are left out, field by field; where none is left, the mean is NaN.
        """
        shape = (*fields.shape[:-2], *self.values.shape[:2])
        flat = fields.reshape(-1, fields.shape[-2] * fields.shape[-1])
        matrix = self.values.reshape(-1, flat.shape[1]).T
        found = flat @ matrix
        if (gappy := np.isnan(found[:, 0])).any():
            found[gappy] = _mean_of_valid(flat[gappy], matrix)
        return np.asarray(found.reshape(shape), dtype=np.float64)


def _mean_of_valid(flat: Values, matrix: Floats) -> Floats:
    valid = ~np.isnan(flat)
    total, weight = np.where(valid, flat, 0) @ matrix, valid @ matrix
    return np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)


def weights_of(grid: Grid, regions: Mapping[str, Region], *, boundary_width: int = 0) -> Weights:
    """Weights of the points inside the boundary.

    Raises
    ------
    UserError
        If a region holds none of the points.
    """
    inside = interior(boundary_width)
    masks = {DOMAIN: np.ones(grid.shape, dtype=bool)} | {
        name: region_mask(grid, region) for name, region in regions.items()
    }
    areas = cell_areas(grid)[inside]
    values = np.empty((len(masks), len(WEIGHTINGS), *areas.shape))
    for place, (name, mask) in enumerate(masks.items()):
        if not mask[inside].any():
            raise UserError(
                f"the region {name} holds no point of the domain; widen verification.regions.{name} or take it out"
            )
        values[place] = mask[inside], mask[inside] * areas
    return Weights(tuple(masks), values / values.sum(axis=(-2, -1), keepdims=True))


def region_mask(grid: Grid, region: Region) -> npt.NDArray[np.bool_]:
    """The points (y, x) in a box of latitude and longitude, its edges included; it may cross the date line."""
    latitude, longitude = grid.points()
    turn = 360.0 + _TOLERANCE_DEGREES
    width = region.east - region.west
    width = width if 0 <= width < turn else width % 360.0
    east_of_west = (longitude - region.west + _TOLERANCE_DEGREES) % 360.0
    rows = (latitude >= region.south - _TOLERANCE_DEGREES) & (latitude <= region.north + _TOLERANCE_DEGREES)
    return np.asarray(rows & (east_of_west <= width + 2 * _TOLERANCE_DEGREES))
