"""Fields that are the same at all times: written by `statics`, read as inputs of networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np
import numpy.typing as npt

from windrow import __version__, extracted, stages
from windrow.config import AnyDomain
from windrow.configfile import canonical
from windrow.errors import UserError
from windrow.files import written_beside
from windrow.grib.contents import Contents, Entry, offer
from windrow.grib.decode import Fields
from windrow.grib.grid import crop_to
from windrow.grib.headers import EMPTY, cf_names
from windrow.grib.recipe import SURFACE_GEOPOTENTIAL
from windrow.grid import Grid, field_attributes, read_netcdf, write_netcdf

_ARCHIVED_AS = {"z": SURFACE_GEOPOTENTIAL[::-1]}


@dataclass(frozen=True, eq=False)
class Statics:
    """Fields of shape (y, x), in the archive's units, by name."""

    grid: Grid
    fields: dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class _Found:
    """Where a field was found."""

    contents: Contents
    entry: Entry


def write_statics(
    output: Path, contents: Sequence[Contents], settings: stages.Statics, *, like: Path, root: Path
) -> None:
    """Write the fields of `settings.statics`; without any the file holds the grid alone.

    Parameters
    ----------
    contents
        The months to look in, in this order: the first message of a field is taken.
    like
        An extracted month, whose grid the fields must have.
    root
        Directory of the archive.

    Raises
    ------
    UserError
        If the months lack a field, or it lies on another grid, has points without a value or cannot be read.
    """
    found = {name: _first(name, contents) for name in settings.statics}
    if missing := [name for name, one in found.items() if one is None]:
        first = contents[0]
        raise UserError(
            "\n".join(
                f"dataset.statics: {first.month} of the archive has no {name}; {offer(first, name)}"
                for name in missing
            )
        )
    with extracted.opened(like) as month:
        grid = month.grid
    chosen = {name: one for name, one in found.items() if one is not None}
    fields = {name: _field(name, one, settings.domain, grid, root) for name, one in chosen.items()}
    with written_beside(output) as beside, netCDF4.Dataset(beside, "w", format="NETCDF4") as file:
        file.setncatts(
            {
                "Conventions": "CF-1.11",
                "title": "fields that are the same at all times, cropped",
                "source": f"windrow {__version__}",
                "history": "written by windrow statics",
                "windrow_settings": canonical(settings),
            }
        )
        write_netcdf(file, grid)
        for name, values in fields.items():
            variable = file.createVariable(name, np.float32, grid.dimensions)
            variable.setncatts(cf_names(chosen[name].entry.kind) | field_attributes(grid))
            variable[...] = values


def read_statics(path: Path) -> Statics:
    """Read what `write_statics` wrote.

    Raises
    ------
    UserError
        If it is not there or cannot be read.
    """
    try:
        file = netCDF4.Dataset(path)
    except OSError as problem:
        raise UserError(f"cannot read {path} ({problem}); delete it and run the stage statics again") from None
    with file:
        file.set_auto_mask(False)
        names = [name for name, one in file.variables.items() if one.ndim == 2 and one.dtype == np.float32]
        return Statics(read_netcdf(file), {name: file[name][...] for name in names})


def _first(name: str, contents: Sequence[Contents]) -> _Found | None:
    for month in contents:
        for archived in _ARCHIVED_AS.get(name, (name,)):
            for entries in month.entries.get(archived, {}).values():
                if entries[0].state != EMPTY:
                    return _Found(month, entries[0])
    return None


def _field(name: str, found: _Found, domain: AnyDomain, grid: Grid, root: Path) -> npt.NDArray[np.float32]:
    place, contents = found.entry.place, found.contents
    crop = crop_to(contents.grids[found.entry.kind.grid], domain)
    if not crop.grid.same_as(grid):
        raise UserError(
            f"dataset.statics: {name} in {place.file} lies on another grid than the variables; interpolate it to "
            "theirs, e.g. by `cdo remapbil`"
        )
    with Fields(root, contents.files, crop.indices, crop.points) as fields:
        values = fields.read(place).astype(np.float32)
    if np.isnan(values).any():
        raise UserError(
            f"dataset.statics: {name} in {place.file} has points without a value; take it out of dataset.statics, or "
            "fill it"
        )
    return values
