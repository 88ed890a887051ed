"""Lengths and areas on the sphere, of any grid: from the positions of its points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.grid import ROWS, Grid

EARTH_RADIUS_M = 6_371_229.0  # the sphere of ECMWF and of GRIB's shape 6

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """The inverse metric of the inner points, for differences over two steps.

    `|grad f|² = yy f_y² + xx f_x² + 2 yx f_y f_x` with the differences f_y and f_x.

    Attributes
    ----------
    yy, xx, yx
        Shape (ny - 2, nx - 2), 1/m²; `yx` is nothing where rows and columns cross at right angles.
    """

    yy: Floats
    xx: Floats
    yx: Floats | None


def metric_of(grid: Grid, *, boundary_width: int = 0) -> Metric:
    """Metric of the inner points of the domain less a boundary.

    On latitude-longitude grids the steps are R dphi and R cos(phi) dlambda. On others they are the distances between
    the neighbours in space, so that a projection's scale and the angle between its rows and columns are counted.
    """
    inside = interior(boundary_width)
    found = _metric(grid)
    return Metric(found.yy[inside], found.xx[inside], None if found.yx is None else found.yx[inside])


def interior(boundary_width: int) -> tuple[slice, slice]:
    """The rows and columns that are forecast."""
    along = slice(boundary_width, -boundary_width or None)
    return along, along


def _metric(grid: Grid) -> Metric:
    if grid.dimensions == ROWS:
        latitude, longitude = np.radians(grid.y), np.radians(grid.x)
        along_y = EARTH_RADIUS_M * (latitude[2:] - latitude[:-2])
        along_x = EARTH_RADIUS_M * np.outer(np.cos(latitude[1:-1]), longitude[2:] - longitude[:-2])
        return Metric(np.broadcast_to(along_y[:, None] ** -2, along_x.shape), along_x**-2, None)
    places = _positions(grid)
    step_y, step_x = places[2:, 1:-1] - places[:-2, 1:-1], places[1:-1, 2:] - places[1:-1, :-2]
    g_yy, g_xx, g_yx = (np.vecdot(a, b) for a, b in ((step_y, step_y), (step_x, step_x), (step_y, step_x)))
    area = g_yy * g_xx - g_yx**2
    skew = bool((np.abs(g_yx) > 1e-3 * np.sqrt(g_yy * g_xx)).any())
    return Metric(g_xx / area, g_yy / area, -g_yx / area if skew else None)


def cell_areas(grid: Grid) -> Floats:
    """Area of each point's cell up to a factor, (ny, nx): the cosine of the latitude on regular grids."""
    if grid.dimensions == ROWS:
        height = np.abs(_steps(grid.y)) if len(grid.y) > 1 else np.ones(1)
        width = np.abs(_steps(grid.x)) if len(grid.x) > 1 else np.ones(1)
        return np.outer(np.cos(np.radians(grid.y)) * height / height.mean(), width / width.mean())
    if min(grid.shape) == 1:  # a line has no area
        return np.ones(grid.shape)
    places = _positions(grid)
    across = np.cross(_steps(places), _steps(places.swapaxes(0, 1)).swapaxes(0, 1))
    return np.asarray(np.linalg.norm(across, axis=-1))


def _steps(values: Floats) -> Floats:
    """Centred differences along the first axis, one-sided at its ends."""
    return np.asarray(np.gradient(values, axis=0))


def _positions(grid: Grid) -> Floats:
    """The points in space: shape (ny, nx, 3), m."""
    latitude, longitude = (np.radians(values) for values in grid.points())
    flat = np.cos(latitude)
    unit = np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)], axis=-1)
    return EARTH_RADIUS_M * unit
