"""Archives of forecasts as GRIB: every message is a field of an initial time and a lead time."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from windrow.config import IndexDomain
from windrow.errors import UserError
from windrow.extracted import hours_since_1900
from windrow.grib import inventory
from windrow.grib.contents import listed
from windrow.grib.decode import Fields as Reader
from windrow.grib.decode import Place
from windrow.grib.grid import crop_to
from windrow.grib.headers import Kinds, cf_names
from windrow.grid import ROWS, Grid
from windrow.verification.external_points import part_of, require_units

Fields = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]
Key = tuple[int, int]


@dataclass(frozen=True)
class GribIndex:
    """Where each variable's field of an initial time (hours since 1900) and a lead time (h) lies.

    `crops` are the places of the wanted points in the values of a message, by variable, and how many values it has.
    """

    root: Path
    states: dict[str, inventory.FileState]
    places: Mapping[str, Mapping[Key, Place]]
    crops: Mapping[str, tuple[Places, int]]

    @cached_property
    def leads(self) -> Mapping[int, frozenset[int]]:
        """Lead times by initial time at which all variables exist."""
        whole = set.intersection(*(set(its) for its in self.places.values()))
        found: defaultdict[int, set[int]] = defaultdict(set)
        for init, lead in whole:
            found[init].add(lead)
        return {init: frozenset(leads) for init, leads in found.items()}

    def read(self, inits: list[int], leads: list[int]) -> Fields:
        """Fields (init, lead, variable, y, x)."""
        shape = next(iter(self.crops.values()))[0].shape
        found = np.empty((len(inits), len(leads), len(self.places), *shape), dtype=np.float32)
        for number, (name, places) in enumerate(self.places.items()):
            with Reader(self.root, self.states, *self.crops[name]) as fields:
                for row, init in enumerate(inits):
                    for column, lead in enumerate(leads):
                        found[row, column, number] = fields.read(places[init, lead])
        return found


def index_grib(paths: list[Path], units: Mapping[str, str], grid: Grid) -> GribIndex:
    """Find out which initial and lead times the files have, from the headers of their messages.

    Parameters
    ----------
    units
        Of the wanted variables, by their names in windrow's way: `2t`, `t850`.

    Raises
    ------
    UserError
        If a file cannot be read, a variable is missing, is in other units, has other points, or a field is there twice.
    """
    files = [path.resolve() for path in paths]
    root = Path(os.path.commonpath([path.parent for path in files]))
    kinds, states = Kinds(), inventory.file_states(files, root)
    places: dict[str, dict[Key, Place]] = {name: {} for name in units}
    its_grid: dict[str, str] = {}
    others: set[str] = set()
    for message in inventory.scan(files, root, kinds):
        name, kind = message.kind.variable, message.kind
        if name not in units:
            others.add(name)
            continue
        if its_grid.setdefault(name, kind.grid) != kind.grid:
            raise UserError(
                f"{name} lies on different grids in {message.file} and before; interpolate them to one"
            )
        require_units(cf_names(kind).get("units"), units[name], f"{name} of {message.file}")
        lead, rest = divmod(kind.offset_minutes, 60)
        key = hours_since_1900(message.time) - lead, lead
        if rest or message.time.minute:
            continue
        if key in places[name]:
            raise UserError(
                f"{message.file} has {name} of {message.time} {lead} h ahead, which is there before as well; leave one "
                "of them out, of an ensemble all but one member or the mean"
            )
        places[name][key] = Place(message.file, message.offset, message.length, message.field)
    if missing := [name for name, found in places.items() if not found]:
        raise UserError(
            f"the files have no {missing[0]}, but {listed(others) or 'no other'}; say its name there in `variables`"
        )
    crops = {name: _crop(kinds, its_grid[name], grid, name) for name in units}
    return GribIndex(root, states, places, crops)


def _crop(kinds: Kinds, its_grid: str, grid: Grid, name: str) -> tuple[Places, int]:
    described = kinds.grids[its_grid]
    size = {"nx": described.get("nx", 1), "ny": described.get("ny", 1)}
    whole = crop_to(described, IndexDomain(first_x=0, first_y=0, **size))
    rows = whole.grid.dimensions == ROWS
    latitude, longitude = (whole.grid.latitude, whole.grid.longitude) if rows else whole.grid.points()
    part = part_of(latitude, longitude, grid, name)
    return whole.indices[np.ix_(*part)], whole.points
