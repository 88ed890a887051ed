import datetime as dt
from typing import Any

import numpy as np
import pytest

from windrow.errors import UserError
from windrow.report.cases import pick, read_cases


def test_cases_stand_at_the_deciles_of_the_error() -> None:
    # The errors 0 to 100 in another order: at each decile stands the error of that number.
    errors = np.random.default_rng(3).permutation(101).astype(float)
    found = pick(errors)
    assert list(found) == list(range(0, 101, 10))
    assert [errors[place] for place in found.values()] == list(range(0, 101, 10))


def test_fewer_cases_are_as_even() -> None:
    assert list(pick(np.arange(101.0), count=5)) == [0, 25, 50, 75, 100]


def test_of_few_samples_each_is_shown_once() -> None:
    assert pick(np.array([9.0, 1.0, 25.0, 4.0, 16.0])) == {0: 1, 25: 3, 50: 0, 75: 4, 100: 2}
    assert pick(np.array([2.0, 1.0])) == {0: 1, 100: 0}
    assert pick(np.array([2.0])) == {0: 0}
    for count in range(2, 11):
        assert sorted(pick(np.arange(float(count))).values()) == list(range(count))


def test_samples_without_an_error_are_not_shown() -> None:
    assert pick(np.array([np.nan, 3.0, 1.0])) == {0: 2, 100: 1}


def test_a_case_holds_the_truth_at_the_valid_time_and_the_forecast(world: Any) -> None:
    cases = read_cases(world.scores, "2t", forecasts=world.forecasts, reader=world.reader)
    assert [case.mse for case in cases] == [1.0, 4.0, 9.0, 16.0, 25.0]
    assert [case.name for case in cases][::2] == ["lowest error", "median error", "highest error"]
    assert cases[1].name == "error at the 25 % decile"
    assert cases[0].init_time == dt.datetime(2007, 1, 1, 18)
    assert cases[-1].lead_hours == (1, 2, 3)
    assert cases[-1].lead_mse == (25.0, 25.0, 25.0)
    # The worst begins at hour 24; two hours later the corner point has 280 + 0.1 * 26 K.
    assert cases[-1].truth[1, 0, 0] == pytest.approx(282.6)
    assert cases[-1].error == pytest.approx(np.full((3, 4, 5), 5.0), abs=1e-4)


def test_scores_of_other_lead_times_are_refused(world: Any) -> None:
    scores = world.scores.isel(lead_time=[0, 1])
    with pytest.raises(UserError, match="do not belong together; run the stage verify again"):
        read_cases(scores, "2t", forecasts=world.forecasts, reader=world.reader)


def test_scores_of_other_initial_times_are_refused(world: Any) -> None:
    later = world.scores.assign_coords(init_time=world.scores["init_time"] + np.timedelta64(1, "h"))
    with pytest.raises(UserError, match="no initial time 2007-01-01 19:00:00"):
        read_cases(later, "2t", forecasts=world.forecasts, reader=world.reader)
