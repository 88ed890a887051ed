"""One pass over an extracted month, a few time steps at a time: what is there is counted, what is missing is not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from windrow.config import Days
from windrow.errors import UserError
from windrow.extracted import Month, hours_since_1900
from windrow.months import end_of_month, first_hour
from windrow.sequences import in_days
from windrow.statistics import Moments, difference_moments, merged, moments
from windrow.statistics_part import FIRST, LAST, Band, Floats, Scope, row_bands

_PIECE_VALUES = 2**18  # 2 MB of float64, so that a piece and what is made of it stay in the cache

Piece = tuple[slice, bool]


def scope_of_month(
    month: Month,
    train: tuple[Days, ...],
    variables: tuple[str, ...],
    *,
    step_hours: int,
    number: tuple[int, int],
) -> Scope:
    """What there is to count in a month.

    Parameters
    ----------
    train
        The training days of this month.
    number
        Year and number of the month.

    Raises
    ------
    UserError
        If the file is of another month or lacks a variable.
    """
    if missing := [name for name in variables if name not in month.file.variables]:
        raise UserError(f"the extracted month lacks {', '.join(missing)}; run extract again")
    first, end = hours_since_1900(first_hour(number)), hours_since_1900(end_of_month(number))
    if ((month.hours < first) | (month.hours >= end)).any():
        raise UserError(
            f"the extracted month holds times outside {number[0]:04d}-{number[1]:02d}; give that month"
        )
    times = month.hours[in_days(month.hours, train)]
    hours = np.arange(0, 24, step_hours)
    return Scope(
        month=number[1],
        train=train,
        variables=variables,
        attributes={name: month.attributes(name) for name in variables},
        grid=month.grid,
        hours=hours,
        hour_count=np.bincount(times % 24 // step_hours, minlength=len(hours)),
        span=(int(times[0]), int(times[-1])) if len(times) else None,
    )


def bands_of_month(month: Month, scope: Scope) -> Iterator[Band]:
    """The statistics of a month, band of rows by band of rows.

    Raises
    ------
    UserError
        If a value is infinite.
    """
    for rows in row_bands(scope):
        yield _band(month, scope, rows)


def _band(month: Month, scope: Scope, rows: slice) -> Band:
    shape = (len(scope.variables), rows.stop - rows.start, scope.grid.shape[1])
    sums = np.zeros((len(scope.hours), *shape))
    missing = np.zeros(sums.shape, dtype=np.int32)  # takes memory only where something is written
    edges = np.full((2, *shape), np.nan, dtype=np.float32)
    pieces = _pieces(month.hours, scope, longest=max(1, _PIECE_VALUES // (shape[1] * shape[2])))
    states, differences = [], []
    for place, name in enumerate(scope.variables):
        found: tuple[list[Moments], list[Moments]] = ([], [])
        for fields, piece, linked in _linked_fields(month, name, pieces, rows):
            new = fields[1:] if linked else fields
            found[0].append(_finite_moments(new, name))
            found[1].append(difference_moments(fields))
            of_day = month.hours[piece] % 24 * len(scope.hours) // 24
            gaps = missing[:, place] if found[0][-1].nan_count else None
            _add_by_hour(sums[:, place], gaps, new, of_day)
            if (piece, linked) == pieces[0]:
                edges[FIRST, place] = new[0]
            edges[LAST, place] = new[-1]
        states.append(merged(*found[0]))
        differences.append(merged(*found[1]))
    any_missing = any(one.nan_count for one in states)
    return Band(rows, tuple(states), tuple(differences), sums, missing if any_missing else None, edges)


def _pieces(hours: npt.NDArray[np.int64], scope: Scope, *, longest: int) -> list[Piece]:
    """Consecutive training times, none longer than fits in the cache, and whether each continues the one before."""
    steps = np.flatnonzero(in_days(hours, scope.train))
    step_hours = 24 // len(scope.hours)
    gaps = (np.diff(steps) > 1) | (np.diff(hours[steps]) != step_hours)
    return [
        (slice(int(run[start]), int(run[start:][:longest][-1]) + 1), start > 0)
        for run in np.split(steps, np.flatnonzero(gaps) + 1)
        for start in range(0, len(run), longest)
    ]


def _linked_fields(
    month: Month, name: str, pieces: list[Piece], rows: slice
) -> Iterator[tuple[Floats, slice, bool]]:
    """Fields (time, y, x) of each piece, which begin with the last field of the piece that it continues.

    They are overwritten by the next ones.
    """
    longest = max((piece.stop - piece.start for piece, _ in pieces), default=0)
    buffer = np.empty((longest + 1, rows.stop - rows.start, month.grid.shape[1]))
    end = 0
    for piece, linked in pieces:
        if linked:
            buffer[0] = buffer[end - 1]
        end = piece.stop - piece.start + 1
        buffer[1:end] = month.fields(name, piece, rows)
        yield buffer[0 if linked else 1 : end], piece, linked


def _finite_moments(fields: Floats, name: str) -> Moments:
    try:
        return moments(fields)
    except ValueError as problem:
        raise UserError(f"{name} has {problem} in the extracted month; mend the archive") from None


def _add_by_hour(
    sums: Floats, missing: npt.NDArray[np.int32] | None, fields: Floats, of_day: npt.NDArray[np.int64]
) -> None:
    """Add each field to its hour's sum; `missing` is given where not all values are numbers."""
    for field, hour in zip(fields, of_day.tolist(), strict=True):
        if missing is None:
            sums[hour] += field
        else:
            nan = np.isnan(field)
            sums[hour] += np.where(nan, 0.0, field)
            missing[hour] += nan
