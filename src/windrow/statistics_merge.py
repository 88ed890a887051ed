"""The months of the training split become one: moments, and the mean per month of the year, hour and point."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from windrow.config import Days
from windrow.errors import UserError
from windrow.statistics import Moments, difference_moments, merged
from windrow.statistics_part import FIRST, LAST, Floats, Part, row_bands


def require_split(
    parts: list[Part], train: tuple[Days, ...], variables: tuple[str, ...], *, step_hours: int
) -> None:
    """Check that the parts hold the days of the training split, each once, and are alike.

    Raises
    ------
    UserError
        If they do not.
    """
    counted = sorted(day for part in parts for day in _days(part.scope.train))
    if counted != sorted(_days(train)):
        raise UserError("the months' statistics are of another training split; run statistics_month again")
    for part in parts:
        if part.scope.variables != variables or len(part.scope.hours) != 24 // step_hours:
            raise UserError(f"{part.path} is of other variables or time steps; run statistics_month again")
        if not part.scope.grid.same_as(parts[0].scope.grid):
            raise UserError(f"{part.path} is of another grid than {parts[0].path}; run extract again")


def _days(spans: tuple[Days, ...]) -> list[dt.date]:
    return [first + dt.timedelta(days=day) for first, last in spans for day in range((last - first).days + 1)]


def whole(parts: list[Part], *, step_hours: int) -> tuple[tuple[Moments, ...], tuple[Moments, ...]]:
    """Moments of states and differences, per variable, of all months together."""
    filled = [(part.scope.span, part) for part in parts if part.scope.span is not None]
    filled.sort(key=lambda one: one[0])
    columns = [list(one) for one in zip(*(part.differences for part in parts), strict=True)]
    for (before_span, before), (after_span, after) in pairwise(filled):
        if after_span[0] == before_span[1] + step_hours:
            for column, found in zip(columns, _between(before, after), strict=True):
                column.extend(found)
    states = zip(*(part.states for part in parts), strict=True)
    return tuple(merged(*column) for column in states), tuple(merged(*column) for column in columns)


def _between(before: Part, after: Part) -> Iterator[list[Moments]]:
    """Per variable the moments of the step from one month to the next, one of each band."""
    found = []
    for rows in row_bands(before.scope):
        pairs = np.stack([before.edge(LAST, rows), after.edge(FIRST, rows)])
        found.append([difference_moments(pairs[:, place]) for place in range(pairs.shape[1])])
    return (list(column) for column in zip(*found, strict=True))


@dataclass(frozen=True)
class MeanBand:
    """Means (hour, variable, y, x) of a month of the year in some rows, NaN where nothing was counted.

    `count` is how many values each is of, broadcastable to the means' shape.
    """

    month: int
    rows: slice
    means: Floats
    count: npt.NDArray[np.int64]


def hour_counts(parts: list[Part]) -> dict[int, npt.NDArray[np.int64]]:
    """How many times there were of each hour of the day, by month of the year, in order."""
    months = sorted({part.scope.month for part in parts})
    return {
        month: np.sum([part.scope.hour_count for part in parts if part.scope.month == month], axis=0)
        for month in months
    }


def mean_bands(parts: list[Part]) -> Iterator[MeanBand]:
    """The climatology, piece by piece.

    Only one part's band and the sum over the parts before it are held, however many years there are. The parts
    are added up in the order of time, so that the same parts give the same bytes.
    """
    ordered = sorted(parts, key=lambda part: part.scope.train)
    for month, times in hour_counts(parts).items():
        same = [part for part in ordered if part.scope.month == month]
        for rows in row_bands(parts[0].scope):
            yield _mean_band(same, month, rows, times[:, None, None, None])


def _mean_band(parts: list[Part], month: int, rows: slice, times: npt.NDArray[np.int64]) -> MeanBand:
    total, missing = parts[0].sums(rows)
    for part in parts[1:]:
        missing = _add_sums(total, missing, part, rows)
    count = times if missing is None else times - missing
    total /= np.where(count, count, np.nan)
    return MeanBand(month, rows, total, count)


def _add_sums(
    total: Floats, missing: npt.NDArray[np.int32] | None, part: Part, rows: slice
) -> npt.NDArray[np.int32] | None:
    """Add a part's sums to the total in place; gives what is missing of both."""
    sums, more = part.sums(rows)
    total += sums
    if missing is None or more is None:
        return more if missing is None else missing
    missing += more
    return missing
