"""Write whole years of extracted months out of one: the same fields over and over, at other times."""

from __future__ import annotations

import argparse
import calendar
import datetime as dt
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

EPOCH = dt.datetime(1900, 1, 1)


def copy_month(source: Any, path: Path, year: int, month: int) -> None:
    """Write one month with hourly times; everything else is as in the source, its fields in turn."""
    first = (dt.datetime(year, month, 1) - EPOCH) // dt.timedelta(hours=1)
    hours = first + np.arange(24 * calendar.monthrange(year, month)[1])
    taken = np.arange(len(hours)) % len(source["time"])
    path.parent.mkdir(parents=True, exist_ok=True)
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        file.setncatts({name: source.getncattr(name) for name in source.ncattrs()})
        for name, dimension in source.dimensions.items():
            file.createDimension(name, len(hours) if name == "time" else len(dimension))
        for name, variable in source.variables.items():
            attributes = {key: variable.getncattr(key) for key in variable.ncattrs()}
            fill = attributes.pop("_FillValue", None)
            copy = file.createVariable(name, variable.dtype, variable.dimensions, fill_value=fill)
            copy.setncatts(attributes)
            if name == "time":
                copy[:] = hours
            elif "time" in variable.dimensions:
                copy[:] = variable[:][taken]
            else:
                copy[...] = variable[...]


def main() -> None:
    """Read the arguments and write `YYYY/MM.nc`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--first-year", type=int, required=True)
    parser.add_argument("--months", type=int, required=True)
    args = parser.parse_args()
    with netCDF4.Dataset(args.source) as source:
        source.set_auto_mask(False)
        for number in range(args.months):
            year, month = args.first_year + number // 12, number % 12 + 1
            copy_month(source, args.output / f"{year:04d}" / f"{month:02d}.nc", year, month)


if __name__ == "__main__":
    main()
