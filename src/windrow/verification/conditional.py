"""Conditional quantiles: of the truth given the forecast, and of the forecast given the truth, per lead time.

The two factorisations of their joint distribution by Murphy and Winkler (1987), Mon. Wea. Rev. 115, 1330,
doi:10.1175/1520-0493(1987)115<1330:AGFFFV>2.0.CO;2: calibration and refinement p(o|m), likelihood and base rate
p(m|o). Counts of values in bins are kept, wide ones of the condition and fine ones of what is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

import numpy as np
import numpy.typing as npt

Fields = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.signedinteger]

FINE = 10  # fine bins in a wide one
QUANTILES = (0.05, 0.5, 0.95)
_DEGREES = {"K", "degC", "Celsius", "°C"}
_MOST_BINS = 50  # of the truth's range, where the unit gives no width
_MARGIN = 1 / 8  # of the truth's range, on either side, for forecasts beyond it
_BLOCK = 32
_MOST = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Axis:
    """The bins of a variable: `size` wide ones of a `width` from `low` on.

    A value beyond the bins is counted in the first or in the last.
    """

    low: float
    width: float
    size: int

    @property
    def centres(self) -> Floats:
        """Middles of the wide bins."""
        return np.asarray(self.low + self.width * (np.arange(self.size) + 0.5))

    def places(self, fields: Fields) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Numbers of the wide and of the fine bins of values that are numbers."""
        along = (fields - np.float32(self.low)) * np.float32(1 / self.width)
        along = np.clip(along, np.float32(0), np.nextafter(np.float32(self.size), np.float32(0)))
        return along.astype(np.intp), (along * np.float32(FINE)).astype(np.intp)


@dataclass(frozen=True)
class Result:
    """Quantiles, NaN where a bin is empty, and how many values each bin has.

    Attributes
    ----------
    truth, forecast
        Quantiles of the truth in bins of the forecast and of the forecast in bins of the truth: shape
        (forecast, lead, condition, quantile).
    forecast_count, truth_count
        Values of the forecast and of the truth in each bin: shape (forecast, lead, condition).
    """

    truth: Floats
    forecast: Floats
    forecast_count: Counts
    truth_count: Counts


def axis_of(low: float, high: float, *, units: str) -> Axis:
    """Bins for a truth between `low` and `high`: of one degree, or else of 1, 2 or 5 times a power of ten.

    The width is then the smallest that divides the truth's range into no more than 50 bins.
    """
    span = high - low
    width = 1.0 if units in _DEGREES else _round_width(span / _MOST_BINS)
    first = floor((low - _MARGIN * span) / width)
    last = max(first + 1, ceil((high + _MARGIN * span) / width))
    return Axis(first * width, width, last - first)


def _round_width(least: float) -> float:
    if least <= 0:
        return 1.0
    power = 10.0 ** floor(log10(least))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= least * (1 - 1e-9))


class Conditional:
    """Counts for one variable; what is added in parts, or merged, is the same as at once.

    A point at which the forecast or the truth has no value is left out for that forecast.

    Parameters
    ----------
    axis
        The bins, the same for all forecasts.
    forecasts, leads
        Their numbers.
    """

    def __init__(self, axis: Axis, *, forecasts: int, leads: int) -> None:
        self.axis = axis
        shape = (forecasts, leads, axis.size, axis.size * FINE)
        self._points = 0
        self._given_forecast = np.zeros(shape, dtype=np.int32)
        self._given_truth = np.zeros(shape, dtype=np.int32)

    def add(self, forecasts: Sequence[Fields], truth: Fields) -> None:
        """Add samples: the fields of each forecast and those of the truth, all of shape (init, lead, y, x)."""
        self._make_room(truth[:, 0].size)
        for start in range(0, len(truth), _BLOCK):
            for lead in range(truth.shape[1]):
                place = (slice(start, start + _BLOCK), lead)
                self._add(lead, [fields[place].ravel() for fields in (*forecasts, truth)])

    def _add(self, lead: int, values: list[Fields]) -> None:
        *forecasts, truth = values
        truth_is_whole = not np.isnan(truth).any()
        truth_places = self.axis.places(truth) if truth_is_whole else None
        for number, forecast in enumerate(forecasts):
            if truth_places is not None and not np.isnan(forecast).any():
                places, others = self.axis.places(forecast), truth_places
            else:
                valid = ~(np.isnan(forecast) | np.isnan(truth))
                places, others = self.axis.places(forecast[valid]), self.axis.places(truth[valid])
            self._count(self._given_forecast[number, lead], places[0], others[1])
            self._count(self._given_truth[number, lead], others[0], places[1])

    def _count(self, table: Counts, wide: npt.NDArray[np.intp], fine: npt.NDArray[np.intp]) -> None:
        one = table.dtype.type(1)  # of another type, NumPy adds sixty times as slowly
        np.add.at(table.reshape(-1), wide * (self.axis.size * FINE) + fine, one)

    def _make_room(self, points: int) -> None:
        """Count in 64 bits from where one bin could have more than 32 bits hold; not before, to save memory."""
        self._points += points
        if self._points > _MOST:
            self._given_forecast = self._given_forecast.astype(np.int64, copy=False)
            self._given_truth = self._given_truth.astype(np.int64, copy=False)

    def merge(self, other: Conditional) -> None:
        """Add what another has counted of other samples."""
        self._make_room(other._points)
        self._given_forecast += other._given_forecast
        self._given_truth += other._given_truth

    def result(self, *, quantiles: Sequence[float] = QUANTILES) -> Result:
        """The quantiles, to the width of a fine bin."""
        return Result(
            self._quantiles(self._given_forecast, quantiles),
            self._quantiles(self._given_truth, quantiles),
            self._given_forecast.sum(axis=-1, dtype=np.int64),
            self._given_truth.sum(axis=-1, dtype=np.int64),
        )

    def _quantiles(self, counts: Counts, quantiles: Sequence[float]) -> Floats:
        found = [[quantiles_of(table, quantiles) for table in tables] for tables in counts]
        return np.asarray(self.axis.low + self.axis.width / FINE * np.asarray(found))


def quantiles_of(counts: Counts, quantiles: Sequence[float]) -> Floats:
    """Quantiles of values counted in bins (..., bin), in bins from the first's lower edge: (..., quantile).

    The values of a bin are taken to lie evenly in it; between two neighbouring values the quantile is interpolated,
    as `numpy.quantile` does.
    """
    ends = np.cumsum(counts, axis=-1, dtype=np.int64)
    total = ends[..., -1]
    found = []
    for quantile in quantiles:
        place = quantile * np.maximum(total - 1, 0)
        below, above = (_value(counts, ends, near.astype(np.int64)) for near in (np.floor(place), np.ceil(place)))
        found.append(np.where(total > 0, below + (place - np.floor(place)) * (above - below), np.nan))
    return np.stack(found, axis=-1)


def _value(counts: Counts, ends: Counts, rank: Counts) -> Floats:
    """Where the value of a rank lies, in bins."""
    number = np.minimum((ends <= rank[..., None]).sum(axis=-1), counts.shape[-1] - 1)
    count = np.take_along_axis(counts, number[..., None], axis=-1)[..., 0]
    before = np.take_along_axis(ends, number[..., None], axis=-1)[..., 0] - count
    return np.asarray(number + (rank - before + 0.5) / np.maximum(count, 1))
