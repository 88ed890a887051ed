"""Moments in one pass, mergeable in any order: count, mean, sum of squared departures, minimum and maximum.

Within an array the moments are found in two passes over memory (the mean, then the departures from it), which
costs little where the array fits in the cache. Between arrays they are added up in rational numbers, so that the
order of the parts is of no account and nothing is lost where a variable has a large mean and a small spread.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.config import Days
from windrow.errors import UserError

_RUN = 4096  # products that NumPy adds up at a stretch: the error is below 4096 units in the last place, 5e-13


@dataclass(frozen=True)
class Moments:
    """What merges.

    Attributes
    ----------
    count, nan_count
        Values that are numbers, and those that are not.
    mean, remainder
        The sum of the values is `count * mean + remainder`, to twice the precision of `mean` alone.
    squares
        Sum of the squared departures from `mean`.
    """

    count: int = 0
    nan_count: int = 0
    mean: float = 0.0
    remainder: float = 0.0
    squares: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf

    @property
    def std(self) -> float:
        """Standard deviation of the population."""
        if not self.count:
            return math.nan
        off = Fraction(self.remainder) ** 2 / self.count  # `mean` is the true mean rounded
        return math.sqrt(max(0.0, float((Fraction(self.squares) - off) / self.count)))


def moments(values: npt.NDArray[np.float64], *, total: float | None = None) -> Moments:
    """Moments of an array; what is not a number is counted apart.

    Mean and standard deviation differ from those of exact arithmetic by less than 1e-12 of themselves, the mean by
    less than 1e-12 of the standard deviation where that is larger (the corrected two-pass algorithm of Chan, Golub
    and LeVeque 1983).

    Parameters
    ----------
    total
        The sum of the values that are numbers, if the caller knows it better than by adding them up.

    Raises
    ------
    ValueError
        If a value is infinite.
    """
    flat = values.reshape(-1)
    if not len(flat):
        return Moments()
    low, high = float(flat.min()), float(flat.max())
    if math.isnan(low):
        kept = flat[~np.isnan(flat)]
        return replace(moments(kept), nan_count=len(flat) - len(kept))
    if math.isinf(low) or math.isinf(high):
        raise ValueError("infinite values")
    found = float(flat.sum()) if total is None else total
    mean = found / len(flat)
    departures = flat - mean
    return Moments(
        count=len(flat),
        mean=mean,
        remainder=float(departures.sum()) if total is None else _remainder(total, len(flat), mean),
        squares=_sum_of_squares(departures),
        minimum=low,
        maximum=high,
    )


def difference_moments(fields: npt.NDArray[np.float64]) -> Moments:
    """Moments of the differences between successive fields (time, point).

    Their sum telescopes: it is the last field minus the first. So the mean, which is mostly far smaller than the
    differences, carries the rounding of those two fields and not of all differences: it differs from that of exact
    arithmetic by less than 1e-12 of the mean or of the standard deviation, whichever is larger. Relative to the
    mean alone nothing can be promised, since the ends of a series may cancel.
    """
    return moments(fields[1:] - fields[:-1], total=float((fields[-1] - fields[0]).sum()))


def _remainder(total: float, count: int, mean: float) -> float:
    return float(Fraction(total) - count * Fraction(mean))


def _sum_of_squares(values: npt.NDArray[np.float64]) -> float:
    whole = len(values) // _RUN * _RUN
    runs, rest = values[:whole].reshape(-1, _RUN), values[whole:]
    return math.fsum([*np.vecdot(runs, runs).tolist(), float(np.vecdot(rest, rest))])


def merged(*parts: Moments) -> Moments:
    """Moments of all the data behind the parts, each number rounded once: the same in whatever order they come."""
    nan_count = sum(part.nan_count for part in parts)
    filled = [part for part in parts if part.count]
    if not filled:
        return Moments(nan_count=nan_count)
    count = sum(part.count for part in filled)
    total = sum(part.count * Fraction(part.mean) + Fraction(part.remainder) for part in filled)
    mean = float(total / count)
    return Moments(
        count=count,
        nan_count=nan_count,
        mean=mean,
        remainder=float(total - count * Fraction(mean)),
        squares=float(sum(_squares_about(Fraction(mean), part) for part in filled)),
        minimum=min(part.minimum for part in filled),
        maximum=max(part.maximum for part in filled),
    )


def _squares_about(origin: Fraction, part: Moments) -> Fraction:
    """Sum of the squared departures of a part's values from another origin than its mean."""
    apart = Fraction(part.mean) - origin
    return Fraction(part.squares) + 2 * apart * Fraction(part.remainder) + part.count * apart**2


def require_spread(name: str, found: Moments) -> None:
    """Check that a variable can be divided by its standard deviation.

    Raises
    ------
    UserError
        If it has no values or only one.
    """
    if not found.count:
        raise UserError(f"{name} has no value in the training split; widen splits.train or mend the archive")
    if not found.std > 0:
        raise UserError(f"{name} is constant over the training split; take it out of dataset.variables")


def split_hash(train: tuple[Days, ...]) -> str:
    """A short hash of the training days: statistics of one split must not normalise another."""
    text = json.dumps([[day.isoformat() for day in span] for span in sorted(train)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def summary(states: Moments, differences: Moments) -> dict[str, Any]:
    """What is written of a variable: units of the variable, `diff` for one-step differences."""
    return {
        "mean": states.mean,
        "std": states.std,
        "min": states.minimum,
        "max": states.maximum,
        "count": states.count,
        "nan_count": states.nan_count,
        "diff_mean": differences.mean,
        "diff_std": differences.std,
        "diff_count": differences.count,
    }
