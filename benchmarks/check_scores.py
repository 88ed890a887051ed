"""Compare a peer's scores with ours: whoever computes something else has no time in the table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import xarray as xr

TOLERANCE = 1e-4  # relative to the value, or to the deviation of all values: ours are stored as float32
QUANTILE_K = 0.2  # two of the bins from which conditional quantiles are made
COHERENCE = 0.01  # some bands of a smooth forecast hold nothing but rounding
ENOUGH = 5000  # values of a condition from which its quantiles are compared
EXACT = (
    *("hits", "misses", "false_alarms", "correct_negatives"),
    *("conditional_count_forecast", "conditional_count_truth"),
)
CONDITIONED = {
    "conditional_truth": "conditional_count_forecast",
    "conditional_forecast": "conditional_count_truth",
}


def compare(ours: xr.Dataset, theirs: xr.Dataset) -> list[str]:
    """What differs, one line a score; every score of theirs must be one of ours."""
    return [found for name in theirs.data_vars if (found := _difference(str(name), ours, theirs))]


def _difference(name: str, ours: xr.Dataset, theirs: xr.Dataset) -> str:
    if name not in ours:
        return f"{name}: ours has none"
    own, other = ours[name], theirs[name]
    if "condition" in other.dims:
        other = other.sel(condition=own["condition"], method="nearest", tolerance=1e-6)
    if own.dtype.kind not in "if":
        return "" if own.equals(other) else f"{name}: not the same"
    a = own.values.astype(np.float64)
    b = other.transpose(*own.dims).values.astype(np.float64)
    if a.shape != b.shape:
        return f"{name}: shape {b.shape} and ours {a.shape}"
    if name in CONDITIONED:
        enough = ours[CONDITIONED[name]].values >= ENOUGH
        a, b, allowed = a[enough], b[enough], np.full(a[enough].shape, QUANTILE_K)
    elif name in EXACT:
        allowed = np.zeros(a.shape)
    elif name == "coherence":
        allowed = np.full(a.shape, COHERENCE)
    else:
        allowed = TOLERANCE * np.maximum(np.abs(a), np.nanstd(a))
    if not a.size or not np.array_equal(np.isnan(a), np.isnan(b)):
        return f"{name}: not the same values are missing"
    apart = np.abs(a - b)
    if (apart > allowed).any():
        return f"{name}: differs by up to {np.nanmax(apart):.3g} at {np.nanmax(np.abs(a)):.3g}"
    return ""


def read(path: Path) -> xr.Dataset:
    """The scores, without the dimensions along which ours have one value and theirs none."""
    scores = xr.open_dataset(path, decode_times=False)
    single = {name: 0 for name in ("variable", "region") if name in scores.dims}
    return scores.isel(single, drop=True)


def main() -> None:
    """Run the check: nothing is said if all is the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ours", type=Path)
    parser.add_argument("theirs", type=Path)
    args = parser.parse_args()
    if found := compare(read(args.ours), read(args.theirs)):
        sys.exit("; ".join(found))


if __name__ == "__main__":
    main()
