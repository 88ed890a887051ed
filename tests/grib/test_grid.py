from typing import Any

import numpy as np
import pytest

from windrow.config import Domain
from windrow.errors import UserError
from windrow.grib.grid import crop_to

GLOBAL = {
    "type": "regular_ll",
    "nx": 360,
    "ny": 181,
    "first_latitude": 90.0,
    "last_latitude": -90.0,
    "first_longitude": 0.0,
    "last_longitude": 359.0,
    "x_step": 1.0,
    "x_negative": 0,
    "points_in_y_are_consecutive": 0,
    "alternative_rows": 0,
}
COLUMN, ROW = np.meshgrid(np.arange(360.0), np.arange(181.0))


def crop(grid: dict[str, Any], **domain: float) -> Any:
    return crop_to(grid, Domain.model_validate(domain))


def test_a_domain_is_cut_out_north_to_south_as_the_archive_has_it() -> None:
    found = crop(GLOBAL, south=50, west=5, nx=3, ny=2)
    assert found.latitude.tolist() == [51, 50]
    assert found.longitude.tolist() == [5, 6, 7]
    assert found.of(ROW.ravel()).tolist() == [[39, 39, 39], [40, 40, 40]]
    assert found.of(COLUMN.ravel()).tolist() == [[5, 6, 7], [5, 6, 7]]


def test_a_grid_from_south_to_north_stays_so() -> None:
    turned = GLOBAL | {"first_latitude": -90.0, "last_latitude": 90.0}
    found = crop(turned, south=50, west=5, nx=3, ny=2)
    assert found.latitude.tolist() == [50, 51]
    assert found.of(ROW.ravel())[:, 0].tolist() == [140, 141]


@pytest.mark.parametrize(
    ("west", "columns"), [(-2, [358, 359, 0, 1]), (358, [358, 359, 0, 1]), (-180, [180, 181, 182, 183])]
)
def test_a_domain_may_cross_the_zero_meridian_of_a_global_grid(west: float, columns: list[int]) -> None:
    found = crop(GLOBAL, south=0, west=west, nx=4, ny=1)
    assert found.of(COLUMN.ravel()).tolist() == [columns]
    assert found.longitude.tolist() == [west, west + 1, west + 2, west + 3]


def test_a_domain_may_not_cross_the_edge_of_a_regional_grid() -> None:
    regional = GLOBAL | {"nx": 20, "last_longitude": 19.0}
    with pytest.raises(UserError, match="are not all inside"):
        crop(regional, south=0, west=18, nx=4, ny=1)


@pytest.mark.parametrize("domain", [{"south": 89, "ny": 3}, {"south": 50.5, "ny": 1}])
def test_points_that_the_grid_does_not_have_are_refused(domain: dict[str, float]) -> None:
    with pytest.raises(UserError, match=r"dataset\.domain"):
        crop(GLOBAL, west=0, nx=1, **domain)


def test_the_thousandths_of_grib_1_are_no_reason_to_refuse() -> None:
    rounded = GLOBAL | {"nx": 4, "first_longitude": 0.333, "last_longitude": 3.333, "ny": 2}
    found = crop(
        rounded | {"first_latitude": 51.667, "last_latitude": 50.667}, south=50.6667, west=1.3333, nx=2, ny=2
    )
    assert found.columns.tolist() == [1, 2]


def test_other_grids_are_refused_with_a_tool_that_converts_them() -> None:
    with pytest.raises(UserError, match="grid type reduced_gg cannot be cropped; interpolate it first"):
        crop({"type": "reduced_gg"}, south=0, west=0, nx=1, ny=1)
