"""Numbers, units and times in the form in which people read them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

LABELS = {
    "persistence": "persistence",
    "day_before": "day before",
    "climatology": "climatology",
    "damped_persistence": "damped persistence",
}
PHRASES = {
    "persistence": "the last field held",
    "day_before": "the same hour of the day before",
    "climatology": "the climatology",
    "damped_persistence": "damped persistence",
}
DEFINITIONS = {
    "persistence": "the last field before the forecast begins, held",
    "day_before": "the same hour of the last day that was known when the forecast began",
    "climatology": "the training split's mean of the month, the hour of day and the point",
    "damped_persistence": "the climatology and a part of the last field's departure from it; how large a part at which "
    "lead time is fitted on the training split",
}
SCORE_NAMES = {
    "mse": "Mean squared error",
    "rmse": "Root mean squared error",
    "mae": "Mean absolute error",
    "bias": "Bias (forecast minus truth)",
    "error_std": "Error standard deviation",
    "acc": "Anomaly correlation",
    "acc_centred": "Anomaly correlation, centred",
    "ssim": "Structural similarity",
    "psnr": "Peak signal-to-noise ratio",
    "gradient_ratio": "Gradient ratio (1 is as rough as the truth)",
    "crps": "Continuous ranked probability score",
    "spread": "Spread of the members",
    "frequency_bias": "Frequency bias",
    "ets": "Equitable threat score",
    "fss": "Fractions skill score",
}
UNITLESS = {"acc", "acc_centred", "ssim", "gradient_ratio", "frequency_bias", "ets", "fss"}
MAX_DECIMALS = 8
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def label(forecast: str) -> str:
    """A forecast's name for a table or a line; an experiment keeps its own."""
    return LABELS.get(forecast, forecast)


def phrase(forecast: str) -> str:
    """A forecast's name for a sentence."""
    return PHRASES.get(forecast, forecast)


def plain_units(units: str) -> str:
    """Units to print; nothing for numbers without any, which GRIB calls `(0 - 1)`."""
    return "" if units in {"1", "(0 - 1)", "~"} else units


def score_units(score: str, units: str) -> str:
    """Units of a score of a variable: squared for the mean squared error, none for correlations and the like."""
    if score == "psnr":
        return "dB"
    plain = "" if score in UNITLESS else plain_units(units)
    if score != "mse" or not plain:
        return plain
    return f"{plain}²" if plain.isalpha() else f"({plain})²"


def decimals(values: npt.ArrayLike, *, significant: int = 3) -> int:
    """Decimals that give a typical value of these so many significant digits."""
    sizes = np.abs(np.asarray(values, dtype=np.float64)).ravel()
    sizes = sizes[(sizes > 0) & np.isfinite(sizes)]
    if not len(sizes):
        return significant - 1
    return int(np.clip(significant - 1 - np.floor(np.log10(np.median(sizes))), 0, MAX_DECIMALS))


def number(value: float, *, decimals: int, signed: bool = False) -> str:
    """A number with a true minus sign; what rounds to zero has no sign, and what is no number is a dash."""
    if value != value:
        return "–"
    rounded = round(value, decimals) or 0.0
    text = f"{rounded:+,.{decimals}f}" if signed and rounded else f"{rounded:,.{decimals}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def quantity(value: float, units: str, *, decimals: int) -> str:
    """A number and its units, not to be parted at the end of a line."""
    return f"{number(value, decimals=decimals)}\N{NO-BREAK SPACE}{units}".rstrip()


def scientific(value: float) -> str:
    """A small or large number with two significant digits: `1.2 × 10⁻⁶`."""
    if not value:
        return "0"
    digits, _, exponent = f"{value:.1e}".partition("e")
    return f"{digits} × 10{str(int(exponent)).translate(_RAISED)}".replace(" ", "\N{NO-BREAK SPACE}")


def percent(ratio: float) -> str:
    """A share of a hundred with its sign, `+19`; what rounds to nothing is `±0`."""
    rounded = round(100 * ratio)
    sign = "±" if rounded == 0 else "+" if rounded > 0 else "\N{MINUS SIGN}"
    return f"{sign}{abs(rounded)}"


def hours(leads: Sequence[int], *, among: Sequence[int]) -> str:
    """Lead times as spans of neighbours in the list `among`: `1–3 h and 7 h`."""
    spans: list[list[int]] = []
    for lead in leads:
        follows = spans and list(among).index(spans[-1][-1]) + 1 == list(among).index(lead)
        if follows:
            spans[-1].append(lead)
        else:
            spans.append([lead])
    ends = [f"{span[0]}" if len(span) == 1 else f"{span[0]}–{span[-1]}" for span in spans]
    return enumeration([f"{end}\N{NO-BREAK SPACE}h" for end in ends])


def counted(number: int, noun: str) -> str:
    """`1 sample`, `1,200 samples`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def enumeration(parts: Sequence[str], *, last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return f" {last} ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def as_datetime(time: np.datetime64 | npt.NDArray[np.datetime64]) -> dt.datetime:
    """A time of xarray as one of the standard library (UTC, naive)."""
    found: Any = time.astype("datetime64[s]").item()
    assert isinstance(found, dt.datetime)
    return found


def moment(time: np.datetime64) -> str:
    """`27 March 2019, 11:00 UTC`."""
    found = as_datetime(time)
    return f"{found.day} {found:%B %Y, %H:%M} UTC".replace(" ", "\N{NO-BREAK SPACE}", 2)


def region(south: float, north: float, west: float, east: float) -> str:
    """The extent of a grid: `50.0–58.0° N, 10.0° W – 2.0° E`."""
    latitudes = (_degrees(value, "NS") for value in (south, north))
    longitudes = (_degrees((value + 180) % 360 - 180, "EW") for value in (west, east))
    return f"{' – '.join(latitudes)}, {' – '.join(longitudes)}"


def _degrees(value: float, sides: str) -> str:
    return f"{abs(value):.1f}°\N{NO-BREAK SPACE}{sides[int(value < 0)]}"
