"""The content of a store in other layouts: `.npy` files, one HDF5 file, tar files of samples.

Only steps that exist are exported. Memory stays at a block or a sample, whatever the length of the store.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt
import zarr

from windrow.config import Sequences, known_steps
from windrow.errors import UserError
from windrow.extracted import TIME, TIME_UNITS, hours_since_1900
from windrow.files import write_json, written_beside
from windrow.grid import Grid, read_zarr, write_netcdf
from windrow.shards.layout import DATA, time_of
from windrow.shards.reader import ShardReader
from windrow.shards.windows import window_length

TAR_BYTES = 1 << 28  # so that a training can mix many files without opening each for long
Fields = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Content:
    """What to export: steps by number and, for samples, windows of steps."""

    reader: ShardReader
    variables: dict[str, dict[str, Any]]
    grid: Grid
    steps: npt.NDArray[np.int64]
    windows: npt.NDArray[np.int64] | None = None
    sequences: Sequences | None = None

    def hours(self, steps: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The times of steps, in hours since 1900."""
        layout = self.reader.layout
        return hours_since_1900(layout.origin) + layout.step_hours * steps

    def parts(self) -> Iterator[tuple[int, npt.NDArray[np.int64], Fields]]:
        """The steps of each block: its number, their numbers, their fields (step, variable, y, x)."""
        blocks = self.steps // self.reader.layout.block_steps
        for block in np.unique(blocks).tolist():
            steps = self.steps[blocks == block]
            yield block, steps, self.reader.windows(steps, 1)[:, 0]


def read_description(shards: Path) -> tuple[dict[str, dict[str, Any]], Grid]:
    """Attributes of the variables, and the grid, from the store's metadata."""
    group = zarr.open_group(shards, mode="r", zarr_format=3)
    variables: Any = group[DATA].attrs["variables"]
    return dict(variables), read_zarr(group)


def export_npy(content: Content, output: Path) -> int:
    """A directory with a file `BLOCK.npy` (step, variable, y, x) per block, and `stack.json`; returns the files.

    Stacked in the order of their names they are the whole, as `dask.array.to_npy_stack` lays it out.
    """
    files = []
    for block, steps, fields in content.parts():
        name = f"{block:06d}.npy"
        np.save(output / name, fields)
        files.append({"file": name, "times": content.hours(steps).tolist()})
    write_json(
        output / "stack.json", {**_described(content), "axes": ["time", "variable", "y", "x"], "files": files}
    )
    return len(files)


def export_hdf5(content: Content, output: Path) -> int:
    """One HDF5 file, which is netCDF-4: `data` (time, variable, y, x), not chunked; returns the steps."""
    with netCDF4.Dataset(output, "w", format="NETCDF4") as file:
        file.setncatts({"Conventions": "CF-1.11"})
        file.createDimension("time", len(content.steps))
        file.createDimension("variable", len(content.variables))
        write_netcdf(file, content.grid)
        file.createVariable("time", np.int64, ("time",)).setncatts(TIME)
        file["time"][:] = content.hours(content.steps)
        names = file.createVariable("variable", str, ("variable",))
        names[:] = np.array(list(content.variables), dtype=object)
        data = file.createVariable(
            DATA, np.float32, ("time", "variable", *content.grid.dimensions), contiguous=True, fill_value=False
        )
        data.setncattr("units", " ".join(str(said.get("units", "1")) for said in content.variables.values()))
        done = 0
        for _, steps, fields in content.parts():
            data[done : done + len(steps)] = fields
            done += len(steps)
    return len(content.steps)


def export_tar(content: Content, output: Path) -> int:
    """A directory with tar files as WebDataset reads them, and `samples.json`; returns the samples.

    A sample is a window: `inputs.npy` and `targets.npy` (step, variable, y, x) and `json` with its times; its key is
    its first time.

    Raises
    ------
    UserError
        If no split is given, whose windows are the samples.
    """
    if content.windows is None or content.sequences is None:
        raise UserError("tar files hold the windows of a split; name it by --settings and --split")
    length = window_length(content.sequences)
    per_file = max(1, TAR_BYTES // (length * content.reader.shape.step_bytes))
    files = []
    for number, start in enumerate(range(0, len(content.windows), per_file)):
        firsts = content.windows[start : start + per_file]
        name = f"samples-{number:06d}.tar"
        with tarfile.open(output / name, "w", format=tarfile.USTAR_FORMAT) as tar:
            for first in firsts.tolist():
                _add_sample(tar, content, first, length, known_steps(content.sequences))
        files.append({"file": name, "samples": len(firsts)})
    write_json(output / "samples.json", {**_described(content), "files": files})
    return len(content.windows)


FORMATS: dict[str, Callable[[Content, Path], int]] = {"npy": export_npy, "hdf5": export_hdf5, "tar": export_tar}


def export(content: Content, *, layout: str, output: Path) -> int:
    """Write the content in one of the layouts, whole or not at all; returns the number of its parts.

    Raises
    ------
    UserError
        If there is something already.
    """
    if output.exists():
        raise UserError(f"{output} is there already; delete it or name another one")
    with written_beside(output) as beside:
        if layout != "hdf5":
            beside.mkdir()
        return FORMATS[layout](content, beside)


def _add_sample(tar: tarfile.TarFile, content: Content, first: int, length: int, inputs: int) -> None:
    reader = content.reader
    fields = reader.windows(np.array([first]), length)[0]
    times = [time_of(step, reader.layout).isoformat() for step in range(first, first + length)]
    key = f"{time_of(first, reader.layout):%Y%m%dT%H}"
    parts = {"inputs.npy": _npy(fields[:inputs]), "targets.npy": _npy(fields[inputs:])}
    parts["json"] = json.dumps({"times": times}).encode()
    for suffix, part in parts.items():
        member = tarfile.TarInfo(f"{key}.{suffix}")
        member.size = len(part)
        tar.addfile(member, io.BytesIO(part))


def _npy(fields: Fields) -> bytes:
    stream = io.BytesIO()
    np.save(stream, fields)
    return stream.getvalue()


def _described(content: Content) -> dict[str, Any]:
    return {
        "variables": content.variables,
        "time_units": TIME_UNITS,
        "latitude": content.grid.latitude.tolist(),
        "longitude": content.grid.longitude.tolist(),
    }
