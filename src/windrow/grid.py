"""The points of a domain with their CF coordinates, as netCDF and as Zarr."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from windrow.errors import UserError

if TYPE_CHECKING:
    import netCDF4
    import zarr

ROWS = ("latitude", "longitude")
PROJECTED = ("y", "x")
MAPPING = "crs"
_GEOGRAPHIC = {
    "latitude": {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north"},
    "longitude": {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east"},
}
_AXIS = ("Y", "X")
ROTATED = "rotated_latitude_longitude"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Grid:
    """The points of a domain.

    Attributes
    ----------
    dimensions
        `latitude, longitude`; on projected and rotated grids `y, x`.
    y, x
        Coordinates along the dimensions, in degrees, or in metres on projected grids.
    latitude, longitude
        Degrees north and east: `y` and `x` themselves on latitude-longitude and Gaussian grids, otherwise
        of shape (ny, nx).
    mapping
        Attributes of the CF grid mapping; empty on latitude-longitude and Gaussian grids.
    """

    dimensions: tuple[str, str]
    y: Floats
    x: Floats
    latitude: Floats
    longitude: Floats
    mapping: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the shapes."""
        rows = self.dimensions == ROWS
        wanted = (self.y.shape, self.x.shape) if rows else (self.shape, self.shape)
        if self.dimensions not in (ROWS, PROJECTED) or (self.latitude.shape, self.longitude.shape) != wanted:
            raise ValueError(f"a grid of {self.dimensions} with coordinates of shape {self.latitude.shape}")
        if rows == ("grid_mapping_name" in self.mapping):
            raise ValueError(f"a grid of {self.dimensions} with the mapping {self.mapping}")

    @property
    def shape(self) -> tuple[int, int]:
        """Number of points along `y` and `x`."""
        return len(self.y), len(self.x)

    def same_as(self, other: Grid) -> bool:
        """Whether coordinates and mapping are exactly the same."""
        names = ("y", "x", "latitude", "longitude")
        return (
            self.dimensions == other.dimensions
            and _plain_attributes(self.mapping) == _plain_attributes(other.mapping)
            and all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)
        )

    def near(self, other: Grid, *, tolerance_degrees: float) -> bool:
        """Whether the points are the same in the same order, however their coordinates were rounded."""
        if self.shape != other.shape:
            return False
        (south, west), (other_south, other_west) = self.points(), other.points()
        off_x = (west - other_west + 180.0) % 360.0 - 180.0
        return bool(max(np.abs(south - other_south).max(), np.abs(off_x).max()) < tolerance_degrees)

    def part(self, rows: slice) -> Grid:
        """Some of the rows, or all in the other order."""
        longitude = self.longitude if self.dimensions == ROWS else self.longitude[rows]
        return Grid(self.dimensions, self.y[rows], self.x, self.latitude[rows], longitude, self.mapping)

    def points(self) -> tuple[Floats, Floats]:
        """Latitude and longitude of every point, (ny, nx)."""
        if self.dimensions == PROJECTED:
            return self.latitude, self.longitude
        y, x = np.meshgrid(self.latitude, self.longitude, indexing="ij")
        return y, x


def grid_of_rows(latitude: npt.ArrayLike, longitude: npt.ArrayLike) -> Grid:
    """A grid of rows of one latitude and columns of one longitude, in degrees."""
    y, x = np.asarray(latitude, dtype=np.float64), np.asarray(longitude, dtype=np.float64)
    return Grid(ROWS, y, x, y, x)


def field_attributes(grid: Grid) -> dict[str, str]:
    """What a data variable on the grid must carry."""
    return {"grid_mapping": MAPPING, "coordinates": " ".join(ROWS)} if grid.mapping else {}


def coordinate_names(dimensions: tuple[str, str]) -> dict[str, int]:
    """The variables that a grid is written as, and how many dimensions each has."""
    if dimensions == ROWS:
        return dict.fromkeys(ROWS, 1)
    return {**dict.fromkeys(PROJECTED, 1), **dict.fromkeys(ROWS, 2), MAPPING: 0}


def write_netcdf(file: netCDF4.Dataset, grid: Grid) -> None:
    """Add dimensions, coordinates and, if there is one, the grid mapping to a file that is being written."""
    for name, size in zip(grid.dimensions, grid.shape, strict=True):
        file.createDimension(name, size)
    for name, (dimensions, values, attributes) in _variables(grid).items():
        variable = file.createVariable(name, values.dtype, dimensions)
        variable.setncatts(attributes)
        variable[...] = values


