"""Mean per month, hour of day and point: written by `statistics`, read as a baseline."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from windrow.config import Days
from windrow.errors import UserError
from windrow.grid import Grid, field_attributes, read_netcdf, write_netcdf
from windrow.stages import Layout
from windrow.statistics import split_hash
from windrow.statistics_merge import MeanBand, hour_counts, mean_bands
from windrow.statistics_part import Part


@dataclass(frozen=True)
class Climatology:
    """Means of shape (month, hour, variable, y, x) in physical units; `months` are the numbers of the months."""

    months: tuple[int, ...]
    hours: tuple[int, ...]
    variables: tuple[str, ...]
    means: npt.NDArray[np.float32]
    grid: Grid
    attributes: dict[str, dict[str, Any]]

    def at(self, times: list[dt.datetime], variables: tuple[str, ...]) -> npt.NDArray[np.float32]:
        """The mean of each time's month and hour: shape (time, variable, y, x).

        Raises
        ------
        UserError
            If a time's month or hour was not in the training split.
        """
        absent = sorted({time.month for time in times} - set(self.months))
        if absent:
            raise UserError(
                f"the climatology has no month {absent[0]}, because the training split has none; "
                "widen splits.train or take climatology out of verification.baselines"
            )
        month = [self.months.index(time.month) for time in times]
        hour = [self.hours.index(time.hour) for time in times]
        columns = [self.variables.index(variable) for variable in variables]
        found = self.means[month, hour][:, columns]
        if (empty := np.isnan(found).all(axis=(1, 2, 3))).any():
            time = times[int(empty.argmax())]
            raise UserError(
                f"the climatology has nothing for month {time.month} at {time.hour:02d} hours, because that hour is "
                "missing on all training days; widen splits.train or take climatology out of verification.baselines"
            )
        return found

    def table(self, variables: tuple[str, ...]) -> npt.NDArray[np.float32]:
        """All twelve months, NaN where there is no mean: shape (month * hour, variable, y, x)."""
        columns = [self.variables.index(variable) for variable in variables]
        found = np.full((12, len(self.hours), len(columns), *self.means.shape[3:]), np.nan, dtype=np.float32)
        found[np.array(self.months) - 1] = self.means[:, :, columns]
        return found.reshape(-1, *found.shape[2:])


def calendar_rows(firsts: npt.NDArray[np.int64], steps: int, layout: Layout) -> npt.NDArray[np.int64]:
    """Rows of `Climatology.table` for windows of `steps` steps: shape (window, step)."""
    step = np.timedelta64(layout.step_hours, "h")
    times = np.datetime64(layout.origin, "h") + (firsts[:, None] + np.arange(steps)) * step
    months = times.astype("datetime64[M]").astype(np.int64) % 12
    hours = (times - times.astype("datetime64[D]")).astype(np.int64)
    found: npt.NDArray[np.int64] = months * (24 // layout.step_hours) + hours // layout.step_hours
    return found


def require_climatology(table: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]) -> None:
    """Check that there is a reference for all times with these rows.

    Raises
    ------
    UserError
        If the training split had no such month.
    """
    if np.isnan(table[np.unique(rows)]).any():
        raise UserError(
            "strategy.anomaly needs a climatology of every month that is used, and the training split lacks "
            "one; widen splits.train or set anomaly to false"
        )


def read_climatology(path: Path, train: tuple[Days, ...]) -> Climatology:
    """Read the `climatology.nc` of a training split.

    Raises
    ------
    UserError
        If it is not there, cannot be read or is of another split.
    """
    try:
        file = netCDF4.Dataset(path)
    except OSError as problem:
        raise UserError(f"cannot read {path} ({problem}); run the stage statistics again") from None
    with file:
        file.set_auto_mask(False)
        if getattr(file, "split_hash", None) != split_hash(train):
            raise UserError(f"{path} is of another training split; run the stage statistics again")
        variables = tuple(
            name for name, found in file.variables.items() if found.ndim == 4 and found.dtype == np.float32
        )
        return Climatology(
            months=tuple(int(month) for month in file["month"][:]),
            hours=tuple(int(hour) for hour in file["hour"][:]),
            variables=variables,
            means=np.stack([file[name][:] for name in variables], axis=2),
            grid=(grid := read_netcdf(file)),
            attributes={name: _described(file[name], grid) for name in variables},
        )


def _described(variable: netCDF4.Variable[Any], grid: Grid) -> dict[str, Any]:
    """Units and names of a variable, without what ties it to this file's grid."""
    tied = {"ancillary_variables", *field_attributes(grid)}
    return {name: value for name, value in variable.__dict__.items() if name not in tied}


def write_climatology(
    path: Path, parts: list[Part], *, gappy: frozenset[str], train: tuple[Days, ...], settings: str
) -> None:
    """Write the means (month, hour, y, x) of each variable and their counts as netCDF, piece by piece.

    `count` says how many times there were of a month and hour; a variable of `gappy`, which has values that are no
    numbers, gets a count of its own for each point.
    """
    like, counts = parts[0].scope, hour_counts(parts)
    dimensions = ("month", "hour", *like.grid.dimensions)
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        file.setncatts({"Conventions": "CF-1.11", "split_hash": split_hash(train), "windrow_settings": settings})
        for name, values in {"month": np.array(list(counts)), "hour": like.hours}.items():
            file.createDimension(name, len(values))
            file.createVariable(name, values.dtype, (name,))[:] = values
        write_netcdf(file, like.grid)
        file.createVariable("count", np.int64, dimensions[:2])[:] = list(counts.values())
        for name in like.variables:
            variable = file.createVariable(name, np.float32, dimensions)
            variable.setncatts(like.attributes[name] | field_attributes(like.grid))
            if name in gappy:
                counted = file.createVariable(f"{name}_count", np.int32, dimensions)
                counted.setncatts({"standard_name": "number_of_observations", "units": "1"})
                variable.ancillary_variables = counted.name
        for band in mean_bands(parts):
            _write_band(file, band, list(counts).index(band.month), like.variables, gappy)


def _write_band(
    file: netCDF4.Dataset, band: MeanBand, month: int, variables: tuple[str, ...], gappy: frozenset[str]
) -> None:
    for place, name in enumerate(variables):
        file[name][month, :, band.rows] = band.means[:, place]
        if name in gappy:
            file[f"{name}_count"][month, :, band.rows] = np.broadcast_to(band.count, band.means.shape)[:, place]
