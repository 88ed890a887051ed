"""The order of the forecasts, and skill beside cost."""

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from windrow.report.assessment import Assessment, assess
from windrow.report.ranking import Cost, cost_group, cost_of, ranking
from windrow.verification_settings import Bootstrap

MakeScores = Callable[..., xr.Dataset]
INITS = tuple(range(0, 24 * 28, 12))


@pytest.fixture(scope="module")
def found(make_scores: MakeScores) -> Assessment:
    noise = np.random.default_rng(0).normal(0, 0.2, (len(INITS), 1))
    errors = {"a": 2 + noise, "b": 1 + noise, "persistence": 8}
    scores = make_scores(errors, init_hours=INITS)
    return assess(scores, experiments=["a", "b"], references=["persistence"], bootstrap=Bootstrap(resamples=100))


def test_forecasts_stand_in_the_order_of_their_errors(found: Assessment) -> None:
    rows = ranking(found, "2t")
    assert [name for name, _ in rows] == ["b", "a", "persistence"]
    first, last = rows[0][1], rows[-1][1]
    assert first[0] == ("1", 1)
    assert float(first[1][0]) == pytest.approx(1.0, abs=0.1)
    assert first[3][0].startswith("\N{MINUS SIGN}5")
    assert first[4][0] == "significant, p below 0.001"
    assert [text for text, _ in last[3:]] == ["–", "–"]


def test_forecasts_of_other_points_are_not_tested(found: Assessment) -> None:
    rows = ranking(found, "2t", apart=frozenset({("a", "persistence")}))
    assert rows[1][1][4][0] == "of other points"


def test_few_days_are_said_to_be_too_few(make_scores: MakeScores) -> None:
    scores = make_scores({"a": 1, "persistence": 4})
    few = assess(scores, experiments=["a"], references=["persistence"], bootstrap=Bootstrap())
    (_, cells), _ = ranking(few, "2t")
    assert [text for text, _ in cells[2:]] == ["–", "\N{MINUS SIGN}75 %", "not tested: too few days"]


def test_cost_is_drawn_beside_skill(found: Assessment) -> None:
    costs = {"a": Cost(100.0, 5000), "b": Cost(200.0, 5000)}
    group = cost_group(found, "2t", costs, "persistence")
    assert group
    time, parameters = (chart.spec["data"]["values"] for chart in group.charts)
    assert [(row["series"], row["x"]) for row in time] == [("a", 100), ("b", 200)]
    assert [row["y"] for row in time] == pytest.approx([0.75, 0.875], abs=0.02)
    assert all(row["low"] <= row["y"] <= row["high"] for row in time)
    assert {row["x"] for row in parameters} == {5000}
    assert cost_group(found, "2t", {}, "persistence") is None


def test_the_cost_is_the_time_of_all_epochs() -> None:
    assert cost_of({"epochs": [{"seconds": 1.5}, {"seconds": 2}], "parameters": 7}) == Cost(3.5, 7)
