"""Mean per month, hour of day and point: written by `statistics`, read as a baseline."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from windrow.errors import UserError
from windrow.extracted import AXES
from windrow.stages import Layout
from windrow.statistics_part import Part


@dataclass(frozen=True)
class Climatology:
    """Means of shape (month, hour, variable, y, x) in physical units; `months` are the numbers of the months."""

    months: tuple[int, ...]
    hours: tuple[int, ...]
    variables: tuple[str, ...]
    means: npt.NDArray[np.float32]
    latitude: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]
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
        return self.means[month, hour][:, columns]

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


def read_climatology(path: Path) -> Climatology:
    """Read `climatology.nc`.

    Raises
    ------
    UserError
        If it is not there or cannot be read.
    """
    try:
        file = netCDF4.Dataset(path)
    except OSError as problem:
        raise UserError(f"cannot read {path} ({problem}); run the stage statistics again") from None
    with file:
        file.set_auto_mask(False)
        variables = tuple(name for name in file.variables if file[name].ndim == 4)
        return Climatology(
            months=tuple(int(month) for month in file["month"][:]),
            hours=tuple(int(hour) for hour in file["hour"][:]),
            variables=variables,
            means=np.stack([file[name][:] for name in variables], axis=2),
            latitude=file["latitude"][:],
            longitude=file["longitude"][:],
            attributes={name: file[name].__dict__ for name in variables},
        )


def write_climatology(
    path: Path,
    means: dict[int, tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]],
    *,
    like: Part,
    settings: str,
) -> None:
    """Write the means (month, hour, y, x) of each variable and their counts as netCDF."""
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        file.setncatts({"Conventions": "CF-1.11", "windrow_settings": settings})
        months = sorted(means)
        coordinates = {"month": np.array(months), "hour": like.hours}
        coordinates |= {"latitude": like.latitude, "longitude": like.longitude}
        for name, values in coordinates.items():
            file.createDimension(name, len(values))
            file.createVariable(name, values.dtype, (name,)).setncatts(AXES.get(name, {}))
            file[name][:] = values
        for place, name in enumerate(like.variables):
            file.createVariable(name, np.float32, tuple(coordinates)).setncatts(like.attributes[name])
            file[name][:] = np.stack([means[month][0][:, place] for month in months])
        file.createVariable("count", np.int64, ("month", "hour"))[:] = [means[month][1] for month in months]
