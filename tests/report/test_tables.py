from collections.abc import Callable

import xarray as xr

from windrow.report.tables import Row, difference_table, score_table
from windrow.verification.aggregate import aggregate

MINUS = "\N{MINUS SIGN}"


def texts(row: Row) -> list[str]:
    return [cell.text for cell in row.cells]


def test_each_score_has_a_group_and_the_lowest_of_each_lead_time_is_marked(
    make_scores: Callable[..., xr.Dataset],
) -> None:
    means = aggregate(make_scores({"cnn": [1.0, 2.25, 9.0], "persistence": [4.0, 2.25, 1.0]})).sel(variable="2t")
    table = score_table(means, caption="Scores", experiments=["cnn"])
    assert table.leads == (1, 2, 3)
    assert [group.title for group in table.groups] == [
        "Mean squared error, K²",
        "Root mean squared error, K",
        "Mean absolute error, K",
        "Bias (forecast minus truth), K",
    ]
    mse, rmse, _, bias = table.groups
    assert [texts(row) for row in mse.rows] == [["1.00", "2.25", "9.00"], ["4.00", "2.25", "1.00"]]
    assert [[cell.best for cell in row.cells] for row in mse.rows] == [[True, True, False], [False, True, True]]
    assert texts(rmse.rows[0]) == ["1.00", "1.50", "3.00"]
    assert texts(bias.rows[0])[0] == "+0.25"
    assert [row.model for row in mse.rows] == [True, False]


def test_differences_are_to_the_best_baseline_of_the_lead_time(make_scores: Callable[..., xr.Dataset]) -> None:
    scores = make_scores({"a": [1, 2, 3], "persistence": [2, 4, 6], "climatology": [4, 2, 1]})
    table = difference_table(
        aggregate(scores).sel(variable="2t"),
        caption="Differences",
        experiments=["a"],
        baselines=["persistence", "climatology"],
    )
    assert texts(table.groups[0].rows[0]) == [f"{MINUS}50", "±0", "+200"]
