import datetime as dt

import numpy as np
import numpy.typing as npt
import pytest

from windrow.errors import UserError
from windrow.sequences import complete_windows, split_windows, step_ranges

ORIGIN = dt.datetime(2019, 3, 1)


def everything(steps: range) -> npt.NDArray[np.bool_]:
    return np.ones(len(steps), dtype=bool)


def test_windows_do_not_read_across_a_missing_step() -> None:
    available = np.array([1, 1, 1, 0, 1, 1, 1, 1], dtype=bool)
    assert complete_windows(available, length=3).tolist() == [0, 4, 5]


def test_the_stride_counts_from_the_first_step() -> None:
    assert complete_windows(np.ones(10, dtype=bool), length=3, stride=4).tolist() == [0, 4]


def test_days_that_follow_each_other_are_one_range() -> None:
    days = ((dt.date(2019, 3, 3), dt.date(2019, 3, 4)), (dt.date(2019, 3, 1), dt.date(2019, 3, 2)))
    assert step_ranges(days, ORIGIN, step_hours=1) == [range(96)]


def test_the_test_windows_of_march_2019_start_at_hours_624_to_720() -> None:
    days = ((dt.date(2019, 3, 27), dt.date(2019, 3, 31)),)
    windows = split_windows(everything, days, origin=ORIGIN, step_hours=1, length=24)
    assert windows.tolist() == list(range(624, 721))


def test_windows_cross_the_end_of_a_month() -> None:
    days = ((dt.date(2019, 3, 31), dt.date(2019, 4, 1)),)
    windows = split_windows(everything, days, origin=ORIGIN, step_hours=1, length=24)
    assert len(windows) == 48 - 23


def test_windows_stay_inside_their_days() -> None:
    days = ((dt.date(2019, 3, 1), dt.date(2019, 3, 1)), (dt.date(2019, 3, 3), dt.date(2019, 3, 3)))
    windows = split_windows(everything, days, origin=ORIGIN, step_hours=1, length=24)
    assert windows.tolist() == [0, 48]


def test_a_split_without_a_window_is_an_error_that_says_what_to_do() -> None:
    days = ((dt.date(2019, 3, 1), dt.date(2019, 3, 1)),)
    with pytest.raises(UserError, match=r"test has no window of 25 consecutive steps; lengthen splits\.test"):
        split_windows(everything, days, origin=ORIGIN, step_hours=1, length=25, name="test")


def test_the_rule_of_ambs_gives_the_8440_test_sequences_of_2019() -> None:
    """Counted in the paper: Gong et al. 2022, table 1; 12 months of hours - 23, each cut to a multiple of ten."""
    year = ((dt.date(2019, 1, 1), dt.date(2019, 12, 31)),)
    origin = dt.datetime(2007, 1, 1)
    found = split_windows(everything, year, origin=origin, step_hours=1, length=24, within_month=True)
    assert len(found) == 8440
    starts = [origin + dt.timedelta(hours=int(first)) for first in found]
    assert all(start.month == (start + dt.timedelta(hours=23)).month for start in starts)
    across = split_windows(everything, year, origin=origin, step_hours=1, length=24)
    assert len(across) == 8760 - 23


def test_windows_within_months_stay_there_even_if_a_split_is_one_span_of_days() -> None:
    days = ((dt.date(2019, 1, 20), dt.date(2019, 2, 10)),)
    found = split_windows(
        everything, days, origin=dt.datetime(2019, 1, 1), step_hours=1, length=24, within_month=True
    )
    january, february = 12 * 24 - 23, 10 * 24 - 23
    assert len(found) == january // 10 * 10 + february // 10 * 10
    assert not ((found > 31 * 24 - 24) & (found < 31 * 24)).any()


def test_a_window_needs_its_lookback_which_may_lie_outside_of_the_split() -> None:
    exists = np.ones(24 * 4, dtype=bool)
    exists[30] = False  # in the second day
    origin = dt.datetime(2007, 1, 1)
    found = split_windows(
        lambda steps: exists[steps.start : steps.stop],
        ((dt.date(2007, 1, 2), dt.date(2007, 1, 3)),),
        origin=origin,
        step_hours=1,
        length=6,
        lookback=3,
    )
    starts = [start for start in range(24, 67) if exists[start - 3 : start + 6].all()]
    assert found.tolist() == [start - 3 for start in starts]
    assert found[0] == 21
    assert 28 not in found


def test_the_first_windows_of_a_dataset_have_no_lookback() -> None:
    found = split_windows(
        lambda steps: np.ones(len(steps), dtype=bool),
        ((dt.date(2007, 1, 1), dt.date(2007, 1, 1)),),
        origin=dt.datetime(2007, 1, 1),
        step_hours=1,
        length=20,
        lookback=3,
    )
    assert found.tolist() == [0, 1]
