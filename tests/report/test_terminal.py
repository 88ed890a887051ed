from collections.abc import Callable

import numpy as np
import xarray as xr

from windrow.config import Bootstrap
from windrow.report.comparison import side_by_side
from windrow.report.terminal import shown_hours, summary_tables

MakeScores = Callable[..., xr.Dataset]
MONTH_HOURS = tuple(range(0, 24 * 28, 6))


def test_the_summary_is_a_table_of_the_errors_and_their_mean(make_scores: MakeScores) -> None:
    found = side_by_side([make_scores({"a": [1, 2, 6], "day_before": [4, 4, 4]})])
    assert summary_tables(found, split="test", bootstrap=Bootstrap()).splitlines() == [
        "Mean squared error of 2t (K²), 5 common samples of the test split",
        "             1 h   2 h   3 h  mean",
        "a           1.00  2.00  6.00  3.00",
        "day before  4.00  4.00  4.00  4.00",
        "",
        "The samples span 2 days: too few for bands and for statements on significance, which need 5 blocks of 3 days.",
    ]


def test_signs_tell_where_an_experiment_differs_significantly_from_the_best_baseline(
    make_scores: MakeScores,
) -> None:
    # The best baseline has 4 K² everywhere; the experiment is far below, about as good, and far above.
    noise = np.random.default_rng(0).normal(0, 0.5, (len(MONTH_HOURS), 1))
    errors = {"a": 4 + noise * [1, 1, -1] + [-2, 0, 2], "persistence": 9, "climatology": 4}
    found = side_by_side([make_scores(errors, init_hours=MONTH_HOURS)])
    lines = summary_tables(found, split="test", bootstrap=Bootstrap()).splitlines()
    assert lines[1:5] == [
        "              1 h     2 h     3 h    mean",
        "a            2.02 +  4.02    5.98 −  4.01",
        "persistence  9.00    9.00    9.00    9.00",
        "climatology  4.00    4.00    4.00    4.00",
    ]
    assert lines[6:] == [
        "+ significantly better, − significantly worse than the best baseline of the lead time",
        "(5 %, corrected for the number of comparisons, 5 blocks of 5 days)",
    ]


def test_without_baselines_the_summary_has_no_signs(make_scores: MakeScores) -> None:
    found = side_by_side([make_scores({"a": [1, 2, 6]}, init_hours=MONTH_HOURS)])
    lines = summary_tables(found, split="test", bootstrap=Bootstrap()).splitlines()
    assert lines[1:] == ["    1 h   2 h   3 h  mean", "a  1.00  2.00  6.00  3.00"]


def test_the_summary_shows_some_of_many_lead_times() -> None:
    assert shown_hours([1, 2, 3]) == [1, 2, 3]
    assert shown_hours(list(range(1, 13))) == [1, 3, 6, 9, 12]
    assert shown_hours(list(range(6, 54, 6))) == [6, 12, 48]
