"""What is known of a time in advance: hour, day of year and where the sun stands; torch is not needed for it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.stages import Layout

ENTRIES = (
    *("sin_hour", "cos_hour", "sin_year", "cos_year"),
    *("sin_declination", "cos_declination", "sin_hour_angle", "cos_hour_angle"),
)
_J2000 = np.datetime64("2000-01-01T12", "h")
_DAYS_OF_YEAR = 365.2425

Floats = npt.NDArray[np.float64]


def calendar(firsts: npt.NDArray[np.int64], steps: int, layout: Layout) -> npt.NDArray[np.float32]:
    """`ENTRIES` of windows of `steps` steps: shape (window, step, entry), without unit."""
    numbers = firsts[:, None] + np.arange(steps)
    origin = np.datetime64(layout.origin.replace(tzinfo=None), "h")
    days = ((origin - _J2000).astype(np.int64) + numbers * layout.step_hours) / 24.0
    hour = 2 * np.pi * (days + 0.5)
    year = 2 * np.pi * (days + 0.5) / _DAYS_OF_YEAR  # 0 at a new year's midnight, up to the leap days
    declination, hour_angle = sun(days)
    angles = (hour, year, declination, hour_angle)
    entries = [function(angle) for angle in angles for function in (np.sin, np.cos)]
    return np.stack(entries, axis=-1).astype(np.float32)


def sun(days: Floats) -> tuple[Floats, Floats]:
    """Declination of the sun and its hour angle at Greenwich (radians), `days` after noon UTC of 2000-01-01.

    The Astronomical Almanac's low-precision formulas, good to 0.01 degrees from 1950 to 2050 (Michalsky 1988,
    doi 10.1016/0038-092X(88)90045-X).
    """
    anomaly = np.deg2rad(357.528 + 0.9856003 * days)
    longitude = np.deg2rad(280.460 + 0.9856474 * days + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    obliquity = np.deg2rad(23.439 - 0.0000004 * days)
    ascension = np.arctan2(np.cos(obliquity) * np.sin(longitude), np.cos(longitude))
    declination = np.arcsin(np.sin(obliquity) * np.sin(longitude))
    # sidereal time in hours: 24.06570982 a day
    sidereal = 2 * np.pi / 24 * np.remainder(18.697374558 + 24.06570982441908 * days, 24)
    return declination, sidereal - ascension
