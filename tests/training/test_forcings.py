import datetime as dt
from typing import Any

import numpy as np
import pytest
import torch

from windrow.grid import Grid, grid_of_rows
from windrow.stages import Layout
from windrow.training.calendar import calendar
from windrow.training.forcings import Forcings, forcing_names, points_in_radians

HOURLY: Any = {"step_hours": 1, "block_steps": 10, "variables": ("2t",), "ny": 1, "nx": 1}


def cosine_of_zenith(times: list[dt.datetime], latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """(time, point) of points in degrees, by the windrow forcing."""
    forcings = Forcings(
        ("solar_zenith",), *(torch.deg2rad(torch.tensor(part))[None] for part in (latitude, longitude))
    )
    found = [
        forcings(torch.from_numpy(calendar(np.array([0]), 1, Layout(origin=time, **HOURLY))))[0, 0, 0, 0]
        for time in times
    ]
    return torch.stack(found).numpy()


def spencer(time: dt.datetime, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Spencer (1971), Fourier series of the declination and of the equation of time: another way to the same."""
    day = time.timetuple().tm_yday - 1 + time.hour / 24
    angle = 2 * np.pi * day / (366 if time.year % 4 == 0 else 365)
    declination = (
        0.006918
        - 0.399912 * np.cos(angle)
        + 0.070257 * np.sin(angle)
        - 0.006758 * np.cos(2 * angle)
        + 0.000907 * np.sin(2 * angle)
        - 0.002697 * np.cos(3 * angle)
        + 0.00148 * np.sin(3 * angle)
    )
    minutes = 229.18 * (
        0.000075
        + 0.001868 * np.cos(angle)
        - 0.032077 * np.sin(angle)
        - 0.014615 * np.cos(2 * angle)
        - 0.040849 * np.sin(2 * angle)
    )
    solar_hours = time.hour + longitude / 15 + minutes / 60
    hour_angle = np.deg2rad(15 * (solar_hours - 12))
    latitude = np.deg2rad(latitude)
    return np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)


def test_the_cosine_of_the_zenith_angle_agrees_with_spencer() -> None:
    random = np.random.default_rng(1)
    start = dt.datetime(1979, 1, 1)
    times = [start + dt.timedelta(hours=int(hour)) for hour in random.integers(0, 50 * 8766, 400)]
    latitude, longitude = random.uniform(-90, 90, 40), random.uniform(-180, 360, 40)
    expected = np.stack([spencer(time, latitude, longitude) for time in times])
    np.testing.assert_allclose(cosine_of_zenith(times, latitude, longitude), expected, atol=0.012)


def test_the_sun_stands_overhead_at_the_equator_at_noon_of_an_equinox() -> None:
    found = cosine_of_zenith([dt.datetime(2007, 3, 21, 12)], np.array([0.0, 0.0]), np.array([0.0, 180.0]))
    np.testing.assert_allclose(found, [[1.0, -1.0]], atol=0.002)


def test_at_noon_in_june_the_zenith_angle_is_the_latitude_without_the_tilt() -> None:
    found = cosine_of_zenith([dt.datetime(2007, 6, 21, 12)], np.array([50.0]), np.array([0.0]))
    assert found.item() == pytest.approx(np.cos(np.deg2rad(50 - 23.44)), abs=0.001)


def test_it_is_noon_first_in_the_east() -> None:
    times = [dt.datetime(2007, 4, 15, hour) for hour in range(24)]
    found = cosine_of_zenith(times, np.full(4, 10.0), np.array([0.0, 90.0, 180.0, -90.0]))
    assert found.argmax(axis=0).tolist() == [12, 6, 0, 18]


def test_a_polar_night_has_no_sun_and_a_polar_day_no_night() -> None:
    winter = [dt.datetime(2007, 12, 22, hour) for hour in range(24)]
    summer = [dt.datetime(2007, 6, 21, hour) for hour in range(24)]
    place = np.array([75.0]), np.array([20.0])
    assert (cosine_of_zenith(winter, *place) < 0).all()
    assert (cosine_of_zenith(summer, *place) > 0).all()


def test_forcings_come_in_the_order_of_their_names() -> None:
    wanted = ("solar_zenith", "hour", "day_of_year")
    assert forcing_names(wanted) == ("solar_zenith", "sin_hour", "cos_hour", "sin_year", "cos_year")
    latitude, longitude = torch.zeros(2, 3), torch.zeros(2, 3)
    times = torch.from_numpy(calendar(np.array([6, 0]), 3, Layout(origin=dt.datetime(2007, 1, 1), **HOURLY)))
    found = Forcings(wanted, latitude, longitude)(times)
    assert found.shape == (2, 3, 5, 2, 3)
    alone = [Forcings((name,), latitude, longitude)(times) for name in wanted]
    assert torch.cat(alone, dim=2).equal(found)
    torch.testing.assert_close(
        found[0, 0, 1:3], torch.tensor([1.0, 0.0])[:, None, None].expand(2, 2, 3), atol=1e-6, rtol=0
    )
    torch.testing.assert_close(
        found[1, 0, 3:], torch.tensor([0.0, 1.0])[:, None, None].expand(2, 2, 3), atol=0.02, rtol=0
    )


def test_without_forcings_there_is_no_feature() -> None:
    found = Forcings((), torch.zeros(2, 3), torch.zeros(2, 3))(torch.zeros(4, 5, 8))
    assert found.shape == (4, 5, 0, 2, 3)


def test_points_of_rows_and_columns_are_a_mesh_in_radians() -> None:
    latitude, longitude = points_in_radians(grid_of_rows([0.0, 90.0], [0.0, 180.0, 360.0]))
    torch.testing.assert_close(latitude, torch.tensor([[0.0] * 3, [np.pi / 2] * 3], dtype=torch.float32))
    torch.testing.assert_close(longitude, torch.tensor([[0.0, np.pi, 2 * np.pi]] * 2, dtype=torch.float32))


def test_points_of_a_projection_have_coordinates_of_their_own() -> None:
    y, x = np.array([45.0, 46.0]), np.array([1.0, 2.0, 3.0])
    latitude = y[:, None] + 0.1 * x
    longitude = x + 0.2 * y[:, None]
    grid = Grid(("y", "x"), y, x, latitude, longitude, {"grid_mapping_name": "lambert_conformal_conic"})
    found = points_in_radians(grid)
    for part, expected in zip(found, (latitude, longitude), strict=True):
        np.testing.assert_allclose(np.rad2deg(part.numpy()), expected, rtol=1e-6)
    time = dt.datetime(2012, 8, 9, 15)
    times = torch.from_numpy(calendar(np.array([0]), 1, Layout(origin=time, **HOURLY)))
    field = Forcings(("solar_zenith",), *found)(times)[0, 0, 0]
    np.testing.assert_allclose(field.numpy(), spencer(time, latitude, longitude), atol=0.01)
