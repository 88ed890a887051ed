"""Statistics and climatology of a month by xarray on Dask, everything in one graph, in float64."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import dask
import xarray as xr

VARIABLES = ("2t", "tcc", "msl")


def main() -> None:
    """Build the graph, compute it once, write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("month", type=Path)
    parser.add_argument("statistics", type=Path)
    parser.add_argument("climatology", type=Path)
    parser.add_argument("--chunk", type=int, default=240, help="time steps in a chunk; 0: one array, no Dask")
    args = parser.parse_args()
    with xr.open_dataset(args.month, chunks={"time": args.chunk} if args.chunk else None) as month:
        data = month[list(VARIABLES)].astype("float64")
        difference = data.diff("time")
        parts = {
            "mean": data.mean(),
            "std": data.std(),
            "min": data.min(),
            "max": data.max(),
            "diff_mean": difference.mean(),
            "diff_std": difference.std(),
        }
        *computed, climatology = dask.compute(*parts.values(), data.groupby("time.hour").mean())
    found = {
        name: {part: float(values[name]) for part, values in zip(parts, computed, strict=True)}
        for name in VARIABLES
    }
    args.statistics.write_text(json.dumps(found))
    climatology.to_netcdf(args.climatology)


if __name__ == "__main__":
    main()
