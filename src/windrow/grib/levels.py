"""Variables on pressure levels, interpolated from the model levels of an archive."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from windrow.errors import UserError
from windrow.grib.contents import Contents
from windrow.grib.decode import Fields, Floats, Place, coefficients
from windrow.grib.hybrid import Hybrid
from windrow.grib.recipe import Recipe
from windrow.grib.vertical import at_pressure


class ModelLevels:
    """The model levels of a month, read as far as a variable needs them."""

    def __init__(self, root: Path, contents: Contents, fields: Fields) -> None:
        self._root, self._contents, self._fields = root, contents, fields

    @cached_property
    def _orography(self) -> dict[str, Floats]:
        return {}

    @cached_property
    def _hybrids(self) -> dict[str, Hybrid]:
        return {}

    def at_pressure(self, recipe: Recipe, hour: int) -> Floats:
        """The variable at its pressure, shape (ny, nx), in the archive's units.

        Raises
        ------
        UserError
            If levels or the surface geopotential are missing that some point of the domain needs.
        """

        def read(short_name: str, level: int) -> Floats:
            return self._fields.read(self._contents.place(f"{short_name}_hybrid{level}", hour))

        pressure = self._fields.read(self._contents.place(recipe.surface_pressure, hour))
        return at_pressure(
            recipe.short_name,
            100.0 * recipe.pressure_hpa,
            self._hybrid(recipe, hour),
            {name: self._contents.levels(name) for name in self._short_names(recipe)},
            read,
            surface_pressure=np.exp(pressure) if recipe.surface_pressure.startswith("lnsp") else pressure,
            surface_geopotential=self._geopotential(recipe.surface_geopotential, hour),
        )

    def _short_names(self, recipe: Recipe) -> set[str]:
        return {name.rpartition("_hybrid")[0] for name in recipe.required} - {"", "lnsp"}

    def _hybrid(self, recipe: Recipe, hour: int) -> Hybrid:
        """The coefficients stand in every message on model levels; one month has one set of them."""
        name = recipe.required[-1]
        if name not in self._hybrids:
            place = self._contents.place(name, hour)
            self._hybrids[name] = Hybrid.from_pv(self._coefficients(place))
        return self._hybrids[name]

    def _coefficients(self, place: Place) -> Floats:
        found = coefficients(self._root, place)
        if not len(found):
            raise UserError(
                f"{place.file}: the message at byte {place.offset} has no hybrid coefficients; fetch it again"
            )
        return found

    def _geopotential(self, name: str, hour: int) -> Floats | None:
        """Of this hour, or of the first that has it: it does not change."""
        if not name:
            return None
        if name not in self._orography:
            hours = self._contents.entries[name]
            self._orography[name] = self._fields.read(hours[hour if hour in hours else min(hours)][0].place)
        return self._orography[name]
