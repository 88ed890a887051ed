"""The grid of a message, and which of its points a domain takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import eccodes
import numpy as np
import numpy.typing as npt

from windrow.config import Domain
from windrow.errors import UserError

_TOLERANCE_DEGREES = 2e-3  # GRIB 1 states coordinates in thousandths of a degree


def describe_grid(handle: int) -> dict[str, Any]:
    """What a regular latitude-longitude grid is made of, in degrees; of other grids only the type.

    Raises
    ------
    ValueError
        If the rows and columns are not as many as the points, which a damaged header says.
    """
    kind = eccodes.codes_get(handle, "gridType")
    if kind != "regular_ll":
        return {"type": kind}
    names = {
        "nx": "Ni",
        "ny": "Nj",
        "first_latitude": "latitudeOfFirstGridPointInDegrees",
        "last_latitude": "latitudeOfLastGridPointInDegrees",
        "first_longitude": "longitudeOfFirstGridPointInDegrees",
        "last_longitude": "longitudeOfLastGridPointInDegrees",
        "x_step": "iDirectionIncrementInDegrees",
        "x_negative": "iScansNegatively",
        "points_in_y_are_consecutive": "jPointsAreConsecutive",
        "alternative_rows": "alternativeRowScanning",
    }
    grid = {"type": kind, **{key: eccodes.codes_get(handle, name) for key, name in names.items()}}
    points = eccodes.codes_get(handle, "numberOfDataPoints", int)
    if points < 1 or grid["nx"] * grid["ny"] != points:
        raise ValueError(f"a grid of {grid['nx']} x {grid['ny']} with {points} points")
    return grid


@dataclass(frozen=True)
class Crop:
    """The rows and columns of a field that lie in the domain, and their coordinates in degrees.

    `latitude` keeps the order of the archive; `longitude` runs eastward from the domain's west.
    """

    rows: slice
    columns: npt.NDArray[np.intp]
    shape: tuple[int, int]
    latitude: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]

    def of(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Crop a message's values, given in the order of the message."""
        field: npt.NDArray[np.float64] = values.reshape(self.shape)[self.rows][:, self.columns]
        return field.astype(np.float32)


def crop_to(grid: dict[str, Any], domain: Domain) -> Crop:
    """Find the domain's points on a grid.

    Raises
    ------
    UserError
        If the grid is not a plain latitude-longitude one, or the domain is not made of points of it.
    """
    if grid["type"] != "regular_ll":
        raise UserError(
            f"grid type {grid['type']} cannot be cropped; interpolate it first, e.g. `cdo remapbil` or `mir`"
        )
    if grid["x_negative"] or grid["points_in_y_are_consecutive"] or grid["alternative_rows"]:
        raise UserError("this scanning order of the grid is not read; rewrite it with `cdo copy`")
    latitude = np.linspace(grid["first_latitude"], grid["last_latitude"], grid["ny"])
    x_step = _x_step(grid)
    periodic = np.isclose(grid["nx"] * x_step, 360.0)
    south_row = int(np.abs(latitude - domain.south).argmin())
    west_column = round(((domain.west - grid["first_longitude"]) % 360.0) / x_step)
    if west_column == round(360.0 / x_step):  # the remainder of a tiny negative number
        west_column = 0
    longitude = np.asarray(domain.west + x_step * np.arange(domain.nx), dtype=np.float64)
    rows = _rows(south_row, domain.ny, southward=bool(latitude[0] > latitude[-1]))
    offset_x = (grid["first_longitude"] + west_column * x_step - domain.west + 180.0) % 360.0 - 180.0
    inside = rows.start >= 0 and rows.stop <= grid["ny"] and (periodic or west_column + domain.nx <= grid["nx"])
    on_grid = abs(latitude[south_row] - domain.south) < _TOLERANCE_DEGREES and abs(offset_x) < _TOLERANCE_DEGREES
    if not (inside and on_grid):
        raise UserError(_misfit(grid, domain, x_step, inside=inside))
    return Crop(
        rows=rows,
        columns=(west_column + np.arange(domain.nx)) % grid["nx"],
        shape=(grid["ny"], grid["nx"]),
        latitude=latitude[rows],
        longitude=longitude,
    )


def _x_step(grid: dict[str, Any]) -> float:
    """From the ends, since the increment may be missing or rounded."""
    if grid["nx"] == 1:
        return float(grid["x_step"])
    width = (grid["last_longitude"] - grid["first_longitude"]) % 360.0
    return float(width / (grid["nx"] - 1))


def _rows(south_row: int, ny: int, *, southward: bool) -> slice:
    return slice(south_row - ny + 1, south_row + 1) if southward else slice(south_row, south_row + ny)


def _misfit(grid: dict[str, Any], domain: Domain, x_step: float, *, inside: bool) -> str:
    south, north = sorted((grid["first_latitude"], grid["last_latitude"]))
    extent = (
        f"the archive's grid has {grid['nx']} x {grid['ny']} points from {south:g}N {grid['first_longitude']:g}E "
        f"to {north:g}N {grid['last_longitude']:g}E, {x_step:g} degrees apart"
    )
    corner = f"{domain.south:g}N {domain.west:g}E"
    if inside:
        return f"dataset.domain: its corner {corner} is not a point of the grid; {extent}"
    return f"dataset.domain: {domain.nx} x {domain.ny} points from {corner} are not all inside; {extent}"
