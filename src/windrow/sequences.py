"""The one index of valid samples: which windows of a split lie wholly in hours that exist.

Training, every baseline and every score use it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from windrow.dataset import Days, by_month
from windrow.errors import UserError
from windrow.extracted import hours_since_1900

_AMBS_GROUP = 10  # windows in one file of AMBS; what does not fill one is not written

Available = Callable[[range], npt.NDArray[np.bool_]]


def step_ranges(
    days: tuple[Days, ...], origin: dt.datetime, *, step_hours: int, within_month: bool = False
) -> list[range]:
    """Pairs of days as ranges of steps since `origin`, in order.

    Days that follow each other are one range; `within_month` makes the days of each month one of their own.
    """
    ranges: list[range] = []
    step = dt.timedelta(hours=step_hours)
    for first, last in by_month(days) if within_month else sorted(days):
        start = (dt.datetime.combine(first, dt.time()) - origin) // step
        stop = (dt.datetime.combine(last, dt.time()) + dt.timedelta(days=1) - origin) // step
        if ranges and ranges[-1].stop == start and not (within_month and first.day == 1):
            ranges[-1] = range(ranges[-1].start, stop)
        else:
            ranges.append(range(start, stop))
    return ranges


def in_days(hours: npt.NDArray[np.int64], days: tuple[Days, ...]) -> npt.NDArray[np.bool_]:
    """Which of these times, in hours since 1900, lie in the days."""
    found = np.zeros(len(hours), dtype=bool)
    for first, last in days:
        start, stop = (hours_since_1900(dt.datetime.combine(day, dt.time())) for day in (first, last))
        found |= (hours >= start) & (hours < stop + 24)
    return found


def complete_windows(available: npt.NDArray[np.bool_], *, length: int, stride: int = 1) -> npt.NDArray[np.int64]:
    """Starts of the windows whose `length` steps are all available, `stride` steps apart."""
    starts = np.arange(0, len(available) - length + 1, stride, dtype=np.int64)
    missing_before = np.concatenate([[0], np.cumsum(~available)])
    found: npt.NDArray[np.int64] = starts[missing_before[starts + length] == missing_before[starts]]
    return found


def split_windows(
    available: Available,
    days: tuple[Days, ...],
    *,
    origin: dt.datetime,
    step_hours: int,
    length: int,
    stride: int = 1,
    within_month: bool = False,
    lookback: int = 0,
    name: str = "split",
) -> npt.NDArray[np.int64]:
    """First steps of all valid windows of a split, those of their lookback included, in order of time.

    Parameters
    ----------
    available
        Tells for a range of steps which of them exist.
    length
        Steps of a window, inputs and targets together; all lie in the split.
    within_month
        The rule of AMBS (Gong et al. 2022): no window crosses the end of a month, and of the windows of a month
        the last ones that do not fill a group of ten are dropped.
    lookback
        Steps before each window that must be available too, in the split or not.

    Raises
    ------
    UserError
        If there is no window at all.
    """
    found = [
        _windows_within(available, steps, length=length, stride=stride)
        for steps in step_ranges(days, origin, step_hours=step_hours, within_month=within_month)
    ]
    if within_month:
        found = [windows[: len(windows) // _AMBS_GROUP * _AMBS_GROUP] for windows in found]
    windows = np.concatenate([_with_lookback(available, windows, lookback) for windows in found])
    if not len(windows):
        raise UserError(
            f"{name} has no window of {length} consecutive steps; lengthen splits.{name} "
            "or shorten sequences.input_steps or sequences.target_steps"
        )
    return windows


def _windows_within(available: Available, steps: range, *, length: int, stride: int) -> npt.NDArray[np.int64]:
    return steps.start + complete_windows(available(steps), length=length, stride=stride)


def _with_lookback(available: Available, windows: npt.NDArray[np.int64], lookback: int) -> npt.NDArray[np.int64]:
    """Where the lookback of these windows of one range of steps begins, for those that have it."""
    if not lookback or not len(windows):
        return windows
    begin = max(int(windows[0]) - lookback, 0)
    starts = complete_windows(available(range(begin, int(windows[-1]))), length=lookback) + begin
    return np.intersect1d(windows - lookback, starts)
