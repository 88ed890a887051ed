"""Blocks of training data as the seeds write them: rechunked by Dask, one .npy file per block."""

from __future__ import annotations

import argparse
from pathlib import Path

import dask.array as da
import xarray as xr

VARIABLES = ("2t", "tcc", "msl")


def main() -> None:
    """Open all months as one array (time, variable, y, x), rechunk it along time, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("months", nargs="+", type=Path)
    parser.add_argument("--block-steps", type=int, required=True)
    args = parser.parse_args()
    with xr.open_mfdataset(args.months, combine="nested", concat_dim="time", data_vars="minimal") as months:
        data = da.stack([months[name].data for name in VARIABLES], axis=1)
        da.to_npy_stack(args.output, da.rechunk(data, {0: args.block_steps, 1: -1, 2: -1, 3: -1}), axis=0)


if __name__ == "__main__":
    main()