def read_netcdf(file: netCDF4.Dataset) -> Grid:
    """Read what `write_netcdf` wrote.

    Raises
    ------
    UserError
        If the file has no such coordinates.
    """
    return _read(file.variables, file.filepath())


def write_zarr(group: zarr.Group, grid: Grid) -> None:
    """Add coordinates and, if there is one, the grid mapping; each is a single uncompressed chunk."""
    for name, (dimensions, values, attributes) in _variables(grid).items():
        write_zarr_array(group, name, dimensions, values, attributes)


def write_zarr_array(
    group: zarr.Group,
    name: str,
    dimensions: tuple[str, ...],
    values: npt.NDArray[Any],
    attributes: dict[str, Any],
) -> None:
    """Add an array of a single uncompressed chunk, whose file exists whatever the values; objects are texts."""
    array = group.create_array(
        name,
        shape=values.shape,
        dtype=str if values.dtype == object else values.dtype,
        chunks=values.shape,
        compressors=None,
        dimension_names=dimensions,
        attributes=attributes,
        config={"write_empty_chunks": True},
    )
    array[...] = values


def read_zarr(group: zarr.Group) -> Grid:
    """Read what `write_zarr` wrote.

    Raises
    ------
    UserError
        If the group has no such coordinates.
    """
    return _read(dict(group.arrays()), str(group.store_path))


def _variables(grid: Grid) -> dict[str, tuple[tuple[str, ...], npt.NDArray[Any], dict[str, Any]]]:
    """Dimensions, values and attributes of each coordinate and of the grid mapping."""
    y_name, x_name = grid.dimensions
    if not grid.mapping:
        axes = [{**_GEOGRAPHIC[name], "axis": axis} for name, axis in zip(ROWS, _AXIS, strict=True)]
        return {y_name: ((y_name,), grid.y, axes[0]), x_name: ((x_name,), grid.x, axes[1])}
    y, x = _projection_axes(grid.mapping["grid_mapping_name"])
    return {
        y_name: ((y_name,), grid.y, y),
        x_name: ((x_name,), grid.x, x),
        "latitude": (grid.dimensions, grid.latitude, _GEOGRAPHIC["latitude"]),
        "longitude": (grid.dimensions, grid.longitude, _GEOGRAPHIC["longitude"]),
        MAPPING: ((), np.array(0, dtype=np.int32), _plain_attributes(grid.mapping)),
    }


def _projection_axes(mapping: str) -> list[dict[str, str]]:
    """Attributes of `y` and `x`."""
    if mapping == ROTATED:
        names, units, what = ("grid_latitude", "grid_longitude"), "degrees", "in the rotated system"
    else:
        names, units, what = ("projection_y_coordinate", "projection_x_coordinate"), "m", "of the projection"
    return [
        {"standard_name": name, "long_name": f"{short} coordinate {what}", "units": units, "axis": axis}
        for name, short, axis in zip(names, PROJECTED, _AXIS, strict=True)
    ]


def _read(variables: Any, path: str) -> Grid:
    dimensions = PROJECTED if MAPPING in variables else ROWS
    if missing := [name for name in (*dimensions, *ROWS) if name not in variables]:
        raise UserError(f"{path} lacks the coordinate {missing[0]}; write it again")
    y, x, latitude, longitude = (
        np.asarray(variables[name][...], dtype=np.float64) for name in (*dimensions, *ROWS)
    )
    return Grid(dimensions, y, x, latitude, longitude, _mapping(variables))


def _mapping(variables: Any) -> dict[str, Any]:
    """Attributes of the grid mapping, of a netCDF variable or of a Zarr array."""
    if MAPPING not in variables:
        return {}
    found = variables[MAPPING]
    attributes = (
        found.attrs if hasattr(found, "attrs") else {name: found.getncattr(name) for name in found.ncattrs()}
    )
    return _plain_attributes(dict(attributes))


def _plain_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """As both formats give them back: no NumPy types, a lone number instead of a list of one."""
    return {name: _plain(value) for name, value in attributes.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value
    numbers = np.asarray(value, dtype=np.float64).ravel().tolist()
    return numbers[0] if len(numbers) == 1 else numbers
