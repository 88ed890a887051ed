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
            variable.setncatts({key: text for key, text in described.items() if text})
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
        yield Month(file, file["time"][:], file["latitude"][:], file["longitude"][:])
