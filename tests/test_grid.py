from pathlib import Path

import netCDF4
import numpy as np
import pytest
import zarr

from windrow.errors import UserError
from windrow.grid import (
    Grid,
    coordinate_names,
    field_attributes,
    grid_of_rows,
    read_netcdf,
    read_zarr,
    write_netcdf,
    write_zarr,
)

ROWS = grid_of_rows([51.0, 50.7], [0.0, 0.3, 0.6])
LAMBERT = Grid(
    ("y", "x"),
    y=np.array([-1000.0, 1500.0]),
    x=np.array([0.0, 2500.0, 5000.0]),
    latitude=np.array([[50.0, 50.1, 50.2], [51.0, 51.1, 51.2]]),
    longitude=np.array([[1.0, 2.0, 3.0], [1.5, 2.5, 3.5]]),
    mapping={
        "grid_mapping_name": "lambert_conformal_conic",
        "standard_parallel": [48.0, 52.0],
        "longitude_of_central_meridian": 2.5,
    },
)
ROTATED = Grid(
    ("y", "x"),
    y=np.array([0.0]),
    x=np.array([0.0]),
    latitude=np.array([[50.0]]),
    longitude=np.array([[10.0]]),
    mapping={"grid_mapping_name": "rotated_latitude_longitude", "grid_north_pole_latitude": 40.0},
)
ALL = pytest.mark.parametrize("grid", [ROWS, LAMBERT, ROTATED], ids=["rows", "lambert", "rotated"])


@ALL
def test_a_grid_comes_back_from_netcdf_as_it_was(grid: Grid, tmp_path: Path) -> None:
    with netCDF4.Dataset(tmp_path / "grid.nc", "w") as file:
        write_netcdf(file, grid)
    with netCDF4.Dataset(tmp_path / "grid.nc") as file:
        assert read_netcdf(file).same_as(grid)


@ALL
def test_a_grid_comes_back_from_zarr_as_it_was(grid: Grid, tmp_path: Path) -> None:
    write_zarr(zarr.open_group(tmp_path / "grid.zarr", mode="w", zarr_format=3), grid)
    assert read_zarr(zarr.open_group(tmp_path / "grid.zarr", mode="r")).same_as(grid)


@ALL
def test_each_coordinate_is_one_file_of_the_store_also_where_all_its_values_are_zero(
    grid: Grid, tmp_path: Path
) -> None:
    write_zarr(zarr.open_group(tmp_path, mode="w", zarr_format=3), grid)
    for name, dimensions in coordinate_names(grid.dimensions).items():
        assert (tmp_path / name / "/".join(["c", *["0"] * dimensions])).is_file()


def test_rows_are_named_by_latitude_and_need_no_grid_mapping(tmp_path: Path) -> None:
    with netCDF4.Dataset(tmp_path / "grid.nc", "w") as file:
        write_netcdf(file, ROWS)
        assert set(file.variables) == {"latitude", "longitude"}
        assert file["longitude"].units == "degrees_east"
        assert file["latitude"].axis == "Y"
    assert field_attributes(ROWS) == {}


def test_a_projected_grid_carries_metres_and_both_kinds_of_coordinates(tmp_path: Path) -> None:
    with netCDF4.Dataset(tmp_path / "grid.nc", "w") as file:
        write_netcdf(file, LAMBERT)
        assert file["y"].standard_name == "projection_y_coordinate"
        assert file["x"].units == "m"
        assert file["latitude"].dimensions == ("y", "x")
        assert "axis" not in file["latitude"].ncattrs()
        assert file["crs"].standard_parallel.tolist() == [48.0, 52.0]
        assert file["crs"].shape == ()
    assert field_attributes(LAMBERT) == {"grid_mapping": "crs", "coordinates": "latitude longitude"}


def test_a_rotated_grid_has_its_own_names_and_degrees(tmp_path: Path) -> None:
    with netCDF4.Dataset(tmp_path / "grid.nc", "w") as file:
        write_netcdf(file, ROTATED)
        assert file["y"].standard_name == "grid_latitude"
        assert file["x"].units == "degrees"


def test_grids_that_differ_in_one_number_are_not_the_same() -> None:
    assert not ROWS.same_as(grid_of_rows([51.0, 50.7], [0.0, 0.3, np.nextafter(0.6, 1)]))
    assert not ROWS.same_as(grid_of_rows([50.7, 51.0], [0.0, 0.3, 0.6]))
    assert not LAMBERT.same_as(ROWS)
    turned = {**LAMBERT.mapping, "longitude_of_central_meridian": 2.6}
    assert not LAMBERT.same_as(Grid(**{**vars(LAMBERT), "mapping": turned}))


def test_coordinates_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="coordinates of shape"):
        Grid(("y", "x"), ROWS.y, ROWS.x, ROWS.latitude, ROWS.longitude, LAMBERT.mapping)
    with pytest.raises(ValueError, match="with the mapping"):
        Grid(("latitude", "longitude"), ROWS.y, ROWS.x, ROWS.y, ROWS.x, LAMBERT.mapping)


def test_a_file_without_coordinates_is_refused(tmp_path: Path) -> None:
    with netCDF4.Dataset(tmp_path / "none.nc", "w") as file, pytest.raises(UserError, match="coordinate latitude"):
        read_netcdf(file)
    with pytest.raises(UserError, match="coordinate latitude"):
        read_zarr(zarr.open_group(tmp_path / "none.zarr", mode="w", zarr_format=3))
