"""Projected and rotated grids: the CF grid mapping that a header stands for."""

from __future__ import annotations

import math
from typing import Any

import eccodes

_STEPS = {"mercator": ("DiInMetres", "DjInMetres")}
_EARTH_RADIUS_M = 6371229.0
_SOUTH_POLE = 128  # bit 1 of the projection centre flag


def describe_projection(handle: int, kind: str) -> dict[str, Any]:
    """First point (degrees), distances (m), CF grid mapping and what that cannot express: a turn (degrees)."""
    x_step, y_step = _STEPS.get(kind, ("DxInMetres", "DyInMetres"))
    return {
        "first_latitude": _number(handle, "latitudeOfFirstGridPointInDegrees"),
        "first_longitude": _number(handle, "longitudeOfFirstGridPointInDegrees"),
        "x_step": _number(handle, x_step),
        "y_step": _number(handle, y_step),
        "turn": _number(handle, "orientationOfTheGridInDegrees") if kind == "mercator" else 0.0,
        "mapping": MAPPINGS[kind](handle) | _earth(handle),
    }


def describe_rotation(handle: int) -> dict[str, Any]:
    """CF grid mapping of a rotated latitude-longitude grid: GRIB names the pole of the south, CF that of the north."""
    pole = {
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": -_number(handle, "latitudeOfSouthernPoleInDegrees"),
        "grid_north_pole_longitude": _signed(_number(handle, "longitudeOfSouthernPoleInDegrees") + 180.0),
    }
    return {"turn": _number(handle, "angleOfRotationInDegrees"), "mapping": pole | _earth(handle)}


def _lambert(handle: int) -> dict[str, Any]:
    return _cone(handle, "lambert_conformal_conic")


def _albers(handle: int) -> dict[str, Any]:
    mapping = _cone(handle, "albers_conical_equal_area")
    parallels = mapping["standard_parallel"]  # pyproj takes a lone one to be the first of two
    return mapping | {"standard_parallel": parallels if isinstance(parallels, list) else [parallels, parallels]}


def _cone(handle: int, name: str) -> dict[str, Any]:
    """The origin of latitude moves the numbers of y alone, so that the first parallel serves as well as another."""
    first, second = (_number(handle, key) for key in ("Latin1InDegrees", "Latin2InDegrees"))
    return {
        "grid_mapping_name": name,
        "standard_parallel": first if first == second else [first, second],
        "latitude_of_projection_origin": first,
        "longitude_of_central_meridian": _signed(_number(handle, "LoVInDegrees")),
    }


def _polar(handle: int) -> dict[str, Any]:
    sign = -1.0 if int(_number(handle, "projectionCentreFlag")) & _SOUTH_POLE else 1.0
    return {
        "grid_mapping_name": "polar_stereographic",
        "latitude_of_projection_origin": sign * 90.0,
        "straight_vertical_longitude_from_pole": _signed(_number(handle, "orientationOfTheGridInDegrees")),
        "standard_parallel": sign * abs(_number(handle, "LaDInDegrees")),
    }


def _mercator(handle: int) -> dict[str, Any]:
    """GRIB leaves the meridian of origin open: a whole degree near the grid's middle keeps `x` in one piece."""
    true = _number(handle, "LaDInDegrees")
    width = _number(handle, "DiInMetres") * (_number(handle, "Ni") - 1)
    half = math.degrees(width / 2 / (_EARTH_RADIUS_M * max(math.cos(math.radians(true)), 0.01)))
    sign = -1.0 if _number(handle, "iScansNegatively") else 1.0
    middle = _number(handle, "longitudeOfFirstGridPointInDegrees") + sign * half
    return {
        "grid_mapping_name": "mercator",
        "longitude_of_projection_origin": _signed(round(middle)),
        "standard_parallel": true,
    }


def _azimuthal(handle: int) -> dict[str, Any]:
    return {
        "grid_mapping_name": "lambert_azimuthal_equal_area",
        "latitude_of_projection_origin": _number(handle, "standardParallelInDegrees"),
        "longitude_of_projection_origin": _signed(_number(handle, "centralLongitudeInDegrees")),
    }


MAPPINGS = {
    "lambert": _lambert,
    "albers": _albers,
    "polar_stereographic": _polar,
    "mercator": _mercator,
    "lambert_azimuthal_equal_area": _azimuthal,
}


def _earth(handle: int) -> dict[str, float]:
    """Half axes (m). GRIB 1 has a flag, GRIB 2 the keys of the shape that it names; a radius of -1 is none."""
    axes = {"semi_major_axis": "earthMajorAxisInMetres", "semi_minor_axis": "earthMinorAxisInMetres"}
    oblate = eccodes.codes_is_defined(handle, "earthMajorAxisInMetres")
    if eccodes.codes_get(handle, "edition", int) == 1:
        oblate = eccodes.codes_get(handle, "earthIsOblate", int)
    if oblate:
        return {name: _number(handle, key) for name, key in axes.items()}
    return {"earth_radius": _number(handle, "radius") if eccodes.codes_is_defined(handle, "radius") else -1.0}


def _number(handle: int, key: str) -> float:
    return float(eccodes.codes_get(handle, key, float))


def _signed(longitude: float) -> float:
    """Between -180 and 180, without the last digits that the subtraction leaves."""
    return round((longitude + 180.0) % 360.0 - 180.0, 9)
