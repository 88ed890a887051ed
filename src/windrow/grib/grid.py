"""The grid of a message, and which of its points a domain takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import eccodes
import numpy as np
import numpy.typing as npt

from windrow.config import AnyDomain, IndexDomain
from windrow.errors import UserError
from windrow.grib.axes import TOLERANCE_DEGREES, Axes, plane_axes, row_axes
from windrow.grib.projection import MAPPINGS, describe_projection, describe_rotation
from windrow.grid import PROJECTED, Grid, grid_of_rows
from windrow.projection import to_earth

Places = npt.NDArray[np.intp]

_ROWS = ("regular_ll", "regular_gg", "rotated_ll")
_CONVERTERS = {
    "reduced_gg": "`cdo -setgridtype,regular`",
    "sh": "`cdo -sp2gpl`",
    "unstructured_grid": "`cdo -remapnn,r1440x720` with the grid's own file of coordinates, or `mir`",
    "healpix": "`cdo -remapnn,r1440x720` (CDO 2.3 or later)",
}
_CONVERTER = "`cdo -remapbil,r1440x720` or `mir`"
_SCANNING = {
    "x_negative": "iScansNegatively",
    "y_positive": "jScansPositively",
    "points_in_y_are_consecutive": "jPointsAreConsecutive",
    "alternative_rows": "alternativeRowScanning",
}
_ENDS = {
    "first_latitude": "latitudeOfFirstGridPointInDegrees",
    "last_latitude": "latitudeOfLastGridPointInDegrees",
    "first_longitude": "longitudeOfFirstGridPointInDegrees",
    "last_longitude": "longitudeOfLastGridPointInDegrees",
    "x_step": "iDirectionIncrementInDegrees",
}


def describe_grid(handle: int) -> dict[str, Any]:
    """What a grid is made of, as JSON can hold it; of grids that cannot be cropped only the type.

    Angles are in degrees, distances in metres; those that the header leaves out are negative.

    Raises
    ------
    ValueError
        If the rows and columns are not as many as the points, which a damaged header says.
    """
    kind = eccodes.codes_get(handle, "gridType")
    if kind not in _ROWS and kind not in MAPPINGS:
        return {"type": kind}
    size = {"nx": eccodes.codes_get(handle, "Nx", int), "ny": eccodes.codes_get(handle, "Ny", int)}
    points = eccodes.codes_get(handle, "numberOfDataPoints", int)
    if min(*size.values(), points) < 1 or size["nx"] * size["ny"] != points:
        raise ValueError(f"a grid of {size['nx']} x {size['ny']} with {points} points")
    scanning = {key: eccodes.codes_get(handle, name, int) for key, name in _SCANNING.items()}
    if kind in MAPPINGS:
        return {"type": kind, **size, **scanning, **describe_projection(handle, kind)}
    grid = {"type": kind, **size, **scanning}
    grid |= {key: eccodes.codes_get(handle, name, float) for key, name in _ENDS.items()}
    if kind == "regular_gg":
        return grid | {"n": eccodes.codes_get(handle, "N", int)}
    grid["y_step"] = eccodes.codes_get(handle, "jDirectionIncrementInDegrees", float)
    return grid | (describe_rotation(handle) if kind == "rotated_ll" else {})


@dataclass(frozen=True)
class Crop:
    """The points of a field that lie in the domain.

    Attributes
    ----------
    indices
        Their places in the message's own order of values: shape (ny, nx).
    points
        How many values the whole field has.
    grid
        Their coordinates: `y` keeps the order of the archive, `x` runs eastward.
    """

    indices: Places
    points: int
    grid: Grid

    def of(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Crop a message's values, given in the order of the message."""
        field: npt.NDArray[np.float64] = values[self.indices]
        return field.astype(np.float32)


def crop_to(grid: dict[str, Any], domain: AnyDomain) -> Crop:
    """Find the domain's points on a grid.

    Raises
    ------
    UserError
        If the grid has no rows and columns, contradicts itself, or the domain is not made of points of it.
    """
    _require_readable(grid, domain)
    try:
        axes = plane_axes(grid) if grid["type"] in MAPPINGS else row_axes(grid)
        south, west = _corner(grid, axes, domain)
        columns = west + np.arange(domain.nx)
        rows = south + np.arange(domain.ny)
        rows = rows if axes.northward else grid["ny"] - 1 - rows[::-1]
        places = columns if axes.period is None else np.where(columns < grid["nx"], columns, columns % axes.period)
        return Crop(
            indices=_places(grid, rows, grid["nx"] - 1 - places if grid["x_negative"] else places),
            points=grid["nx"] * grid["ny"],
            grid=_coordinates(grid, axes, domain, rows, columns),
        )
    except ValueError as problem:
        raise UserError(f"the archive's grid cannot be read: {problem}; fetch its files again") from None


