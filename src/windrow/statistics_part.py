"""The statistics of one month of the training split as a file: moments, and fields that are read row by row."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from windrow.config import Days
from windrow.errors import UserError
from windrow.grid import Grid, read_netcdf, write_netcdf
from windrow.statistics import Moments, merged

_MOMENTS = tuple(field.name for field in fields(Moments))
_COUNTS = 2  # the first of them are whole numbers
_BAND_VALUES = 2**22  # 32 MB of float64
FIRST, LAST = 0, 1  # of `edges`

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scope:
    """What a month's statistics are of.

    Attributes
    ----------
    month
        Number of the month in the year.
    hours, hour_count
        Hours of the day and how many times each was there.
    span
        First and last time (hours since 1900); None if there was no time.
    """

    month: int
    train: tuple[Days, ...]
    variables: tuple[str, ...]
    attributes: dict[str, dict[str, Any]]
    grid: Grid
    hours: npt.NDArray[np.int64]
    hour_count: npt.NDArray[np.int64]
    span: tuple[int, int] | None


@dataclass(frozen=True)
class Band:
    """The statistics of some rows of the grid.

    Attributes
    ----------
    states, differences
        Moments per variable of the fields and of their one-step differences.
    sums
        Sum over the days, of shape (hour, variable, y, x).
    missing
        How many values each sum lacks because they are no numbers; None if nowhere.
    edges
        First and last field, of shape (2, variable, y, x), so that the step between two months can be counted.
    """

    rows: slice
    states: tuple[Moments, ...]
    differences: tuple[Moments, ...]
    sums: Floats
    missing: npt.NDArray[np.int32] | None
    edges: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """A month's file: its scope and its moments; its fields stay on disk."""

    path: Path
    scope: Scope
    states: tuple[Moments, ...]
    differences: tuple[Moments, ...]

    def sums(self, rows: slice) -> tuple[Floats, npt.NDArray[np.int32] | None]:
        """`sums` and `missing` of a band."""
        with netCDF4.Dataset(self.path) as file:
            file.set_auto_mask(False)
            gaps = file["hour_missing"][:, :, rows] if "hour_missing" in file.variables else None
            return file["hour_sum"][:, :, rows], gaps

    def edge(self, which: int, rows: slice) -> Floats:
        """The first or the last field, of shape (variable, y, x)."""
        with netCDF4.Dataset(self.path) as file:
            file.set_auto_mask(False)
            found: npt.NDArray[np.float32] = file["edges"][which, :, rows]
            return found.astype(np.float64)


def row_bands(scope: Scope) -> list[slice]:
    """Bands of rows whose sums stay below 32 MB, so that memory does not grow with the grid.

    A loop over bands needs no task graph: each value is read once, and no step waits for another.
    """
    ny, nx = scope.grid.shape
    rows = max(1, _BAND_VALUES // (len(scope.hours) * len(scope.variables) * nx))
    return [slice(start, min(start + rows, ny)) for start in range(0, ny, rows)]


def write_part(path: Path, scope: Scope, bands: Iterable[Band], *, settings: str) -> None:
    """Write a month's statistics as netCDF, each band as it comes."""
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        _write_scope(file, scope)
        file.windrow_settings = settings
        dimensions = ("hour", "variable", *scope.grid.dimensions)
        sums = file.createVariable("hour_sum", np.float64, dimensions)
        edges = file.createVariable("edges", np.float32, ("edge", *dimensions[1:]))
        found = []
        for band in bands:
            sums[:, :, band.rows] = band.sums
            edges[:, :, band.rows] = band.edges
            if band.missing is not None:
                if "hour_missing" not in file.variables:
                    file.createVariable("hour_missing", np.int32, dimensions, fill_value=0)
                file["hour_missing"][:, :, band.rows] = band.missing
            found.append((band.states, band.differences))
        for name, moments in zip(("states", "differences"), zip(*found, strict=True), strict=True):
            table = file.createVariable(name, np.float64, ("variable", "moment"))
            table.moments = " ".join(_MOMENTS)
            table[:] = [astuple(merged(*column)) for column in zip(*moments, strict=True)]


def _write_scope(file: netCDF4.Dataset, scope: Scope) -> None:
    file.month = scope.month
    file.train = json.dumps([[day.isoformat() for day in span] for span in scope.train])
    file.variable_attributes = json.dumps(scope.attributes, default=lambda value: value.tolist())
    if scope.span:
        file.span = np.array(scope.span)
    sizes = {"hour": len(scope.hours), "variable": len(scope.variables), "moment": len(_MOMENTS), "edge": 2}
    for name, size in sizes.items():
        file.createDimension(name, size)
    write_netcdf(file, scope.grid)
    file.createVariable("hour", np.int64, ("hour",))[:] = scope.hours
    file.createVariable("hour_count", np.int64, ("hour",))[:] = scope.hour_count


def read_part(path: Path) -> Part:
    """Read scope and moments of what `write_part` wrote.

    Raises
    ------
    UserError
        If the file is not there, is damaged or was written by another version.
    """
    try:
        with netCDF4.Dataset(path) as file:
            file.set_auto_mask(False)
            return Part(path, _read_scope(file), _read_moments(file["states"]), _read_moments(file["differences"]))
    except (OSError, RuntimeError, AttributeError, LookupError, ValueError, TypeError) as problem:
        raise UserError(f"cannot read {path} ({problem}); run statistics_month again") from None


def _read_scope(file: netCDF4.Dataset) -> Scope:
    attributes = json.loads(file.variable_attributes)
    first_last = file.span.tolist() if "span" in file.ncattrs() else None
    return Scope(
        month=int(file.month),
        train=tuple((dt.date.fromisoformat(a), dt.date.fromisoformat(b)) for a, b in json.loads(file.train)),
        variables=tuple(attributes),
        attributes=attributes,
        grid=read_netcdf(file),
        hours=file["hour"][:],
        hour_count=file["hour_count"][:],
        span=(first_last[0], first_last[1]) if first_last else None,
    )


def _read_moments(table: netCDF4.Variable[Any]) -> tuple[Moments, ...]:
    if table.moments.split() != list(_MOMENTS):
        raise ValueError(f"it holds {table.moments}")
    return tuple(Moments(*map(int, row[:_COUNTS]), *row[_COUNTS:]) for row in table[:].tolist())
