"""Compare a peer's result with ours: whoever computes something else has no time in the table."""

from __future__ import annotations

import argparse
import filecmp
import json
import sys
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt
import zarr

VARIABLES = {"2t": ("2t", "t2m", "var167"), "tcc": ("tcc", "var164"), "msl": ("msl", "var151")}
FIELD_TOLERANCE = 3e-7  # relative: two neighbouring float32
MOMENT_TOLERANCE = 1e-9  # relative: float64 summed in another order


def fields(path: Path) -> dict[str, npt.NDArray[np.float64]]:
    """The variables of a netCDF file by our names."""
    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        return {
            name: np.squeeze(file[found][:]).astype(np.float64)
            for name, others in VARIABLES.items()
            for found in others
            if found in file.variables
        }


def compare(what: str, ours: Any, theirs: Any, tolerance: float, scale: float = 0.0) -> None:
    """Stop if two arrays are not the same.

    Raises
    ------
    SystemExit
        If they differ in shape, or by more than the tolerance relative to the value or to `scale`.
    """
    if np.shape(ours) != np.shape(theirs):
        sys.exit(f"{what}: shape {np.shape(theirs)} and ours {np.shape(ours)}")
    apart = np.abs(np.asarray(theirs) - ours)
    allowed = tolerance * np.maximum(np.abs(ours), scale)
    if not (apart <= allowed).all():
        sys.exit(f"{what}: differs by up to {np.nanmax(apart)}")


def check_netcdf(ours: Path, theirs: Path) -> None:
    """All fields of a month, or of a climatology."""
    own, other = fields(ours), fields(theirs)
    if own.keys() != other.keys():
        sys.exit(f"{theirs} has {', '.join(other)} and ours {', '.join(own)}")
    for name, values in own.items():
        compare(name, values, other[name], FIELD_TOLERANCE)


def check_limit(ours: Path, theirs: Path) -> None:
    """All fields of a month against one array (message, y, x), the variables of an hour one behind the other."""
    own = fields(ours)
    values = np.load(theirs)
    for place, name in enumerate(VARIABLES):
        compare(name, own[name], values[place :: len(VARIABLES)], 0.0)


def check_statistics(ours: Path, theirs: Path) -> None:
    """Mean, standard deviation, extremes and those of the differences, relative to the variable's size."""
    own, other = json.loads(ours.read_text())["variables"], json.loads(theirs.read_text())
    for name, parts in other.items():
        for part, value in parts.items():
            scale = max(abs(own[name]["mean"]), own[name]["std"])
            compare(f"{part} of {name}", own[name][part], value, MOMENT_TOLERANCE, scale)


def check_stack(ours: Path, theirs: Path) -> None:
    """A store against numbered .npy files, one per block, without gaps."""
    data: Any = zarr.open_group(ours, mode="r")["data"]
    first = 0
    for number in range(len(list(theirs.glob("*.npy")))):
        block = np.load(theirs / f"{number}.npy")
        compare(f"block {number}", data[first : first + len(block)], block, 0.0)
        first += len(block)
    if first != data.shape[0]:
        sys.exit(f"{theirs} has {first} steps and ours {data.shape[0]}")


def check_store(ours: Path, theirs: Path) -> None:
    """Two stores whose blocks must be the same byte for byte."""
    names = sorted(path.relative_to(ours) for path in (ours / "data" / "c").rglob("*") if path.is_file())
    _, different, absent = filecmp.cmpfiles(ours, theirs, [str(name) for name in names], shallow=False)
    if different or absent or not names:
        sys.exit(f"{len(different)} of {len(names)} blocks differ, {len(absent)} are not there")


def check_copy(ours: Path, theirs: Path) -> None:
    """Two directories of the same number of bytes: the copy's source is the store itself."""
    sizes = [sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) for root in (ours, theirs)]
    if sizes[0] != sizes[1]:
        sys.exit(f"{sizes[1]} bytes and ours {sizes[0]}")


def check_windows(ours: Path, theirs: Path) -> None:
    """The windows that a reader has kept, against zarr-python's reading of our store."""
    data: Any = zarr.open_group(ours, mode="r")["data"]
    kept = np.load(theirs)
    for first, values in zip(kept["firsts"].tolist(), kept["values"], strict=True):
        compare(f"window {first}", data[first : first + len(values)], values, 0.0)


CHECKS = {
    "netcdf": check_netcdf,
    "limit": check_limit,
    "statistics": check_statistics,
    "stack": check_stack,
    "store": check_store,
    "copy": check_copy,
    "windows": check_windows,
}


def main() -> None:
    """Run one check: nothing is said if all is the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=CHECKS)
    parser.add_argument("ours", type=Path)
    parser.add_argument("theirs", type=Path)
    args = parser.parse_args()
    CHECKS[args.kind](args.ours, args.theirs)


if __name__ == "__main__":
    main()
