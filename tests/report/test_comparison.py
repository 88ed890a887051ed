from collections.abc import Callable

import pytest
import xarray as xr

from windrow.errors import UserError
from windrow.report.comparison import comparison_csv, side_by_side
from windrow.report.joining import renamed

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


def test_only_lead_times_and_variables_that_all_have_are_compared(make_scores: MakeScores) -> None:
    a = make_scores({"a": [1, 2, 3], "persistence": 4})
    more = make_scores({"b": [1, 2, 3], "persistence": 4}, leads=(2, 3, 6), variable="tcc")
    b = xr.concat([more, make_scores({"b": [5, 6, 7], "persistence": 4}, leads=(2, 3, 6))], "variable")
    found = side_by_side([a, b]).scores
    assert found["variable"].values.tolist() == ["2t"]
    assert found["lead_time"].values.tolist() == [2, 3]
    assert found["mse"].sel(forecast="a").values[0, 0].tolist() == [2, 3]
    assert found["mse"].sel(forecast="b").values[0, 0].tolist() == [5, 6]


def test_a_sample_without_a_number_is_left_out_for_all(make_scores: MakeScores) -> None:
    a = make_scores({"a": [[float("nan")], [2]], "persistence": 4}, init_hours=(12, 18))
    b = make_scores({"b": [[9], [3]], "persistence": 4}, init_hours=(12, 18))
    scores = side_by_side([a, b]).scores
    assert scores["mse"].mean("init_time").isel(variable=0, lead_time=0).values.tolist() == [2, 3, 4]
    assert int(scores["mae"].isel(variable=0, lead_time=0).notnull().sum()) == 3


def test_experiments_on_other_points_have_baselines_of_their_own(make_scores: MakeScores) -> None:
    a, b = (
        make_scores({"a": 1, "persistence": 4, "climatology": 9}),
        make_scores({"b": 2, "persistence": 4.5, "climatology": 8}),
    )
    found = side_by_side([a, b, renamed(a, "c")])
    assert found.baselines == ("persistence (a)", "climatology (a)", "persistence (b)", "climatology (b)")
    assert found.foreign == {
        *(("b", name) for name in found.baselines[:2]),
        *((experiment, name) for experiment in "ac" for name in found.baselines[2:]),
    }
    errors = found.scores["mse"].isel(variable=0, init_time=0, lead_time=0)
    assert errors.values.tolist() == [1, 2, 1, 4, 9, 4.5, 8]


def test_a_region_can_be_compared(full_scores: xr.Dataset) -> None:
    found = side_by_side([full_scores], region="north_sea").scores
    assert "region" not in found.dims
    assert (
        found["mse"].equals(full_scores["mse"].sel(region="north_sea").reset_coords(drop=True))
        or (found["mse"].values == full_scores["mse"].sel(region="north_sea").values).all()
    )


def test_a_region_that_was_not_scored_is_refused(full_scores: xr.Dataset, make_scores: MakeScores) -> None:
    with pytest.raises(UserError, match=r"cnn was not scored in a region alps; add it to verification.regions"):
        side_by_side([full_scores], region="alps")
    with pytest.raises(UserError, match="a was not scored in a region alps"):
        side_by_side([make_scores({"a": 1})], region="alps")


def test_the_table_is_long_and_holds_the_baselines(make_scores: MakeScores) -> None:
    found = side_by_side([make_scores({"a": 4, "persistence": 9}, leads=(6,))])
    lines = comparison_csv(found).splitlines()
    assert lines[:5] == [
        "experiment,variable,score,lead_time,value",
        "a,2t,mse,6,4.0",
        "a,2t,rmse,6,2.0",
        "a,2t,mae,6,2.0",
        "a,2t,bias,6,0.25",
    ]
    # sqrt(4 - 0.0625) and sqrt(9 - 0.0625)
    assert [float(line.rpartition(",")[2]) for line in lines if "error_std" in line] == pytest.approx(
        [1.984, 2.99], abs=1e-3
    )
    assert "persistence,2t,mae,6,4.5" in lines


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"mse": {"a": 1, "persistence": 4}}, "of the same experiment"),
        ({"mse": {"b": 1, "persistence": 4}, "variable": "tcc"}, "a and b have no variable in common"),
        ({"mse": {"b": 1, "persistence": 4}, "leads": (5, 6)}, "a and b have no lead time in common"),
        ({"mse": {"b": 1, "persistence": 4, "day_before": 3}}, "b and a were scored with other baselines"),
        ({"mse": {"b": 1, "persistence": 4}, "init_hours": (70,)}, "a and b have no initial time in common"),
    ],
)
def test_scores_that_cannot_be_compared_are_refused(
    make_scores: MakeScores, other: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        side_by_side([make_scores({"a": 1, "persistence": 4}), make_scores(other.pop("mse"), **other)])


def test_a_baseline_that_differs_beside_one_that_does_not_is_refused(make_scores: MakeScores) -> None:
    a = make_scores({"a": 1, "persistence": 4, "climatology": 9})
    b = make_scores({"b": 1, "persistence": 4, "climatology": 8})
    with pytest.raises(UserError, match="differ on the same samples; run the stage verify again for both"):
        side_by_side([a, b])


def test_other_units_are_refused(make_scores: MakeScores) -> None:
    b = make_scores({"b": 1, "persistence": 4})
    b["units"] = ("variable", ["degC"])
    with pytest.raises(UserError, match="b and a have other units"):
        side_by_side([make_scores({"a": 1, "persistence": 4}), b])


def test_thresholds_of_other_values_are_left_out(full_scores: xr.Dataset) -> None:
    worse = renamed(full_scores, "b")
    assert "hits" in side_by_side([full_scores, worse]).scores
    other = worse.assign(threshold_value=worse["threshold_value"] + 1)
    found = side_by_side([full_scores, other]).scores
    assert not {"hits", "fss_error", "threshold_value"} & set(found.data_vars)
