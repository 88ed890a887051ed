"""Write the store's metadata and coordinates; the blocks are written by themselves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from windrow.extracted import TIME
from windrow.files import named, remove
from windrow.grid import Grid, field_attributes, write_zarr, write_zarr_array
from windrow.shards.layout import DATA, BlockShape
from windrow.zarr_metadata import consolidate


def write_layout(
    shards: Path,
    *,
    shape: BlockShape,
    times: npt.NDArray[np.int64],
    variables: dict[str, dict[str, Any]],
    grid: Grid,
    attributes: dict[str, Any],
) -> None:
    """Write the group's metadata and coordinates; blocks that are there already stay as they are.

    A group is made beside the store and its files are moved one by one, the consolidated metadata last.

    Parameters
    ----------
    times
        Hours since 1900 of every step of the axis.
    variables
        Attributes (units, names) by variable, in the order of the array.
    """
    beside = shards.with_name(f".{shards.name}.part")
    remove(beside)
    try:
        with named(shards):
            group = zarr.open_group(
                beside, mode="w", zarr_format=3, attributes={"Conventions": "CF-1.11", **attributes}
            )
            group.create_array(
                DATA,
                shape=(len(times), shape.variables, shape.ny, shape.nx),
                dtype="float32",
                chunks=(1, shape.variables, shape.ny, shape.nx),
                shards=(shape.steps, shape.variables, shape.ny, shape.nx),
                compressors=None,
                filters=None,
                fill_value=np.float32(np.nan),
                dimension_names=("time", "variable", *grid.dimensions),
                attributes={"variables": variables, **field_attributes(grid)},
            )
            write_zarr_array(group, "time", ("time",), times, TIME)
            names = np.array(list(variables), dtype=object)
            write_zarr_array(group, "variable", ("variable",), names, {"long_name": "variable"})
            write_zarr(group, grid)
            consolidate(beside)
            _move_files(beside, shards)
    finally:
        remove(beside)


def _move_files(source: Path, target: Path) -> None:
    """Move every file to the same place in another tree, those nearest to the root last."""
    files = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: (-len(path.parts), path)):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(source / path, target / path)
    remove(source)
