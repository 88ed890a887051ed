import datetime as dt

import numpy as np
import pytest

from windrow.stages import Layout
from windrow.training.calendar import ENTRIES, calendar, sun


def layout(origin: dt.datetime = dt.datetime(2007, 1, 1), step_hours: int = 1) -> Layout:
    return Layout(origin=origin, step_hours=step_hours, block_steps=10, variables=("2t",), ny=1, nx=1)


def entry(found: np.ndarray, name: str) -> np.ndarray:
    return found[..., ENTRIES.index(name)]


def phase(found: np.ndarray, name: str) -> np.ndarray:
    """An angle from 0 up to 1 of its circle."""
    return np.arctan2(entry(found, f"sin_{name}"), entry(found, f"cos_{name}")) / (2 * np.pi) % 1.0


def test_it_has_entries_for_each_step_of_each_window() -> None:
    found = calendar(np.array([0, 5, 30]), 4, layout())
    assert found.shape == (3, 4, 8)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0, 3], calendar(np.array([3]), 1, layout())[0, 0])
    np.testing.assert_array_equal(found[1, 0], calendar(np.array([5]), 1, layout())[0, 0])


def test_each_entry_with_its_name_is_a_sine_or_a_cosine() -> None:
    found = calendar(np.arange(0, 9000, 37), 1, layout())
    for name in ("hour", "year", "declination", "hour_angle"):
        np.testing.assert_allclose(
            entry(found, f"sin_{name}") ** 2 + entry(found, f"cos_{name}") ** 2, 1, atol=1e-6
        )


@pytest.mark.parametrize(
    ("hour", "sine", "cosine"), [(0, 0, 1), (6, 1, 0), (12, 0, -1), (18, -1, 0), (3, 0.5**0.5, 0.5**0.5)]
)
def test_the_hour_goes_round_in_a_day_from_midnight(hour: int, sine: float, cosine: float) -> None:
    found = calendar(np.array([hour, hour + 24, hour + 24 * 400]), 1, layout())
    np.testing.assert_allclose(entry(found, "sin_hour"), sine, atol=1e-6)
    np.testing.assert_allclose(entry(found, "cos_hour"), cosine, atol=1e-6)


def test_steps_of_several_hours_count_as_such() -> None:
    six = calendar(np.array([0]), 5, layout(dt.datetime(2010, 3, 5, 12), step_hours=6))
    one = calendar(np.array([0]), 25, layout(dt.datetime(2010, 3, 5, 12)))
    np.testing.assert_allclose(six[0], one[0, ::6], atol=1e-6)
    np.testing.assert_allclose(phase(six, "hour")[0] % 1, [0.5, 0.75, 0, 0.25, 0.5], atol=1e-6)


@pytest.mark.parametrize("year", [1979, 2000, 2001, 2004, 2019, 2023, 2048])
def test_the_year_begins_on_the_first_of_january(year: int) -> None:
    found = phase(calendar(np.array([0]), 1, layout(dt.datetime(year, 1, 1))), "year").item()
    days = (found + 0.5) % 1.0 * 365.2425 - 0.5 * 365.2425
    assert -0.03 < days < 1.0  # a leap year's day is late by up to one, as are the years after it
    middle = phase(calendar(np.array([0]), 1, layout(dt.datetime(year, 7, 2))), "year").item()
    assert middle == pytest.approx(0.5, abs=0.004)


@pytest.mark.parametrize(
    ("time", "declination"),
    [  # the equinoxes and solstices of the Astronomical Almanac, UTC
        (dt.datetime(2007, 3, 21, 0), 0.0),
        (dt.datetime(2007, 6, 21, 18), 23.44),
        (dt.datetime(2007, 9, 23, 10), 0.0),
        (dt.datetime(2007, 12, 22, 6), -23.44),
        (dt.datetime(2020, 3, 20, 4), 0.0),
        (dt.datetime(2020, 12, 21, 10), -23.44),
    ],
)
def test_the_sun_stands_where_the_almanac_has_it(time: dt.datetime, declination: float) -> None:
    days = (time - dt.datetime(2000, 1, 1, 12)) / dt.timedelta(days=1)
    found, _ = sun(np.array([days]))
    assert np.rad2deg(found).item() == pytest.approx(declination, abs=0.02)


@pytest.mark.parametrize(
    ("month", "day", "minutes"),
    [
        (2, 11, -14.2),
        (4, 15, 0.0),
        (5, 14, 3.7),
        (6, 13, 0.0),
        (7, 26, -6.5),
        (9, 1, 0.0),
        (11, 3, 16.4),
        (12, 25, 0.0),
    ],
)
def test_noon_at_greenwich_is_early_or_late_by_the_equation_of_time(month: int, day: int, minutes: float) -> None:
    """Published extremes and zeros of the equation of time, good to about half a minute."""
    days = (dt.datetime(2010, month, day, 12) - dt.datetime(2000, 1, 1, 12)) / dt.timedelta(days=1)
    _, hour_angle = sun(np.array([days]))
    found = np.rad2deg((hour_angle + np.pi) % (2 * np.pi) - np.pi).item() * 4  # 4 minutes for a degree
    assert found == pytest.approx(minutes, abs=0.5)
