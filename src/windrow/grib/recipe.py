"""Which fields of the archive a variable is made of: itself, or those on model levels."""

from __future__ import annotations

import re
from dataclasses import dataclass

from windrow.errors import UserError
from windrow.grib.contents import Contents, offer

_ON_PRESSURE = re.compile(r"([A-Za-z]+)(\d+)")
_SURFACE_PRESSURE = ("lnsp_hybrid1", "lnsp", "sp")
SURFACE_GEOPOTENTIAL = ("z_hybrid1", "z")  # ECMWF archives it on model level 1
_ALSO = {"z": ("t", "q")}  # what geopotential is integrated from


@dataclass(frozen=True)
class Recipe:
    """How a variable comes about.

    Attributes
    ----------
    required
        The fields that must be there at an hour.
    short_name, pressure_hpa
        Of a variable that is interpolated from model levels; otherwise the pressure is 0.
    surface_pressure, surface_geopotential
        Names of these fields; the latter may be empty, and need not be there at every hour.
    """

    variable: str
    required: tuple[str, ...]
    short_name: str = ""
    pressure_hpa: int = 0
    surface_pressure: str = ""
    surface_geopotential: str = ""

    @property
    def described_by(self) -> str:
        """The field that gives the units, the names and the cell method."""
        if self.short_name == "z" and self.surface_geopotential:  # its levels are of temperature and humidity
            return self.surface_geopotential
        return self.variable if not self.pressure_hpa else self.required[-1]


def recipe_of(variable: str, contents: Contents) -> Recipe:
    """Find what the archive has for a variable: the field itself before model levels.

    Raises
    ------
    UserError
        If it has neither.
    """
    if variable in contents.entries:
        return Recipe(variable, (variable,))
    asked = _ON_PRESSURE.fullmatch(variable)
    short_names = _ALSO.get(asked[1], (asked[1],)) if asked else ()
    levels = {name: contents.levels(name) for name in short_names}
    if not asked or not all(levels.values()):
        raise UserError(f"{contents.month}: the archive has no {variable}; {offer(contents, variable)}")
    pressure = next((name for name in _SURFACE_PRESSURE if name in contents.entries), None)
    if pressure is None:
        raise UserError(
            f"{contents.month}: {variable} needs lnsp or sp beside {asked[1]} on model levels; "
            f"{offer(contents, variable)}"
        )
    fields = [f"{name}_hybrid{level}" for name, found in levels.items() for level in found]
    return Recipe(
        variable,
        required=(pressure, *fields),
        short_name=asked[1],
        pressure_hpa=int(asked[2]),
        surface_pressure=pressure,
        surface_geopotential=next((name for name in SURFACE_GEOPOTENTIAL if name in contents.entries), ""),
    )
