"""The axes of a grid, as its header states them: evenly spaced, or Gaussian rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import eccodes
import numpy as np
import numpy.typing as npt

from windrow.projection import to_plane

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

TOLERANCE_DEGREES = 2e-3  # GRIB 1 states coordinates in thousandths of a degree
_FARTHEST_M = 1e9  # the pole that a cone opens to lies at infinity
_LARGEST_N = 16_000  # of Gaussian grids, about 0.6 km; a damaged header must not make eccodes compute for hours


@dataclass(frozen=True)
class Axis:
    """Coordinates that are evenly spaced, or those of a table."""

    first: float
    last: float
    size: int
    table: Floats | None = None

    @property
    def step(self) -> float:
        """Distance of two neighbours, negative if the coordinates fall."""
        return (self.last - self.first) / (self.size - 1) if self.size > 1 else 0.0

    def at(self, places: Places) -> Floats:
        """Coordinates at places, which may lie beyond the end: they are never all computed."""
        if self.table is not None:
            return self.table[places]
        inner = places * self.step + self.first  # as numpy.linspace computes it, with an exact last value
        return np.where(places == self.size - 1, self.last, inner)

    def nearest(self, value: float) -> int:
        """The place whose coordinate is nearest to a value."""
        if self.table is not None:
            return int(np.abs(self.table - value).argmin())
        return min(max(round((value - self.first) / self.step), 0), self.size - 1) if self.step else 0


@dataclass(frozen=True)
class Axes:
    """`y` in the order of the archive and `x` eastward; after `period` columns the first one comes again."""

    y: Axis
    x: Axis
    northward: bool
    period: int | None = None


def plane_axes(grid: dict[str, Any]) -> Axes:
    """Axes of a projected grid: from the first point in steps of the header's distances.

    Raises
    ------
    ValueError
        If the header's numbers make no grid.
    """
    if not all(0 < grid[step] < math.inf for step in ("x_step", "y_step")):
        raise ValueError(f"its points are {grid['x_step']:g} x {grid['y_step']:g} m apart")
    y, x = (float(one) for one in to_plane(grid["mapping"], grid["first_latitude"], grid["first_longitude"]))
    if not (abs(y) < _FARTHEST_M and abs(x) < _FARTHEST_M):
        raise ValueError("its first point is not on its projection")
    width, height = grid["x_step"] * (grid["nx"] - 1), grid["y_step"] * (grid["ny"] - 1)
    west = x - width if grid["x_negative"] else x
    return Axes(
        y=Axis(y, y + height if grid["y_positive"] else y - height, grid["ny"]),
        x=Axis(west, west + width, grid["nx"]),
        northward=bool(grid["y_positive"]),
    )


def row_axes(grid: dict[str, Any]) -> Axes:
    """Axes from the ends that the header states, since its increments may be missing or rounded.

    Raises
    ------
    ValueError
        If the header contradicts itself.
    """
    nx, ny = grid["nx"], grid["ny"]
    south, north = sorted((grid["first_latitude"], grid["last_latitude"]))
    if ny > 1 and (grid["first_latitude"] == south) != bool(grid["y_positive"]):
        raise ValueError("its latitudes run against its direction of scanning")
    ends = grid["first_longitude"], grid["last_longitude"]
    west, east = reversed(ends) if grid["x_negative"] else ends
    if "mapping" in grid:  # without a jump at the zero meridian, where most rotated grids have their middle
        west, east = round((west + 180.0) % 360.0 - 180.0, 9), east
    x = _columns(west, east, nx)
    _require_step(grid.get("y_step", -1.0), (north - south) / max(ny - 1, 1), ny)
    _require_step(grid["x_step"], x.step, nx)
    table = _gaussian_rows(grid) if grid["type"] == "regular_gg" else None
    return Axes(
        y=Axis(grid["first_latitude"], grid["last_latitude"], ny, table),
        x=x,
        northward=bool(grid["y_positive"]),
        period=_period(x),
    )


def _columns(west: float, east: float, nx: int) -> Axis:
    """Columns that go round the Earth divide it evenly, however their last one was rounded."""
    x = Axis(west, west + _width(west, east), nx) if nx > 1 else Axis(west, west, nx)
    period = _period(x)
    return x if period is None else Axis(west, west + 360.0 / period * (nx - 1), nx)


def _width(west: float, east: float) -> float:
    """Degrees from the first column to the last: up to a whole turn, if the last column repeats the first."""
    width = (east - west) % 360.0
    return width if width > TOLERANCE_DEGREES else width + 360.0


def _period(x: Axis) -> int | None:
    """The number of columns of a whole turn, if there are as many."""
    if not x.step:
        return None
    columns = round(360.0 / x.step)
    return columns if columns <= x.size and math.isclose(columns * x.step, 360.0, rel_tol=1e-5) else None


def _require_step(stated: float, found: float, size: int) -> None:
    """Ends and increment say the same twice; both are rounded to thousandths of a degree at worst."""
    if size > 1 and stated > 0 and abs(stated - found) > TOLERANCE_DEGREES:
        raise ValueError(f"its points are {stated:g} degrees apart, its ends say {found:g}")


def _gaussian_rows(grid: dict[str, Any]) -> Floats:
    """Latitudes of the rows in the order of the archive."""
    if not 1 <= grid["n"] <= _LARGEST_N:
        raise ValueError(f"a Gaussian grid with {grid['n']} rows on a hemisphere")
    southward = np.array(list(eccodes.codes_get_gaussian_latitudes(grid["n"])), dtype=np.float64)
    table = southward[::-1] if grid["y_positive"] else southward
    first = int(np.abs(table - grid["first_latitude"]).argmin())
    rows = table[first : first + grid["ny"]]
    ends = [grid["first_latitude"], grid["last_latitude"]]
    if len(rows) < grid["ny"] or np.abs(rows[[0, -1]] - ends).max() > TOLERANCE_DEGREES:
        raise ValueError(f"its {grid['ny']} rows from {ends[0]:g}N to {ends[1]:g}N are not those of N{grid['n']}")
    return rows
