from collections.abc import Callable

import pytest
import xarray as xr

from windrow.errors import UserError
from windrow.report.comparison import comparison_csv, comparison_page, side_by_side
from windrow.report.terminal import shown_hours, summary_tables
from windrow.stages import Compare

MakeScores = Callable[..., xr.Dataset]


def test_only_initial_times_that_all_have_are_compared(make_scores: MakeScores) -> None:
    # Hours 18 and 24 are common; there a has the errors 2 and 3, b has 10 and 20.
    a = make_scores({"a": [[1], [2], [3]], "persistence": 4}, init_hours=(12, 18, 24))
    b = make_scores({"b": [[10], [20], [30]], "persistence": 4}, init_hours=(18, 24, 30))
    found = side_by_side([a, b])
    assert found.shared == 2
    assert found.samples == {"a": 3, "b": 3}
    assert list(found.scores["forecast"].values) == ["a", "b", "persistence"]
    means = found.scores["mse"].mean("init_time").isel(variable=0, lead_time=0)
    assert means.values.tolist() == [2.5, 15.0, 4.0]
    page = comparison_page(Compare(dataset="d", split="test"), found, provenance={})
    assert "Compared on the 2 samples of the test split that all have (a has 3 and b has 3)." in page


def test_the_table_is_long_and_holds_the_baselines(make_scores: MakeScores) -> None:
    found = side_by_side([make_scores({"a": 4, "persistence": 9}, leads=(6,))])
    assert comparison_csv(found).splitlines() == [
        "experiment,variable,score,lead_time,value",
        "a,2t,mse,6,4.0",
        "a,2t,rmse,6,2.0",
        "a,2t,mae,6,2.0",
        "a,2t,bias,6,0.25",
        "persistence,2t,mse,6,9.0",
        "persistence,2t,rmse,6,3.0",
        "persistence,2t,mae,6,4.5",
        "persistence,2t,bias,6,0.25",
    ]


def test_experiments_can_be_compared_without_a_baseline(make_scores: MakeScores) -> None:
    found = side_by_side([make_scores({"a": 4}), make_scores({"b": 9})])
    page = comparison_page(Compare(dataset="d", split="test"), found, provenance={})
    assert "a has the lowest mean squared error of the experiments at every lead time." in page
    assert "Against the best baseline" not in page


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"mse": {"a": 1, "persistence": 4}}, "of the same experiment"),
        ({"mse": {"b": 1, "persistence": 4}, "variable": "tcc"}, "other variables; give them the same"),
        ({"mse": {"b": 1, "persistence": 4}, "leads": (1, 2, 6)}, "other lead times"),
        ({"mse": {"b": 1, "climatology": 4}}, "other baselines"),
        ({"mse": {"b": 1, "persistence": 5}}, "differ on the same samples; run the stage verify again"),
        ({"mse": {"b": 1, "persistence": 4}, "init_hours": (70,)}, "a and b have no initial time in common"),
    ],
)
def test_scores_that_cannot_be_compared_are_refused(
    make_scores: MakeScores, other: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        side_by_side([make_scores({"a": 1, "persistence": 4}), make_scores(other.pop("mse"), **other)])


def test_the_summary_is_a_table_of_the_errors_and_their_mean(make_scores: MakeScores) -> None:
    found = side_by_side([make_scores({"a": [1, 2, 6], "day_before": [4, 4, 4]})])
    assert summary_tables(found, split="test").splitlines() == [
        "Mean squared error of 2t (K²), 5 common samples of the test split",
        "             1 h   2 h   3 h  mean",
        "a           1.00  2.00  6.00  3.00",
        "day before  4.00  4.00  4.00  4.00",
    ]


def test_the_summary_shows_some_of_many_lead_times() -> None:
    assert shown_hours([1, 2, 3]) == [1, 2, 3]
    assert shown_hours(list(range(1, 13))) == [1, 3, 6, 9, 12]
    assert shown_hours(list(range(6, 54, 6))) == [6, 12, 48]
