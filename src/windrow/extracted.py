"""A month of the domain as CF netCDF: written field by field, read by variable and time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from windrow.errors import UserError

TIME_UNITS = "hours since 1900-01-01 00:00:00"
_EPOCH = dt.datetime(1900, 1, 1)
AXES = {
    "time": {"standard_name": "time", "axis": "T", "units": TIME_UNITS, "calendar": "proleptic_gregorian"},
    "latitude": {"standard_name": "latitude", "axis": "Y", "units": "degrees_north"},
    "longitude": {"standard_name": "longitude", "axis": "X", "units": "degrees_east"},
}


def hours_since_1900(time: dt.datetime) -> int:
    """The time coordinate of all files of this project."""
    return int((time - _EPOCH) // dt.timedelta(hours=1))


@contextmanager
def created(
    path: Path,
    *,
    times: list[dt.datetime],
    latitude: npt.NDArray[np.float64],
    longitude: npt.NDArray[np.float64],
    variables: dict[str, dict[str, Any]],
    attributes: dict[str, str],
) -> Iterator[netCDF4.Dataset]:
    """A new file with its coordinates and empty float32 variables of shape (time, latitude, longitude)."""
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        file.setncatts({"Conventions": "CF-1.11", **attributes})
        coordinates: dict[str, npt.NDArray[Any]] = {
            "time": np.array([hours_since_1900(time) for time in times], dtype=np.int64),
            "latitude": latitude,
            "longitude": longitude,
        }
        for name, values in coordinates.items():
            file.createDimension(name, len(values))
            file.createVariable(name, values.dtype, (name,)).setncatts(AXES[name])
            file[name][:] = values
        for name, described in variables.items():
            variable = file.createVariable(name, np.float32, tuple(AXES), fill_value=np.float32(np.nan))
            variable.setncatts(described)
        yield file


@dataclass(frozen=True)
class Month:
    """An open month: its hours since 1900, its grid, and one open netCDF file."""

    file: netCDF4.Dataset
    hours: npt.NDArray[np.int64]
    latitude: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]

    def fields(self, variable: str, steps: slice) -> npt.NDArray[np.float32]:
        """Values of shape (time, latitude, longitude)."""
        values: npt.NDArray[np.float32] = self.file[variable][steps]
        return values

    def attributes(self, variable: str) -> dict[str, Any]:
        """Units and names of a variable."""
        found = self.file[variable]
        return {name: found.getncattr(name) for name in found.ncattrs() if name != "_FillValue"}


def require_shape(month: Month, path: Path, variables: tuple[str, ...], ny: int, nx: int) -> None:
    """Check that a month holds these variables on a grid of this size.

    Raises
    ------
    UserError
        If it does not.
    """
    missing = [name for name in variables if name not in month.file.variables]
    if missing or (len(month.latitude), len(month.longitude)) != (ny, nx):
        lacks = f"lacks {', '.join(missing)}" if missing else "has another grid"
        raise UserError(f"{path} {lacks}; run extract again")


@contextmanager
def opened(path: Path) -> Iterator[Month]:
    """Open an extracted month.

    Raises
    ------
    UserError
        If it is not there or cannot be read.
    """
    try:
        file = netCDF4.Dataset(path)
    except OSError as problem:
        raise UserError(f"cannot read {path} ({problem}); delete it and run extract again") from None
    with file:
        file.set_auto_mask(False)
        if missing := [name for name in AXES if name not in file.variables]:
            raise UserError(f"{path} is no extracted month: it lacks {', '.join(missing)}; run extract again")
        yield Month(file, file["time"][:], file["latitude"][:], file["longitude"][:])


@dataclass(frozen=True)
class Ground:
    """What all months of a dataset share: the grid, in degrees, and the variables' units and names."""

    latitude: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]
    attributes: dict[str, dict[str, Any]]


def common_ground(paths: list[Path], variables: tuple[str, ...], ny: int, nx: int) -> Ground:
    """Check that all months lie on one grid, in one order of rows, and have the same units.

    Raises
    ------
    UserError
        If one does not; the first month is the measure.
    """
    grounds = [_ground(path, variables, ny, nx) for path in paths]
    for path, one in zip(paths, grounds, strict=True):
        if not (
            np.array_equal(one.latitude, grounds[0].latitude)
            and np.array_equal(one.longitude, grounds[0].longitude)
        ):
            raise UserError(f"{path} lies on another grid or runs the other way than {paths[0]}; mend that month")
        units = {
            name: (one.attributes[name].get("units"), grounds[0].attributes[name].get("units"))
            for name in variables
        }
        if wrong := [name for name, (own, first) in units.items() if own != first]:
            raise UserError(
                f"{path} has {wrong[0]} in {units[wrong[0]][0]} and not in {units[wrong[0]][1]}; mend it"
            )
    return grounds[0]


def _ground(path: Path, variables: tuple[str, ...], ny: int, nx: int) -> Ground:
    with opened(path) as month:
        require_shape(month, path, variables, ny, nx)
        attributes = {name: month.attributes(name) for name in variables}
        return Ground(month.latitude, month.longitude, attributes)
