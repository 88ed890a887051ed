"""Moments in one pass, mergeable: count, mean, sum of squared departures, minimum and maximum."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.config import Days


@dataclass(frozen=True)
class Moments:
    """What merges: `squares` is the sum of squared departures from the mean."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    minimum: float = np.inf
    maximum: float = -np.inf

    @property
    def std(self) -> float:
        """Standard deviation of the population."""
        return float(np.sqrt(self.squares / self.count)) if self.count else float("nan")


def moments(values: npt.NDArray[np.floating]) -> Moments:
    """Moments of an array, in float64."""
    if not values.size:
        return Moments()
    wide = values.astype(np.float64)
    mean = float(wide.mean())
    return Moments(
        count=values.size,
        mean=mean,
        squares=float(np.square(wide - mean).sum()),
        minimum=float(values.min()),
        maximum=float(values.max()),
    )


def merged(*parts: Moments) -> Moments:
    """Moments of all the data behind the parts (Chan, Golub and LeVeque 1983)."""
    return reduce(_merged, parts, Moments())


def _merged(one: Moments, other: Moments) -> Moments:
    count = one.count + other.count
    if not count:
        return Moments()
    apart = other.mean - one.mean
    return Moments(
        count=count,
        mean=one.mean + apart * other.count / count,
        squares=one.squares + other.squares + apart**2 * one.count * other.count / count,
        minimum=min(one.minimum, other.minimum),
        maximum=max(one.maximum, other.maximum),
    )


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
        "diff_mean": differences.mean,
        "diff_std": differences.std,
        "count": states.count,
        "diff_count": differences.count,
    }
