"""Extend a store of anemoi-datasets to many months: its chunks, one a date, again and again under later dates.

The package needs 14 ms a date to write a store. Its reader sees what it would see had it written them all.
"""

from __future__ import annotations

import argparse
import calendar
import shutil
from pathlib import Path

import numpy as np
import zarr


def main() -> None:
    """Copy chunk files, then lengthen the array and its dates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--first-year", type=int, required=True)
    parser.add_argument("--months", type=int, required=True)
    args = parser.parse_args()
    group = zarr.open_group(str(args.store), mode="r+")
    written = group["data"].shape[0]
    months = [(args.first_year + number // 12, number % 12 + 1) for number in range(args.months)]
    taken = np.concatenate([np.arange(24 * calendar.monthrange(*month)[1]) % written for month in months])
    for place in range(written, len(taken)):
        shutil.copyfile(args.store / f"data/{taken[place]}.0.0.0", args.store / f"data/{place}.0.0.0")
    group["data"].resize(len(taken), *group["data"].shape[1:])
    first = group["dates"][0]
    group["dates"].resize(len(taken))
    group["dates"][:] = first + np.arange(len(taken)) * np.timedelta64(1, "h")
    group.attrs["end_date"] = str(group["dates"][-1])


if __name__ == "__main__":
    main()
