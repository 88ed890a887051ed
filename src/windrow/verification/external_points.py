"""What archives of forecasts must have in common with the dataset: points and units."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from windrow.errors import UserError
from windrow.grib.axes import TOLERANCE_DEGREES
from windrow.grid import ROWS, Floats, Grid

_UNITS = {"kelvin": "K", "Kelvin": "K", "degK": "K", "degrees_kelvin": "K", "(0 - 1)": "1", "~": "1", "": "1"}


class Part(NamedTuple):
    """Rows and columns of an archive's fields, in the order of the dataset's points."""

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]


def part_of(latitude: Floats, longitude: Floats, grid: Grid, what: str) -> Part:
    """Find the dataset's points among those of an archive.

    Parameters
    ----------
    latitude, longitude
        Of rows and columns, or of all points (y, x), in degrees.

    Raises
    ------
    UserError
        If they are not all there.
    """
    if latitude.ndim == 1 and grid.dimensions == ROWS:
        found = Part(_nearest(latitude, grid.latitude), _nearest(longitude, grid.longitude))
        y, x = np.meshgrid(latitude[found.rows], longitude[found.columns], indexing="ij")
    elif latitude.ndim == 2:
        found = _block(latitude, longitude, grid)
        y, x = (one[np.ix_(*found)] for one in (latitude, longitude))
    else:
        raise _other_points(what)
    south, west = grid.points()
    off = max(np.abs(y - south).max(), np.abs(_turned(x - west)).max())
    if not off < TOLERANCE_DEGREES:
        raise _other_points(what)
    return found


def _nearest(coordinate: Floats, wanted: Floats) -> npt.NDArray[np.intp]:
    off = np.abs(_turned(coordinate[None] - wanted[:, None]))
    found: npt.NDArray[np.intp] = off.argmin(axis=1)
    return found


def _block(latitude: Floats, longitude: Floats, grid: Grid) -> Part:
    """The rows and columns, in either direction, that begin and end at the points nearest to the corners."""
    y, x = grid.points()
    corners = []
    for corner in (0, -1):
        off = np.square(latitude - y[corner, corner])
        off += np.square(_turned(longitude - x[corner, corner]) * np.cos(np.radians(y[corner, corner])))
        corners.append(np.unravel_index(int(off.argmin()), off.shape))
    along = [
        np.linspace(first, last, count).round().astype(np.intp)
        for first, last, count in zip(*corners, grid.shape, strict=True)
    ]
    return Part(*along)


def _turned(degrees: Floats) -> Floats:
    """Differences of longitude from -180 to 180 degrees."""
    found: Floats = (degrees + 180.0) % 360.0 - 180.0
    return found


def _other_points(what: str) -> UserError:
    return UserError(
        f"{what} does not have the points of the dataset; interpolate the archive to them, e.g. by `cdo "
        "remapbil,climatology.nc`, with the climatology.nc of the dataset's results"
    )


def require_units(found: str | None, wanted: str, what: str) -> None:
    """Check the units of an archive's variable.

    Raises
    ------
    UserError
        If they are others, or it says none.
    """
    if found is None:
        raise UserError(f"{what} has no units; give it those that it is in, e.g. by `ncatted`")
    if _plain(found) != _plain(wanted):
        raise UserError(f"{what} is in {found!r} and not in {wanted!r}; convert the archive, e.g. by `cdo expr`")


def _plain(units: str) -> str:
    """One spelling for GRIB's `m s**-1` and CF's `m s-1`."""
    units = units.strip()
    return _UNITS.get(units, units).replace("**", "").replace("^", "")
