"""Forecasts as GRIB: each field in a copy of an archive's message, which has parameter, edition and projection."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import eccodes
import numpy as np
import numpy.typing as npt

from windrow.config import IndexDomain
from windrow.errors import UserError
from windrow.files import written_beside
from windrow.grib.axes import TOLERANCE_DEGREES
from windrow.grib.grid import crop_to, describe_grid
from windrow.grib.headers import silence, variable_name
from windrow.grib.projection import MAPPINGS
from windrow.grid import Grid

_ROWS = ("regular_ll", "regular_gg", "rotated_ll")
_MISSING = 1e34
_NO_PROCESS = 255
_START_OF_FORECAST, _FORECAST_PRODUCTS, _FORECAST = 1, 1, 2  # code tables 1.2, 1.4 and 4.3 of edition 2
Values = npt.NDArray[np.float32]


def write_grib(
    path: Path,
    *,
    templates: Mapping[str, bytes],
    init_time: dt.datetime,
    lead_hours: Sequence[int],
    fields: Mapping[str, Values],
    grid: Grid,
    bits: int = 16,
) -> None:
    """Write a forecast, lead time by lead time, in simple packing.

    What the messages say of class, stream and experiment of the archive is left out: the forecast is none of theirs.

    Parameters
    ----------
    templates
        For each variable a message of the archive: the same parameter, or for `t850` also one on a model level.
    init_time
        The last time of the inputs, UTC.
    fields
        By variable, shape (lead, y, x), in the archive's units; NaN becomes a point without a value.
    grid
        The points of the fields: part of the archive's grid, rows in either order, columns eastward.
    bits
        Per value: the range of a field is divided into 2**bits - 1 steps.

    Raises
    ------
    UserError
        If a variable has no template, or cannot be written as a copy of it.
    """
    if missing := [name for name in fields if name not in templates]:
        raise UserError(
            f"there is no GRIB message to copy the keys of {', '.join(missing)} from; write netCDF or Zarr instead"
        )
    silence()
    with written_beside(path) as beside, beside.open("wb") as stream:
        for step, lead in enumerate(lead_hours):
            for name, values in fields.items():
                with _opened(templates[name], name) as handle:
                    _set(handle, {"packingType": "grid_simple", "bitmapPresent": 0, "bitsPerValue": bits})
                    _set_parameter(handle, name)
                    _set_grid(handle, name, grid)
                    _set_values(handle, values[step])
                    _set_time(handle, name, init_time, lead)
                    _require_grid(handle, name, grid)
                    stream.write(eccodes.codes_get_message(handle))


@contextmanager
def _opened(template: bytes, name: str) -> Iterator[int]:
    handle = None
    try:
        handle = eccodes.codes_new_from_message(template)
        yield handle
    except eccodes.CodesInternalError as problem:
        raise UserError(
            f"{name} cannot be written as GRIB: eccodes says {problem}; write netCDF or Zarr instead"
        ) from None
    finally:
        if handle is not None:
            eccodes.codes_release(handle)


def _set(handle: int, keys: Mapping[str, Any]) -> None:
    for key, value in keys.items():
        eccodes.codes_set(handle, key, value)


def _edition(handle: int) -> int:
    return int(eccodes.codes_get(handle, "edition", int))


def _set_parameter(handle: int, name: str) -> None:
    """The template's own, or, of a message on a model level, the same on the pressure level that the name has."""
    _set(handle, {"deleteLocalDefinition": 1, "generatingProcessIdentifier": _NO_PROCESS})
    short_name, kind = (eccodes.codes_get(handle, key) for key in ("shortName", "typeOfLevel"))
    found = variable_name(short_name, kind, eccodes.codes_get(handle, "level", int))
    if found == name:
        return
    on_pressure = re.fullmatch(rf"{re.escape(short_name)}(\d+)", name)
    if kind != "hybrid" or not on_pressure:
        raise UserError(f"{name} cannot be written as a copy of a message of {found}; give one of {name}")
    _set(handle, {"deletePV": 1, "typeOfLevel": "isobaricInhPa", "level": int(on_pressure[1])})


