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
from windrow.grid import Grid, field_attributes, read_netcdf, write_netcdf

TIME_UNITS = "hours since 1900-01-01 00:00:00"
_EPOCH = dt.datetime(1900, 1, 1)
TIME = {
    "standard_name": "time",
    "long_name": "time",
    "axis": "T",
    "units": TIME_UNITS,
    "calendar": "proleptic_gregorian",
    "units_metadata": "leap_seconds: none",
}


def hours_since_1900(time: dt.datetime) -> int:
    """The time coordinate of all files of this project."""
    return int((time - _EPOCH) // dt.timedelta(hours=1))


@contextmanager
def created(
    path: Path,
    *,
    times: list[dt.datetime],
    grid: Grid,
    variables: dict[str, dict[str, Any]],
    attributes: dict[str, str],
) -> Iterator[netCDF4.Dataset]:
    """A new file with its coordinates and empty float32 variables of shape (time, y, x)."""
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        file.setncatts({"Conventions": "CF-1.11", "history": "written by windrow extract", **attributes})
        file.createDimension("time", len(times))
        file.createVariable("time", np.int64, ("time",)).setncatts(TIME)
        file["time"][:] = [hours_since_1900(time) for time in times]
        write_netcdf(file, grid)
        for name, described in variables.items():
            dimensions = ("time", *grid.dimensions)
            variable = file.createVariable(name, np.float32, dimensions, fill_value=np.float32(np.nan))
            variable.setncatts(described | _temperature(described) | field_attributes(grid))
        yield file


def _temperature(described: dict[str, Any]) -> dict[str, str]:
    """CF 1.11 asks whether kelvins count from a zero or are a difference."""
    is_one = "temperature" in described.get("standard_name", "") and described.get("units") == "K"
    return {"units_metadata": "temperature: on_scale"} if is_one else {}


@dataclass(frozen=True)
class Month:
    """An open month: its hours since 1900, its grid, and one open netCDF file."""

    file: netCDF4.Dataset
    hours: npt.NDArray[np.int64]
    grid: Grid

    def fields(self, variable: str, steps: slice, rows: slice = slice(None)) -> npt.NDArray[np.float32]:
        """Values of shape (time, y, x)."""
        values: npt.NDArray[np.float32] = self.file[variable][steps, rows]
        return values

    def attributes(self, variable: str) -> dict[str, Any]:
        """Units and names of a variable, without what ties it to this file's grid."""
        found = self.file[variable]
        tied = {"_FillValue", *field_attributes(self.grid)}
        return {name: found.getncattr(name) for name in found.ncattrs() if name not in tied}


def require_shape(month: Month, path: Path, variables: tuple[str, ...], ny: int, nx: int) -> None:
    """Check that a month holds these variables on a grid of this size.

    Raises
    ------
    UserError
        If it does not.
    """
    missing = [name for name in variables if name not in month.file.variables]
    if missing or month.grid.shape != (ny, nx):
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
        if "time" not in file.variables:
            raise UserError(f"{path} is no extracted month: it lacks time; run extract again")
        yield Month(file, file["time"][:], read_netcdf(file))


@dataclass(frozen=True)
class Ground:
    """What all months of a dataset share: the grid and the variables' units and names."""

    grid: Grid
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
        if not one.grid.same_as(grounds[0].grid):
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
        return Ground(month.grid, attributes)
