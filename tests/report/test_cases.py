import datetime as dt
from typing import Any

import numpy as np
import pytest

from windrow.errors import UserError
from windrow.report.cases import pick, read_cases, shown_leads


def test_best_median_and_worst_go_by_the_error() -> None:
    assert pick(np.array([9.0, 1.0, 25.0, 4.0, 16.0])) == {"Best case": 1, "Median case": 0, "Worst case": 2}


def test_of_an_even_number_the_lower_median_is_taken() -> None:
    assert pick(np.array([4.0, 3.0, 2.0, 1.0]))["Median case"] == 2


@pytest.mark.parametrize(("errors", "names"), [([2.0], ["Best case"]), ([2.0, 1.0], ["Best case", "Worst case"])])
def test_no_sample_is_shown_twice(errors: list[float], names: list[str]) -> None:
    assert list(pick(np.array(errors))) == names


def test_first_middle_and_last_lead_time_are_shown() -> None:
    assert [shown_leads(count) for count in (1, 2, 3, 12)] == [[0], [0, 1], [0, 1, 2], [0, 5, 11]]


def test_a_case_holds_the_truth_at_the_valid_time_and_the_forecast(world: Any) -> None:
    best, median, worst = read_cases(world.scores, "2t", forecasts=world.forecasts, reader=world.reader)
    assert (best.mse, median.mse, worst.mse) == (1.0, 9.0, 25.0)
    assert best.init_time == dt.datetime(2007, 1, 1, 18)
    assert worst.lead_hours == (1, 2, 3)
    assert worst.lead_mse == (25.0, 25.0, 25.0)
    # The worst begins at hour 24; two hours later the corner point has 280 + 0.1 * 26 K.
    assert worst.truth[1, 0, 0] == pytest.approx(282.6)
    assert worst.error == pytest.approx(np.full((3, 4, 5), 5.0), abs=1e-4)


def test_scores_of_other_lead_times_are_refused(world: Any) -> None:
    scores = world.scores.isel(lead_time=[0, 1])
    with pytest.raises(UserError, match="do not belong together; run the stage verify again"):
        read_cases(scores, "2t", forecasts=world.forecasts, reader=world.reader)


def test_scores_of_other_initial_times_are_refused(world: Any) -> None:
    later = world.scores.assign_coords(init_time=world.scores["init_time"] + np.timedelta64(1, "h"))
    with pytest.raises(UserError, match="no initial time 2007-01-01 19:00:00"):
        read_cases(later, "2t", forecasts=world.forecasts, reader=world.reader)
