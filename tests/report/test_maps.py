"""What the maps show."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from windrow.report.cases import read_cases
from windrow.report.maps import BUDGET, case_viewer, score_viewer, thinning


def test_a_small_page_shows_all_deciles_and_all_points() -> None:
    assert thinning(92 * 56, leads=12, variables=1) == (11, 1)


@pytest.mark.parametrize(
    ("points", "variables", "count"), [(92 * 56, 2, 5), (500 * 500, 1, 3), (1000 * 1000, 4, 3)]
)
def test_a_large_one_has_fewer_cases_then_fewer_points(points: int, variables: int, count: int) -> None:
    found, thin = thinning(points, leads=12, variables=variables)
    assert found == count
    assert (2 * count + 3) * 12 * variables * points / thin**2 <= BUDGET
    assert (thin > 1) == (points > 92 * 56)


def test_all_cases_have_one_scale(world: Any) -> None:
    cases = read_cases(world.scores, "2t", forecasts=world.forecasts, reader=world.reader)
    viewer = case_viewer(cases, variable="2t", title="T", units="K", colormap="viridis", thin=1)
    truth, forecast, difference = viewer.panels
    assert (truth.low, truth.high) == (forecast.low, forecast.high)
    assert forecast.high == pytest.approx(max(float(case.forecast.max()) for case in cases))
    # The worst case is 5 K off everywhere, and the scale is the same on both sides.
    assert (difference.low, difference.high) == pytest.approx((-5.0, 5.0), abs=1e-3)
    assert viewer.first == (2, 2)
    assert "lowest error" in viewer.cases[0]
    assert viewer.frames[0][1].startswith("+2 h, 1 Jan 2007, 20:00 UTC, MSE 1.00")


def test_maps_of_the_scores_are_root_and_skill(full_scores: xr.Dataset) -> None:
    scores = full_scores.assign(
        mse_map=full_scores["mse_map"] * 0 + xr.DataArray([1.0, 4.0, 0.0], dims="forecast"),
        bias_map=full_scores["bias_map"] * 0 - 0.5,
    )
    options = {"variable": "2t", "title": "T", "units": "K", "experiment": "cnn", "thin": 1}
    viewer = score_viewer(scores, reference="persistence", **options)
    assert viewer
    bias, rmse, skill = (panel.fields for panel in viewer.panels)
    assert bias is not None
    assert rmse is not None
    assert skill is not None
    assert np.unique(bias).tolist() == [-0.5]
    assert np.unique(rmse).tolist() == [1.0]
    assert np.unique(skill).tolist() == [0.75]
    perfect = score_viewer(scores, reference="day_before", **options)
    assert perfect
    assert np.isnan(perfect.panels[2].fields).all()
    assert len(score_viewer(scores, reference=None, **options).panels) == 2


def test_scores_without_maps_have_no_viewer(world: Any) -> None:
    options = {"variable": "2t", "title": "T", "units": "K", "experiment": "cnn", "reference": None, "thin": 1}
    assert score_viewer(world.scores, **options) is None
