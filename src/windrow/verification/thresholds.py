"""Scores of events: a field beyond a threshold, point by point and in neighbourhoods.

The counts and sums of each sample are kept and the scores are formed from their totals, so that they can be added
up over any samples. Definitions: Wilks (2019), Statistical methods in the atmospheric sciences, 4th ed., sect. 9.2;
the fractions skill score is that of Roberts and Lean (2008), Mon. Wea. Rev. 136, 78, doi:10.1175/2007MWR2123.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Fields = npt.NDArray[np.floating]
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int32]
Bits = npt.NDArray[np.uint8]

COUNTS = ("hits", "misses", "false_alarms", "correct_negatives")
FRACTIONS = ("fss_error", "fss_reference")

_BLOCK_POINTS = 150_000  # that are compared at once: they stay in a core's cache
_EXACT = 2**24  # whole numbers up to which float32 adds without rounding


@dataclass(frozen=True)
class Threshold:
    """An event: a value at or below the threshold of a quantile under one half, at or above it otherwise.

    So the event is always the rarer of the two, and the truth has it about as often as the quantile says.
    """

    quantile: float
    value: float

    @property
    def event(self) -> str:
        """The event in words."""
        return "at or below" if self.quantile < 0.5 else "at or above"

    def holds(self, fields: Fields) -> Bits:
        """1 where the event is, 0 where it is not or there is no value."""
        low = self.quantile < 0.5
        # the outermost number of the fields' type that is in the event: they are compared in that type
        bound = np.asarray(self.value, dtype=fields.dtype)
        if float(bound) > self.value if low else float(bound) < self.value:
            bound = np.nextafter(bound, np.asarray(-np.inf if low else np.inf, dtype=fields.dtype))
        return np.asarray(fields <= bound if low else fields >= bound).view(np.uint8)


def threshold_scores(
    forecasts: Sequence[Fields],
    truth: Fields,
    *,
    thresholds: Sequence[Threshold],
    neighbourhoods: Sequence[int],
) -> dict[str, npt.NDArray[Any]]:
    """Counts and sums of each sample.

    Parameters
    ----------
    forecasts, truth
        The fields of each forecast and those of the truth, all of shape (init, lead, y, x).
    neighbourhoods
        Sides (points) of square neighbourhoods.

    Returns
    -------
    dict
        `hits`, `misses`, `false_alarms` and `correct_negatives`: points, int32 of shape
        (forecast, threshold, init, lead). A point without a value in forecast or truth is in none of them.
        `fss_error` and `fss_reference`: the mean of (P_f - P_o)² and of P_f² + P_o² over all neighbourhoods that
        lie wholly in the domain, P being the share of points with the event, float64 of shape
        (forecast, threshold, neighbourhood, init, lead). NaN where a sample lacks a value, and for a
        neighbourhood that is larger than the domain.
    """
    many = (len(forecasts), len(thresholds))
    fields = [each.reshape(-1, *each.shape[-2:]) for each in (*forecasts, truth)]
    samples = len(fields[-1])
    tables = np.empty((len(COUNTS), *many, samples), dtype=np.int32)
    sums = np.empty((len(FRACTIONS), *many, len(neighbourhoods), samples))
    step = max(1, _BLOCK_POINTS // max(1, truth.shape[-2] * truth.shape[-1]))
    for start in range(0, samples, step):
        some = slice(start, start + step)
        block = [each[some] for each in fields]
        masks = [_common(each, block[-1]) for each in block[:-1]]
        for number, threshold in enumerate(thresholds):
            events = [threshold.holds(each) for each in block]
            _score(tables[:, :, number, some], sums[:, :, number, :, some], events, masks, neighbourhoods)
    shape = truth.shape[:2]
    return {
        **{name: table.reshape(*many, *shape) for name, table in zip(COUNTS, tables, strict=True)},
        **{name: each.reshape(*each.shape[:-1], *shape) for name, each in zip(FRACTIONS, sums, strict=True)},
    }


def _common(forecast: Fields, truth: Fields) -> npt.NDArray[np.bool_] | None:
    """Points with a value in both; nothing if they are all."""
    missing = np.isnan(forecast) | np.isnan(truth)
    return ~missing if missing.any() else None


@dataclass(frozen=True)
class _Squares:
    """Events in all squares of some sides (sample, y, x), and the sums of their squared numbers (sample,)."""

    counts: list[npt.NDArray[np.float32]]
    sums: list[Floats]

    @classmethod
    def of(cls, events: Bits, sides: Sequence[int]) -> _Squares:
        """Of events (sample, y, x)."""
        counts = [_windows(events, side) for side in sides]
        return cls(counts, [_dots(each, each, side) for each, side in zip(counts, sides, strict=True)])


def _score(
    tables: Counts,
    sums: Floats,
    events: list[Bits],
    masks: list[npt.NDArray[np.bool_] | None],
    neighbourhoods: Sequence[int],
) -> None:
    """Fill in tables (count, forecast, sample) and sums (sum, forecast, neighbourhood, sample) of a block."""
    sides = (1, *neighbourhoods)
    *forecasts, truth = events
    whole = _Squares.of(truth, sides)
    points = truth[0].size
    for number, (forecast, mask) in enumerate(zip(forecasts, masks, strict=True)):
        ours = _Squares.of(forecast if mask is None else forecast & mask, sides)
        theirs = whole if mask is None else _Squares.of(truth & mask, sides)
        products = [_dots(a, b, side) for a, b, side in zip(ours.counts, theirs.counts, sides, strict=True)]
        hits, misses, false_alarms = products[0], theirs.sums[0] - products[0], ours.sums[0] - products[0]
        known = points if mask is None else mask.sum(axis=(-2, -1))
        tables[:, number] = hits, misses, false_alarms, known - hits - misses - false_alarms
        for place, side in enumerate(neighbourhoods, start=1):
            reference = ours.sums[place] + theirs.sums[place]
            weight = ours.counts[place][0].size * side**4
            found = np.stack([reference - 2 * products[place], reference]) / (weight or np.nan)
            sums[:, number, place - 1] = found if mask is None else np.where(known == points, found, np.nan)


def _windows(events: Bits, side: int) -> npt.NDArray[np.float32]:
    """How many events each square of `side` points that lies in the domain has: shape (sample, y, x)."""
    samples, ny, nx = events.shape
    if side > min(ny, nx):
        return np.empty((samples, 0, 0), dtype=np.float32)
    counts = events.astype(np.min_scalar_type(side * side)).ravel()
    found = np.empty_like(counts)
    rows = _runs(
        counts, side, 1
    )  # those that begin near the end of a row run into the next and are left out below
    found[: len(counts) - (side - 1) * (nx + 1)] = _runs(rows, side, nx)
    return found.reshape(events.shape)[:, : ny - side + 1, : nx - side + 1].astype(np.float32)


def _runs(counts: npt.NDArray[Any], side: int, stride: int) -> npt.NDArray[Any]:
    """Sums of `side` values, `stride` apart, by those of half as many."""
    if side == 1:
        return counts
    half = side // 2
    halves = _runs(counts, half, stride)
    pairs = halves[: len(counts) - (2 * half - 1) * stride] + halves[half * stride :]
    return np.asarray(pairs if side % 2 == 0 else pairs[:-stride] + counts[2 * half * stride :])


def _dots(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], side: int) -> Floats:
    """Sums of the products of numbers of events (sample, y, x), in stretches within which float32 is exact."""
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    step = max(1, _EXACT // side**4)
    found = np.zeros(len(a))
    for start in range(0, a.shape[1], step):
        some = np.s_[:, start : start + step]
        found += np.vecdot(a[some], b[some])
    return found


def frequency_bias(hits: npt.ArrayLike, misses: npt.ArrayLike, false_alarms: npt.ArrayLike) -> Floats:
    """Events forecast over events that came; NaN where none came."""
    hits, misses, false_alarms = (np.asarray(each, dtype=np.float64) for each in (hits, misses, false_alarms))
    return _ratio(hits + false_alarms, hits + misses)


def equitable_threat_score(
    hits: npt.ArrayLike, misses: npt.ArrayLike, false_alarms: npt.ArrayLike, correct_negatives: npt.ArrayLike
) -> Floats:
    """Gilbert's skill score: hits beyond those by chance, over all points with an event beyond those by chance.

    1 is perfect, 0 no better than chance. NaN where no event was forecast and none came, or all are.
    """
    hits, misses, false_alarms, negatives = (
        np.asarray(each, dtype=np.float64) for each in (hits, misses, false_alarms, correct_negatives)
    )
    forecast, came = hits + false_alarms, hits + misses
    chance = _ratio(forecast * came, forecast + misses + negatives)
    return _ratio(hits - chance, forecast + misses - chance)


def fractions_skill_score(error: npt.ArrayLike, reference: npt.ArrayLike) -> Floats:
    """1 - error / reference of summed errors and references; NaN where no event was forecast and none came."""
    return np.asarray(1 - _ratio(error, reference))


def _ratio(above: npt.ArrayLike, below: npt.ArrayLike) -> Floats:
    above, below = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below != 0, above / below, np.nan)
