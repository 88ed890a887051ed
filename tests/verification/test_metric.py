from typing import Any

import numpy as np
import pytest

from windrow.grid import Grid, grid_of_rows
from windrow.projection import to_earth
from windrow.verification.metric import EARTH_RADIUS_M, cell_areas, metric_of
from windrow.verification.structure import mean_gradient

SPHERE = {"earth_radius": EARTH_RADIUS_M}
LAMBERT: dict[str, Any] = SPHERE | {
    "grid_mapping_name": "lambert_conformal_conic",
    "standard_parallel": 46.0,
    "longitude_of_central_meridian": 4.0,
    "latitude_of_projection_origin": 46.0,
    "false_easting": 0.0,
    "false_northing": 0.0,
}
ROTATED: dict[str, Any] = SPHERE | {
    "grid_mapping_name": "rotated_latitude_longitude",
    "grid_north_pole_latitude": 40.0,
    "grid_north_pole_longitude": -170.0,
}


def projected(mapping: dict[str, Any], y: np.ndarray[Any, Any], x: np.ndarray[Any, Any]) -> Grid:
    latitude, longitude = to_earth(mapping, *np.meshgrid(y, x, indexing="ij"))
    return Grid(("y", "x"), y, x, latitude, longitude, mapping)


GRIDS = {
    "rows": grid_of_rows(np.linspace(50, 40, 41), np.linspace(0, 10, 31)),
    "lambert": projected(LAMBERT, 2e4 * np.arange(-20, 21), 2e4 * np.arange(-15, 16)),
    "rotated": projected(ROTATED, 0.2 * np.arange(-20, 21), 0.2 * np.arange(30)),
}


@pytest.mark.parametrize("name", GRIDS)
def test_the_gradient_of_the_latitude_is_one_degree_per_degree_on_every_grid(name: str) -> None:
    latitude, _ = GRIDS[name].points()
    per_metre = 1 / (EARTH_RADIUS_M * np.pi / 180)
    assert mean_gradient(latitude, metric_of(GRIDS[name])) == pytest.approx(per_metre, rel=1e-3)


@pytest.mark.parametrize("name", GRIDS)
def test_the_gradient_of_the_longitude_grows_as_the_meridians_meet(name: str) -> None:
    latitude, longitude = GRIDS[name].points()
    expected = (180 / np.pi / EARTH_RADIUS_M / np.cos(np.radians(latitude)))[1:-1, 1:-1].mean()
    assert mean_gradient(longitude, metric_of(GRIDS[name])) == pytest.approx(expected, rel=1e-3)


def test_a_skewed_grid_needs_the_angle_between_rows_and_columns() -> None:
    y, x = np.meshgrid(0.1 * np.arange(8), 0.1 * np.arange(9), indexing="ij")
    mapping = {"grid_mapping_name": "made"}
    skewed = Grid(("y", "x"), np.arange(8.0), np.arange(9.0), y, x + 0.5 * y, mapping)
    metric = metric_of(skewed)
    assert metric.yx is not None
    assert mean_gradient(skewed.latitude, metric) == pytest.approx(180 / np.pi / EARTH_RADIUS_M, rel=1e-4)


def test_a_boundary_takes_its_points_off_the_metric() -> None:
    whole, inner = metric_of(GRIDS["rows"]), metric_of(GRIDS["rows"], boundary_width=3)
    np.testing.assert_array_equal(inner.xx, whole.xx[3:-3, 3:-3])
    assert inner.yy.shape == (41 - 2 - 6, 31 - 2 - 6)


def test_areas_on_regular_rows_go_as_the_cosine_of_the_latitude() -> None:
    areas = cell_areas(grid_of_rows([60.0, 30.0, 0.0], [0.0, 1.0]))
    np.testing.assert_allclose(areas / areas[2], np.array([[0.5], [np.sqrt(3) / 2], [1.0]]) * np.ones(2))


def test_areas_on_unequal_rows_count_their_height() -> None:
    areas = cell_areas(grid_of_rows([0.0, 1.0, 3.0, 5.0], [0.0, 1.0]))[:, 0]
    assert areas[3] / areas[0] == pytest.approx(2 * np.cos(np.radians(5)))


def test_areas_on_a_projected_grid_are_square_metres() -> None:
    areas = cell_areas(GRIDS["lambert"])
    assert areas[20, 15] == pytest.approx(2e4**2, rel=1e-4)  # on the standard parallel the scale is 1


def test_areas_on_a_rotated_grid_go_as_the_cosine_of_the_rotated_latitude() -> None:
    areas = cell_areas(GRIDS["rotated"])[1:-1, 1:-1]
    cosine = np.cos(np.radians(GRIDS["rotated"].y[1:-1, None])) * np.ones(areas.shape)
    np.testing.assert_allclose(areas / areas.mean(), cosine / cosine.mean(), rtol=1e-6)


def test_points_on_a_line_weigh_alike_and_have_no_gradient() -> None:
    line = projected(LAMBERT, np.zeros(1), 2e4 * np.arange(4))
    assert cell_areas(line).tolist() == [[1.0] * 4]
    assert np.isnan(mean_gradient(line.latitude, metric_of(line)))
