"""The inputs of the next forecast: the newest fields in some GRIB files, held against what a network was trained on."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.config import AnyDomain
from windrow.errors import UserError
from windrow.extraction import describe, read_hours
from windrow.grib import inventory
from windrow.grib.axes import TOLERANCE_DEGREES
from windrow.grib.contents import Contents, Entry, contents_of, listed
from windrow.grib.decode import Fields, message_bytes
from windrow.grib.grid import Crop, crop_to
from windrow.grib.headers import EMPTY, Kinds
from windrow.grib.recipe import Recipe, recipe_of
from windrow.grid import Grid
from windrow.stages import Layout

_LABEL = "the given files"
_TOLD = 5  # times that are named
_CHECKED = {"units": "units", "cell_methods": "cell method"}

Values = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LatestInputs:
    """The fields that a forecast starts from.

    Attributes
    ----------
    fields
        Shape (step, variable, y, x), in the order of `layout.variables`, in the archive's units, on the training's
        grid.
    times
        Of the steps; the last is the forecast's init time.
    attributes
        CF attributes of each variable.
    templates
        A message of each variable at the last time, for `windrow.grib.encode.write_grib`.
    """

    fields: Values
    times: list[dt.datetime]
    attributes: dict[str, dict[str, str]]
    templates: dict[str, bytes]


def newest_inputs(
    paths: Sequence[Path],
    *,
    layout: Layout,
    input_steps: int,
    grid: Grid,
    domain: AnyDomain,
    attributes: Mapping[str, Mapping[str, Any]],
) -> LatestInputs:
    """Read the newest `input_steps` consecutive times at which the files have all variables.

    Parameters
    ----------
    layout
        The training's: step, variables in their order.
    grid, attributes
        The training's: points of the domain, and the variables' units and cell methods; as in `Climatology`.

    Raises
    ------
    UserError
        With all that differs from the training, a line each; if a file cannot be read, with that alone.
    """
    root, contents = _contents(paths, layout)
    problems: list[str] = []
    recipes = _recipes(contents, layout.variables, problems)
    hours = _newest_hours(contents, recipes, input_steps, problems)
    problems += [one for recipe in recipes for one in _differences(contents, recipe, hours, attributes)]
    crop = _crop(contents, recipes, hours, domain, grid, problems)
    fields: list[Values] = []
    if crop is not None and hours:
        fields = _fields(root, contents, crop, recipes, hours, problems)
    if problems:
        raise UserError("\n".join(problems))
    first = dt.datetime.fromisoformat(contents.first)
    chosen = {recipe.variable: _entry(contents, recipe.described_by, hours[-1]) for recipe in recipes}
    return LatestInputs(
        fields=np.stack(fields, axis=1),
        times=[first + dt.timedelta(hours=hour) for hour in hours],
        attributes={recipe.variable: describe(recipe, chosen[recipe.variable].kind) for recipe in recipes},
        templates={name: message_bytes(root, entry.place) for name, entry in chosen.items()},
    )


def _contents(paths: Sequence[Path], layout: Layout) -> tuple[Path, Contents]:
    """The directory above all files, and what these have at the steps of the layout."""
    files = sorted({path.resolve() for path in paths})
    root = Path(os.path.commonpath([path.parent for path in files]))
    kinds, step = Kinds(), dt.timedelta(hours=layout.step_hours)
    states = inventory.file_states(files, root)
    found = list(inventory.scan(files, root, kinds))
    messages = [message for message in found if not (message.time - layout.origin) % step]
    off_step = inventory.times_by_variable(message for message in found if (message.time - layout.origin) % step)
    if not messages:
        raise UserError(
            f"{_LABEL} have {listed(off_step)}, but at no time that lies a multiple of {layout.step_hours} h from "
            f"{layout.origin:%H:%M}, as those of the training; give files with such times"
        )
    first, last = (extreme(message.time for message in messages) for extreme in (min, max))
    columns = inventory.as_columns(
        messages,
        inventory.expected_times(first, last + step, step_hours=layout.step_hours),
        kinds.grids,
        month=_LABEL,
        step_hours=layout.step_hours,
        off_step=off_step,
        files=states,
    )
    return root, contents_of(columns)


@contextmanager
def _noted(problems: list[str]) -> Iterator[None]:
    try:
        yield
    except UserError as problem:
        problems.append(str(problem))


def _recipes(contents: Contents, variables: tuple[str, ...], problems: list[str]) -> list[Recipe]:
    found = []
    for variable in variables:
        with _noted(problems):
            found.append(recipe_of(variable, contents))
    return found


def _newest_hours(contents: Contents, recipes: list[Recipe], count: int, problems: list[str]) -> list[int]:
    """The last hours of the newest run that is long enough; those up to the newest hour if there is none."""
    step = contents.hours.step
    present = {recipe: _hours_of(contents, recipe) for recipe in recipes}
    whole = set(contents.hours).intersection(*present.values())
    for last in reversed(contents.hours):
        wanted = list(range(last - (count - 1) * step, last + 1, step))
        if whole.issuperset(wanted):
            return wanted
    last = contents.hours[-1]
    wanted = list(range(last - (count - 1) * step, last + 1, step))
    for recipe, hours in present.items():
        if lacking := [hour for hour in wanted if hour not in hours]:
            problems.append(
                f"{_LABEL} have no {count} consecutive times, {step} h apart, with all variables: of the last "
                f"{count} {recipe.variable} lacks {_times(contents, lacking)}; give more files"
            )
    return []


def _hours_of(contents: Contents, recipe: Recipe) -> set[int]:
    """The hours at which all that a variable is made of has values."""
    return set.intersection(
        *(
            {hour for hour, entries in contents.entries[name].items() if entries[0].state != EMPTY}
            for name in recipe.required
        )
    )


def _times(contents: Contents, hours: list[int]) -> str:
    first = dt.datetime.fromisoformat(contents.first)
    times = [(first + dt.timedelta(hours=hour)).isoformat() for hour in hours[:_TOLD]]
    return ", ".join(times) + (f" and {len(hours) - _TOLD} more times" if len(hours) > _TOLD else "")


def _entry(contents: Contents, name: str, hour: int) -> Entry:
    """A field at an hour, or the first one of those that are not there at every hour."""
    hours = contents.entries[name]
    return hours[hour if hour in hours else min(hours)][0]


def _differences(
    contents: Contents, recipe: Recipe, hours: list[int], trained: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Fields that are there twice; units and cell methods that are not the training's."""
    doubled = sorted({hour for name in recipe.required for hour in hours if len(contents.entries[name][hour]) > 1})
    if doubled:
        yield (
            f"{_LABEL} have {recipe.variable} more than once at {_times(contents, doubled)}; leave out the file of "
            "one of them"
        )
    problems: list[str] = []
    described = []
    for kind in dict.fromkeys(_entry(contents, recipe.described_by, hour).kind for hour in hours or [0]):
        with _noted(problems):
            described.append(describe(recipe, kind))
    yield from dict.fromkeys(problems)
    known = trained.get(recipe.variable, {})
    for key, what in _CHECKED.items():
        for value in dict.fromkeys(one.get(key, "none") for one in described):
            if value != known.get(key, value):
                yield f"{recipe.variable} has the {what} {value!r} in {_LABEL} and had {known[key]!r} in training"


