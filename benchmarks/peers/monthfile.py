"""What the two loops over messages share: their arguments and the netCDF file that they write at the end."""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

Fields = defaultdict[str, list[Any]]


def arguments(description: str | None) -> argparse.Namespace:
    """The output, the files, and the corner and size of the domain."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("output", type=Path)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--north", type=float, required=True)
    parser.add_argument("--west", type=float, required=True)
    parser.add_argument("--nx", type=int, required=True)
    parser.add_argument("--ny", type=int, required=True)
    return parser.parse_args()


def write(
    path: Path, times: list[tuple[int, int]], fields: Fields, *, north: float, west: float, step: float
) -> None:
    """Write the fields, in the order in which they came; times are pairs of YYYYMMDD and HHMM."""
    days = [
        f"{date // 10000:04d}-{date // 100 % 100:02d}-{date % 100:02d}T{time // 100:02d}" for date, time in times
    ]
    hours = np.array(days, dtype="datetime64[h]") - np.datetime64("1900-01-01T00", "h")
    ny, nx = next(iter(fields.values()))[0].shape
    coordinates = {
        "time": hours.astype(np.int64),
        "latitude": north - step * np.arange(ny),
        "longitude": west + step * np.arange(nx),
    }
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        for name, values in coordinates.items():
            file.createDimension(name, len(values))
            file.createVariable(name, values.dtype, (name,))[:] = values
        file["time"].units = "hours since 1900-01-01 00:00:00"
        for name, values in fields.items():
            file.createVariable(name, "f4", tuple(coordinates))[:] = np.stack(values)
