"""From a month's inventory to its netCDF: every hour checked first, then field by field."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow import __version__, extracted
from windrow.configfile import canonical
from windrow.errors import UserError
from windrow.files import written_beside
from windrow.grib.decode import read_field
from windrow.grib.grid import Crop, crop_to
from windrow.grib.inventory import grid_of, places_of
from windrow.stages import Extract

_NAMES = ("units", "standard_name", "long_name")
_UNKNOWN = "unknown"  # what GRIB writes where it has no name; CF leaves the attribute out


def extract_month(inventory: dict[str, Any], settings: Extract, output: Path) -> list[dt.datetime]:
    """Write the domain's fields of a month; returns its times. One field is in memory at a time.

    Raises
    ------
    UserError
        If a variable, an hour or a point is missing, the domain is not on the grid, or a message cannot be read.
    """
    places = {variable: places_of(inventory, variable) for variable in settings.variables}
    crop = crop_to(grid_of(inventory, settings.variables), settings.domain)
    first = dt.datetime.fromisoformat(inventory["first"])
    step = dt.timedelta(hours=settings.step_hours)
    times = [first + index * step for index in range(inventory["expected"])]
    with (
        written_beside(output) as beside,
        extracted.created(
            beside,
            times=times,
            latitude=crop.latitude,
            longitude=crop.longitude,
            variables={variable: _described(inventory["variables"][variable]) for variable in settings.variables},
            attributes={"source": f"windrow {__version__}", "windrow_settings": canonical(settings)},
        ) as file,
    ):
        for index, time in enumerate(times):
            for variable in settings.variables:
                place = places[variable][index * settings.step_hours]
                file[variable][index] = _whole_field(
                    settings.root, place, crop, f"{variable} at {time.isoformat()}"
                )
    return times


def _described(variable: dict[str, str]) -> dict[str, str]:
    return {name: variable[name] for name in _NAMES if variable[name] != _UNKNOWN}


def _whole_field(root: str, place: tuple[str, int, int], crop: Crop, what: str) -> npt.NDArray[np.float32]:
    field = read_field(Path(root), *place, crop)
    if np.isnan(field).any():
        raise UserError(
            f"{what} has points without a value; choose another domain or take it out of dataset.variables"
        )
    return field
