from collections.abc import Callable

import xarray as xr

from windrow.report.tables import Row, score_table
from windrow.verification.aggregate import aggregate


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
        "Error standard deviation, K",
    ]
    mse, rmse, _, bias, _ = table.groups
    assert [texts(row) for row in mse.rows] == [["1.00", "2.25", "9.00"], ["4.00", "2.25", "1.00"]]
    assert [[cell.best for cell in row.cells] for row in mse.rows] == [[True, True, False], [False, True, True]]
    assert texts(rmse.rows[0]) == ["1.00", "1.50", "3.00"]
    assert texts(bias.rows[0])[0] == "+0.25"
    assert [row.model for row in mse.rows] == [True, False]


def test_a_correlation_is_best_where_it_is_highest_and_a_ratio_where_it_is_nearest_to_one(
    make_scores: Callable[..., xr.Dataset],
) -> None:
    scores = make_scores({"cnn": 1, "persistence": 2})
    values = xr.DataArray([0.9, 0.7], coords={"forecast": scores["forecast"]}, dims="forecast")
    scores = scores.assign(acc=0 * scores["mse"] + values, gradient_ratio=0 * scores["mse"] + values + 0.5)
    groups = score_table(aggregate(scores).sel(variable="2t"), caption="Scores", experiments=["cnn"]).groups
    best = {group.title: [row.cells[0].best for row in group.rows] for group in groups}
    assert best["Anomaly correlation"] == [True, False]
    assert best["Gradient ratio (1 is as rough as the truth)"] == [False, True]


def test_what_is_no_number_is_a_dash_and_never_best(make_scores: Callable[..., xr.Dataset]) -> None:
    scores = make_scores({"cnn": 1, "persistence": float("nan")})
    table = score_table(aggregate(scores).sel(variable="2t"), caption="Scores", experiments=["cnn"])
    own, other = (row.cells[0] for row in table.groups[0].rows)
    assert (own.text, own.best, other.text, other.best) == ("1.00", True, "–", False)