def _require_readable(grid: dict[str, Any], domain: AnyDomain) -> None:
    kind = grid["type"]
    if kind not in _ROWS and kind not in MAPPINGS:
        tool = _CONVERTERS.get(kind, _CONVERTER)
        raise UserError(f"grid type {kind} cannot be cropped; convert the archive first, e.g. with {tool}")
    if turn := grid.get("turn"):  # ecCodes, CDO and the standard give three different answers
        raise UserError(
            f"the archive's grid ({kind}) is turned by {turn:g} degrees, which programs read in different ways; "
            f"convert the archive first, e.g. with {_CONVERTER}"
        )
    if "mapping" in grid and not isinstance(domain, IndexDomain):
        raise UserError(
            f"dataset.domain: the archive's grid ({kind}) has no rows of latitude and longitude; "
            f"give first_x and first_y instead of south and west ({_extent(grid)})"
        )


def _places(grid: dict[str, Any], rows: Places, columns: Places) -> Places:
    """Where the values of rows and columns, counted as they are scanned, stand in a message (WMO flag table 3.4)."""
    j, i = np.broadcast_arrays(rows[:, None], columns)
    if grid["points_in_y_are_consecutive"]:
        along = np.where(i % 2 == 1, grid["ny"] - 1 - j, j) if grid["alternative_rows"] else j
        return np.asarray(i * grid["ny"] + along, dtype=np.intp)
    along = np.where(j % 2 == 1, grid["nx"] - 1 - i, i) if grid["alternative_rows"] else i
    return np.asarray(j * grid["nx"] + along, dtype=np.intp)


def _coordinates(grid: dict[str, Any], axes: Axes, domain: AnyDomain, rows: Places, columns: Places) -> Grid:
    y, x = axes.y.at(rows), axes.x.at(columns)
    if "mapping" not in grid:
        return grid_of_rows(
            y, x if isinstance(domain, IndexDomain) else domain.west + axes.x.step * np.arange(len(x))
        )
    latitude, longitude = to_earth(grid["mapping"], *np.meshgrid(y, x, indexing="ij"))
    if not (np.isfinite(latitude).all() and np.isfinite(longitude).all()):
        raise ValueError("some of its points are not on the Earth")
    return Grid(PROJECTED, y, x, latitude, longitude, grid["mapping"])


def _corner(grid: dict[str, Any], axes: Axes, domain: AnyDomain) -> tuple[int, int]:
    """Row, counted from the south, and column, from the west, of the domain's corner."""
    if isinstance(domain, IndexDomain):
        _require_inside(grid, axes, domain, domain.first_y, domain.first_x, _extent(grid))
        return domain.first_y, domain.first_x
    row = axes.y.nearest(domain.south)
    column = round((domain.west - axes.x.first) % 360.0 / axes.x.step) if axes.x.step else 0
    if axes.x.step and column == round(360.0 / axes.x.step):  # the remainder of a tiny negative number
        column = 0
    south = row if axes.northward else grid["ny"] - 1 - row
    _require_inside(grid, axes, domain, south, column, _extent(grid, axes))
    latitude, longitude = float(axes.y.at(np.array(row))), float(axes.x.at(np.array(column)))
    off_x = (longitude - domain.west + 180.0) % 360.0 - 180.0
    if max(abs(latitude - domain.south), abs(off_x)) >= TOLERANCE_DEGREES:
        nearest = f"{round(latitude, 6) + 0.0:g}N {round(domain.west + off_x, 6) + 0.0:g}E"
        raise UserError(
            f"dataset.domain: its corner {domain.south:g}N {domain.west:g}E is not a point of the grid, "
            f"{nearest} is the nearest; {_extent(grid, axes)}"
        )
    return south, column


def _require_inside(
    grid: dict[str, Any], axes: Axes, domain: AnyDomain, row: int, column: int, extent: str
) -> None:
    fits_x = domain.nx <= grid["nx"] and (
        column + domain.nx <= grid["nx"] or (axes.period is not None and column < axes.period)
    )
    if fits_x and row + domain.ny <= grid["ny"]:
        return
    if isinstance(domain, IndexDomain):
        where = f"column {column} and row {row}"
    else:
        where = f"{domain.south:g}N {domain.west:g}E"
    raise UserError(f"dataset.domain: {domain.nx} x {domain.ny} points from {where} are not all inside; {extent}")


def _extent(grid: dict[str, Any], axes: Axes | None = None) -> str:
    text = f"the archive's grid has {grid['nx']} x {grid['ny']} points"
    if axes is None:
        return text
    south, north = sorted((grid["first_latitude"], grid["last_latitude"]))
    west, east, step = axes.x.first, axes.x.last, axes.x.step
    return f"{text} from {south:g}N {west:g}E to {north:g}N {east:g}E, {step:g} degrees apart"