def _crop(
    contents: Contents,
    recipes: list[Recipe],
    hours: list[int],
    domain: AnyDomain,
    grid: Grid,
    problems: list[str],
) -> Crop | None:
    """The training's points, rows in the training's order; none if they are not there."""
    grids: dict[str, str] = {}
    for recipe in recipes:
        for name in (*recipe.required, *filter(None, [recipe.surface_geopotential])):
            for hour in hours or [0]:
                grids.setdefault(_entry(contents, name, hour).kind.grid, recipe.variable)
    crops: list[Crop] = []
    for number, variable in grids.items():
        with _noted(problems):
            crops.append(_matched(crop_to(contents.grids[number], domain), grid, variable))
    if any(
        one.points != crops[0].points or not np.array_equal(one.indices, crops[0].indices) for one in crops[1:]
    ):
        problems.append(
            f"{' and '.join(grids.values())} lie on different grids in {_LABEL}; interpolate them to one, e.g. by "
            "`cdo remapbil`"
        )
    return crops[0] if crops else None


def _matched(crop: Crop, grid: Grid, variable: str) -> Crop:
    """The crop with its rows in the order of the grid.

    Raises
    ------
    UserError
        If its points are others.
    """
    for rows in (slice(None), slice(None, None, -1)):
        turned = crop.grid.part(rows)
        if turned.near(grid, tolerance_degrees=TOLERANCE_DEGREES):
            return Crop(crop.indices[rows], crop.points, grid)
    raise UserError(
        f"{variable} lies on another grid in {_LABEL} than in training: its points are {_corners(crop.grid)}, those of "
        f"the training {_corners(grid)}; interpolate it to that grid"
    )


def _corners(grid: Grid) -> str:
    ny, nx = grid.shape
    latitude, longitude = grid.points()
    south, north = sorted((latitude[0, 0], latitude[-1, -1]))
    west, east = longitude[0, 0], longitude[-1, -1]
    return f"{nx} x {ny} from {south:.6g}N {west:.6g}E to {north:.6g}N {east:.6g}E"


def _fields(
    root: Path, contents: Contents, crop: Crop, recipes: list[Recipe], hours: list[int], problems: list[str]
) -> list[Values]:
    """Each variable's fields, (step, y, x)."""
    found = []
    with Fields(root, contents.files, crop.indices, crop.points) as fields:
        for recipe in recipes:
            with _noted(problems):
                ((_, values),) = read_hours(root, contents, fields, [recipe], hours)
                if holed := [hour for hour, one in zip(hours, values, strict=True) if np.isnan(one).any()]:
                    problems.append(
                        f"{recipe.variable} at {_times(contents, holed)} has points without a value in {_LABEL}; give "
                        "files in which the domain has one everywhere"
                    )
                found.append(values)
    return found