def _set_time(handle: int, name: str, init_time: dt.datetime, lead: int) -> None:
    """Accumulations, means and extremes keep the length of their interval, which ends at the lead time."""
    if _edition(handle) == 2:
        _set(
            handle,
            {
                "significanceOfReferenceTime": _START_OF_FORECAST,
                "typeOfProcessedData": _FORECAST_PRODUCTS,
                "typeOfGeneratingProcess": _FORECAST,
            },
        )
    _set(handle, {"dataDate": int(f"{init_time:%Y%m%d}"), "dataTime": int(f"{init_time:%H%M}"), "stepUnits": "h"})
    if eccodes.codes_get(handle, "stepType") == "instant":
        eccodes.codes_set(handle, "stepRange", str(lead))
        return
    hours = eccodes.codes_get(handle, "endStep", int) - eccodes.codes_get(handle, "startStep", int)
    if hours > lead:
        raise UserError(
            f"{name} stands for {hours} h, and GRIB cannot say that {lead} h after the start; write netCDF or Zarr "
            "instead"
        )
    eccodes.codes_set(handle, "stepRange", f"{lead - hours}-{lead}")


def _set_values(handle: int, values: Values) -> None:
    """Values in the order (y, x), which the scanning mode says, with a bitmap where some are no numbers."""
    holes = np.isnan(values)
    _set(handle, {"missingValue": _MISSING, "bitmapPresent": int(holes.any())})
    eccodes.codes_set_values(handle, np.where(holes, _MISSING, values.astype(np.float64)).ravel())


def _set_grid(handle: int, name: str, grid: Grid) -> None:
    """Size, scanning mode and ends of the grid; its projection is that of the template."""
    kind = eccodes.codes_get(handle, "gridType")
    if kind not in _ROWS and kind not in MAPPINGS:
        raise UserError(
            f"{name} cannot be written on the grid type {kind} of the given message; there are "
            f"{', '.join([*_ROWS, *MAPPINGS])}"
        )
    mapping = describe_grid(handle).get("mapping", {})
    if mapping.get("grid_mapping_name") != grid.mapping.get("grid_mapping_name"):
        raise _no_part(name, kind)
    ny, nx = grid.shape
    _set(handle, {"Ni": nx, "Nj": ny} if kind in (*_ROWS, "mercator") else {"Nx": nx, "Ny": ny})
    northward = int(grid.y[-1] > grid.y[0])
    _set(handle, {"iScansNegatively": 0, "jScansPositively": northward, "jPointsAreConsecutive": 0})
    if _edition(handle) == 2:
        _set(handle, {"alternativeRowScanning": 0, "numberOfDataPoints": ny * nx})
    _set(handle, _ends(grid, kind))


def _ends(grid: Grid, kind: str) -> dict[str, float]:
    """First and last point and increments (degrees); projected grids keep their distances and have one end."""
    y, x = (grid.y, grid.x) if kind in _ROWS else (grid.latitude[:, 0], grid.longitude[0])
    ends = {
        "latitudeOfFirstGridPointInDegrees": y[0],
        "longitudeOfFirstGridPointInDegrees": _eastward(x[0]),
    }
    if kind == "mercator" or kind in _ROWS:
        ends["latitudeOfLastGridPointInDegrees"] = y[-1]
        ends["longitudeOfLastGridPointInDegrees"] = _eastward(x[-1])
    if kind in _ROWS and len(x) > 1:
        ends["iDirectionIncrementInDegrees"] = abs(x[-1] - x[0]) / (len(x) - 1)
    if kind in _ROWS and kind != "regular_gg" and len(y) > 1:
        ends["jDirectionIncrementInDegrees"] = abs(y[-1] - y[0]) / (len(y) - 1)
    return {key: float(value) for key, value in ends.items()}


def _eastward(longitude: float) -> float:
    """From 0 to 360, which edition 2 asks for."""
    return round(float(longitude), 9) % 360.0


def _require_grid(handle: int, name: str, grid: Grid) -> None:
    """Check that the header, read back, has the points of the grid: the template may be of another projection."""
    ny, nx = grid.shape
    found = crop_to(describe_grid(handle), IndexDomain(first_x=0, first_y=0, nx=nx, ny=ny)).grid
    if not found.near(grid, tolerance_degrees=TOLERANCE_DEGREES):
        raise _no_part(name, eccodes.codes_get(handle, "gridType"))


def _no_part(name: str, kind: str) -> UserError:
    return UserError(
        f"the forecast's grid is no part of that of the given message of {name} ({kind}); give one of the archive"
    )
