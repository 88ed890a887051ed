import datetime as dt

import numpy as np
import pytest

from windrow.sample import simulate
from windrow.sample.atmosphere import cos_zenith, level_pressure
from windrow.sample.ground import ground_with_halo


@pytest.fixture(scope="module")
def day() -> dict[str, np.ndarray]:
    """The first day of 2007 as the equations give it, each variable (time, ..., y, x)."""
    hours = list(simulate(2007, 1, days=1))
    return {name: np.stack([fields[name] for fields in hours]) for name in hours[0]}


@pytest.fixture(scope="module")
def january() -> list[dict[str, np.ndarray]]:
    """The month of the lowest pressure, hour by hour."""
    names = ("2t", "tcc", "msl", "lnsp")
    return [{name: fields[name].copy() for name in names} for fields in simulate(2008, 1)]


def _inner(values: np.ndarray) -> np.ndarray:
    """The points of the halo's grid that are written, from north to south."""
    return values[14:-14, 14:-14][::-1]


def test_850_hpa_lies_between_two_levels_all_month(january: list[dict[str, np.ndarray]]) -> None:
    lnsp = np.array([[extreme(fields["lnsp"]) for fields in january] for extreme in (np.min, np.max)])
    full = level_pressure(np.exp(lnsp))
    assert np.all(full[0] < 85000.0)
    assert np.all(full[-1] > 85000.0)


def test_values_are_those_of_an_atmosphere(day: dict[str, np.ndarray]) -> None:
    assert 0.0 <= day["tcc"].min() < 0.3
    assert 0.6 < day["tcc"].max() <= 1.0
    assert 250.0 < day["2t"].min() < day["2t"].max() < 300.0
    assert 96000.0 < day["msl"].min() < day["msl"].max() < 106000.0
    assert np.hypot(day["10u"], day["10v"]).max() < 30.0
    assert np.all(day["t"][:, 0] < day["t"][:, 2])  # about 650 hPa is colder than about 800 hPa


def test_land_has_a_larger_diurnal_cycle_than_sea_and_is_warmest_after_noon(
    day: dict[str, np.ndarray],
) -> None:
    land = _inner(ground_with_halo().land)
    over_land, over_sea = (day["2t"][:, where].mean(axis=1) for where in (land, ~land))
    assert np.ptp(over_land) > 2.5 * np.ptp(over_sea)
    assert over_land.argmax() in (12, 13, 14)


def test_surface_pressure_at_the_sea_is_sea_level_pressure(day: dict[str, np.ndarray]) -> None:
    sea = ~_inner(ground_with_halo().land)
    np.testing.assert_allclose(np.exp(day["lnsp"][:, sea]), day["msl"][:, sea], rtol=1e-12)


def test_surface_pressure_and_surface_geopotential_belong_together(day: dict[str, np.ndarray]) -> None:
    """The air between the ground and the sea below weighs what its temperature, 260 to 300 K, lets it."""
    weight = np.log(day["msl"]) - day["lnsp"]
    assert np.all(day["z"] / (287.05 * 300.0) <= weight + 1e-12)
    assert np.all(weight <= day["z"] / (287.05 * 260.0) + 1e-12)
    assert 9.80665 * 900.0 < day["z"].max() < 9.80665 * 1000.0
    assert np.all(day["z"] == day["z"][0])


def test_wind_over_sea_is_three_quarters_of_the_geostrophic_one_turned_to_low_pressure(
    day: dict[str, np.ndarray],
) -> None:
    metres = 0.3 * np.pi / 180 * 6371229.0
    northward, eastward = np.gradient(day["msl"][12], -metres, metres * np.cos(np.radians(47.0)))
    geostrophic = (-northward + 1j * eastward) / (1.25 * 1.07e-4)
    expected = 0.75 * np.exp(1j * np.pi / 12) * geostrophic
    sea = ~_inner(ground_with_halo().land)
    sea[[0, -1]] = sea[:, [0, -1]] = False  # differences are one-sided there
    np.testing.assert_allclose((day["10u"] + 1j * day["10v"])[12][sea], expected[sea], atol=0.05)


def test_mountains_stand_on_land_where_they_are() -> None:
    ground = ground_with_halo()
    height = _inner(ground.height)
    assert np.all(height[~_inner(ground.land)] == 0.0)
    assert height.max() < 1000.0
    row, column = round((53.7 - 46.5) / 0.3), round((9.0 - 0.6) / 0.3)  # the Splügen pass
    assert height[row, column] > 850.0
    row, column = round((53.7 - 52.5) / 0.3), round((5.7 - 0.6) / 0.3)  # the IJssel
    assert height[row, column] < 20.0


def test_the_sun_stands_where_it_should() -> None:
    def cosine(time: dt.datetime, latitude: float, longitude: float) -> float:
        return cos_zenith(time, np.array([latitude]), np.array([longitude])).item()

    assert cosine(dt.datetime(2007, 3, 22, 12), 0.0, 0.0) == pytest.approx(1.0, abs=1e-3)
    assert cosine(dt.datetime(2007, 3, 22, 0), 0.0, 180.0) == pytest.approx(1.0, abs=1e-3)
    assert cosine(dt.datetime(2007, 3, 22, 18), 30.0, 0.0) == pytest.approx(0.0, abs=1e-2)
    midsummer = np.cos(np.radians(47.0 - 23.45))
    assert cosine(dt.datetime(2007, 6, 21, 11), 47.0, 15.0) == pytest.approx(midsummer, abs=1e-3)


def test_a_shorter_archive_holds_the_same_hours_as_a_longer_one(day: dict[str, np.ndarray]) -> None:
    for time, fields in zip(range(24), simulate(2007, 1, days=2), strict=False):
        np.testing.assert_array_equal(fields["2t"], day["2t"][time])


def test_years_and_seeds_differ_in_their_weather(day: dict[str, np.ndarray]) -> None:
    for other in (simulate(2008, 1), simulate(2007, 1, seed=2)):
        assert np.abs(next(other)["msl"] - day["msl"][0]).mean() > 100.0


def test_the_weather_goes_on_across_the_end_of_a_month(january: list[dict[str, np.ndarray]]) -> None:
    february = next(simulate(2008, 2))
    change = {name: np.abs(february[name] - january[-1][name]).max() for name in ("2t", "msl", "tcc")}
    assert change["2t"] < 1.5
    assert change["msl"] < 200.0
    assert change["tcc"] < 0.2
