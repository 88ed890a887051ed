"""Write the store: its metadata and coordinates once, and each block by itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt
import zarr

from windrow.extracted import AXES
from windrow.files import remove, written_beside
from windrow.shards.layout import DATA, DIMENSIONS, BlockShape
from windrow.zarr_metadata import consolidate


def write_layout(
    shards: Path,
    *,
    shape: BlockShape,
    times: npt.NDArray[np.int64],
    variables: dict[str, dict[str, Any]],
    latitude: npt.NDArray[np.float64],
    longitude: npt.NDArray[np.float64],
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
    group = zarr.open_group(beside, mode="w", zarr_format=3, attributes={"Conventions": "CF-1.11", **attributes})
    group.create_array(
        DATA,
        shape=(len(times), shape.variables, shape.ny, shape.nx),
        dtype="float32",
        chunks=(1, shape.variables, shape.ny, shape.nx),
        shards=(shape.steps, shape.variables, shape.ny, shape.nx),
        compressors=None,
        filters=None,
        fill_value=np.float32(np.nan),
        dimension_names=DIMENSIONS,
        attributes={"variables": variables},
    )
    coordinates: dict[str, npt.NDArray[Any]] = {"time": times, "latitude": latitude, "longitude": longitude}
    for name, values in coordinates.items():
        _write_coordinate(group, name, values, AXES[name])
    _write_coordinate(group, "variable", np.array(list(variables), dtype=object), {"long_name": "variable"})
    consolidate(beside)
    _move_files(beside, shards)


def _move_files(source: Path, target: Path) -> None:
    """Move every file to the same place in another tree, those nearest to the root last."""
    files = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: (-len(path.parts), path)):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(source / path, target / path)
    remove(source)


def _write_coordinate(group: Any, name: str, values: npt.NDArray[Any], attributes: dict[str, str]) -> None:
    array = group.create_array(
        name,
        shape=values.shape,
        dtype=str if values.dtype == object else values.dtype,
        chunks=values.shape,
        compressors=None,
        dimension_names=(name,),
        attributes=attributes,
    )
    array[:] = values


def write_block(
    path: Path, values: npt.NDArray[np.float32], present: npt.NDArray[np.bool_], shape: BlockShape
) -> None:
    """Write one block's file, whole or not at all.

    Parameters
    ----------
    values
        Shape (steps, variables, ny, nx), physical units.
    present
        Which of the steps exist; the others become holes.
    """
    index = shape.index(present).tobytes()
    with written_beside(path) as beside, beside.open("wb") as stream:
        for step in np.flatnonzero(present):
            stream.seek(int(step) * shape.step_bytes)
            stream.write(np.ascontiguousarray(values[step], dtype="<f4").data)
        stream.seek(shape.data_bytes)
        stream.write(index + int(google_crc32c.value(index)).to_bytes(4, "little"))
