"""Crop daily GRIB files with cfgrib and xarray; `--tuned` asks Dask for one field per chunk."""

from __future__ import annotations

import argparse
from pathlib import Path

import xarray as xr


def main() -> None:
    """Open all files as one dataset, select, write netCDF."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--south", type=float, required=True)
    parser.add_argument("--north", type=float, required=True)
    parser.add_argument("--west", type=float, required=True)
    parser.add_argument("--east", type=float, required=True)
    parser.add_argument("--tuned", action="store_true")
    args = parser.parse_args()
    data = xr.open_mfdataset(
        args.files,
        engine="cfgrib",
        combine="nested",
        concat_dim="time",
        chunks={"time": 1} if args.tuned else {},
        backend_kwargs={"indexpath": ""},  # every run makes its index, as an archive is extracted once
    )
    data.sel(latitude=slice(args.north, args.south), longitude=slice(args.west, args.east)).to_netcdf(args.output)


if __name__ == "__main__":
    main()
