"""From a month's inventory to its netCDF: all hours checked first, then field by field."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from windrow import __version__, extracted
from windrow.audit import MonthAudit, Policy, audit_month, require_sound
from windrow.configfile import canonical
from windrow.errors import UserError
from windrow.files import written_beside
from windrow.grib.contents import Contents
from windrow.grib.decode import Fields
from windrow.grib.grid import Crop, crop_to
from windrow.grib.headers import Kind, cell_method, cf_names
from windrow.grib.levels import ModelLevels
from windrow.grib.recipe import Recipe
from windrow.stages import Extract

_CHUNK_BYTES = 1 << 23  # of a variable, held before they are written


def extract_month(
    contents: Contents, settings: Extract, output: Path, *, root: Path, reference: Contents | None = None
) -> list[dt.datetime]:
    """Write the domain's fields of a month; returns the times that all variables have.

    A few fields are in memory at a time, however long the month.

    Parameters
    ----------
    root
        Directory of the archive.
    reference
        The dataset's first month, whose grid, packing and units this month must have.

    Raises
    ------
    UserError
        If a variable, an hour or a point is missing, the domain is not on the grid, or a message cannot be read.
    """
    policy = Policy(settings.missing, settings.constant)
    audit = audit_month(contents, settings.variables, policy, reference=reference)
    require_sound([audit])
    crop = crop_to(contents.grids[contents.kind(audit.recipes[0].required[0]).grid], settings.domain)
    month = _Month(root, contents, audit, crop, settings)
    with written_beside(output) as beside:
        hours, holed = list(audit.hours), month.write(beside, list(audit.hours))
        if holed:  # rare: the fields are read once more, without those times
            hours = [hour for hour in hours if hour not in holed]
            beside.unlink()
            month.write(beside, hours)
    return [month.time(hour) for hour in hours]


class _Month:
    """A month that is being written."""

    def __init__(self, root: Path, contents: Contents, audit: MonthAudit, crop: Crop, settings: Extract) -> None:
        self.root, self.contents, self.audit, self.crop, self.settings = root, contents, audit, crop, settings

    def time(self, hour: int) -> dt.datetime:
        return dt.datetime.fromisoformat(self.contents.first) + dt.timedelta(hours=hour)

    def write(self, path: Path, hours: list[int]) -> set[int]:
        """Write the fields of these hours; returns the hours that turned out to have points without a value."""
        if not hours:
            raise UserError(
                f"{self.contents.month}: no hour has a value at every point; take it out of dataset.period"
            )
        holed: set[int] = set()
        described = {
            recipe.variable: describe(recipe, self.audit.kinds[recipe.variable]) for recipe in self.audit.recipes
        }
        attributes = {
            "title": f"fields of {self.contents.month}, cropped",
            "source": f"windrow {__version__}",
            "windrow_settings": canonical(self.settings),
        }
        with (
            Fields(self.root, self.contents.files, self.crop.indices, self.crop.points) as fields,
            extracted.created(
                path,
                times=[self.time(hour) for hour in hours],
                grid=self.crop.grid,
                variables=described,
                attributes=attributes,
            ) as file,
        ):
            for steps in self._chunks(len(hours)):
                chunk = [hours[step] for step in steps]
                for recipe, values in read_hours(self.root, self.contents, fields, self.audit.recipes, chunk):
                    for hour, field in zip(chunk, values, strict=True):
                        if np.isnan(field).any():
                            holed.add(self._forgiven(recipe, hour))
                    file[recipe.variable][steps.start : steps.stop] = values
        return holed

    def _chunks(self, count: int) -> Iterator[range]:
        size = max(1, _CHUNK_BYTES // (4 * self.crop.indices.size))
        return (range(start, min(start + size, count)) for start in range(0, count, size))

    def _forgiven(self, recipe: Recipe, hour: int) -> int:
        if self.settings.missing != "mask":
            raise UserError(
                f"{recipe.variable} at {self.time(hour).isoformat()} has points without a value; choose another "
                "domain, take it out of dataset.variables, or set source.missing: mask to leave such times out"
            )
        return hour


def read_hours(
    root: Path, contents: Contents, fields: Fields, recipes: Sequence[Recipe], hours: Sequence[int]
) -> Iterator[tuple[Recipe, npt.NDArray[np.float32]]]:
    """Each variable's values (hour, y, x); the archive is read hour by hour, as it mostly lies.

    Raises
    ------
    UserError
        If a message cannot be read, or model levels are missing that a variable needs.
    """
    values = {recipe: np.empty((len(hours), *fields.shape), dtype=np.float32) for recipe in recipes}
    levels = ModelLevels(root, contents, fields)
    for step, hour in enumerate(hours):
        for recipe in recipes:
            if recipe.pressure_hpa:
                values[recipe][step] = levels.at_pressure(recipe, hour)
            else:
                values[recipe][step] = fields.read(contents.place(recipe.variable, hour))
    yield from values.items()


def describe(recipe: Recipe, kind: Kind) -> dict[str, str]:
    """CF attributes of a variable: what the archive says, with units that UDUNITS reads.

    Raises
    ------
    UserError
        If CF has no words for how its values stand for their time.
    """
    try:
        method = cell_method(kind)
    except ValueError as problem:
        raise UserError(
            f"{recipe.variable} has the step type {problem}, for which CF has no cell method; take it out of "
            "dataset.variables"
        ) from None
    names = cf_names(kind)
    if recipe.pressure_hpa and "long_name" in names:
        names["long_name"] += f" at {recipe.pressure_hpa} hPa"
    return names | {"cell_methods": method}
