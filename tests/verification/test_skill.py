import numpy as np
import pytest
import xarray as xr

from windrow.errors import UserError
from windrow.verification.aggregate import aggregate
from windrow.verification.bootstrap import draw_blocks
from windrow.verification.skill import skill, skill_bands, skill_score

FORECASTS = ["cnn", "persistence", "climatology"]


def series() -> xr.Dataset:
    """Six weeks of daily scores: the network's squared error is always a quarter of the persistence's."""
    squares = 1 + np.random.default_rng(1).random((42, 1))
    other = 1 + np.random.default_rng(2).random((42, 1))
    dimensions = ("forecast", "variable", "init_time", "lead_time")
    return xr.Dataset(
        {
            "mse": (dimensions, np.stack([squares / 4, squares, other])[:, None]),
            "units": ("variable", ["K"]),
        },
        coords={
            "forecast": FORECASTS,
            "variable": ["2t"],
            "init_time": np.datetime64("2019-01-01", "ns") + np.arange(42) * np.timedelta64(1, "D"),
            "lead_time": [1],
        },
    )


def aggregates(**values: list[float]) -> xr.Dataset:
    return xr.Dataset({name: ("forecast", one) for name, one in values.items()}, coords={"forecast": FORECASTS})


def test_skill_in_an_error_is_the_part_of_the_references_that_is_gone() -> None:
    found = skill(aggregates(mse=[0.5, 2.0, 4.0], mae=[1.0, 2.0, 0.5]), reference="persistence")
    np.testing.assert_allclose(found["mse"], [0.75, 0, -1])
    np.testing.assert_allclose(found["mae"], [0.5, 0, 0.75])


def test_skill_in_a_likeness_is_the_part_of_the_way_to_one() -> None:
    found = skill(aggregates(acc=[0.9, 0.6, 1.0], fss=[0.5, 0.75, 0.0]), reference="persistence")
    np.testing.assert_allclose(found["acc"], [0.75, 0, 1])
    np.testing.assert_allclose(found["fss"], [-1, 0, -3])


def test_there_is_no_skill_against_what_is_perfect_nor_in_what_has_no_best_value() -> None:
    assert np.isnan(skill_score(xr.DataArray(1.0), xr.DataArray(0.0), best=0.0))
    assert list(skill(aggregates(mse=[1, 1, 1], bias=[1, 1, 1], psnr=[1, 1, 1]), reference="cnn")) == ["mse"]


def test_forecast_and_reference_are_resampled_on_the_same_days() -> None:
    # Whatever days are drawn the skill is 3/4, while each of the two scores varies.
    scores = series()
    draws = draw_blocks(scores["init_time"].values, block_days=7, resamples=50, seed=1, moving=True)
    found = skill_bands(scores, draws, reference="persistence", names=("mse", "rmse"))
    np.testing.assert_allclose(found["mse"].sel(forecast="cnn"), [[[0.75, 0.75]]])
    np.testing.assert_allclose(found["rmse"].sel(forecast="cnn"), [[[0.5, 0.5]]])
    lower, upper = found["mse"].sel(forecast="climatology").values.ravel()
    assert lower < skill(aggregate(scores), reference="persistence")["mse"].sel(forecast="climatology") < upper


def test_references_and_scores_that_make_no_sense_are_refused() -> None:
    scores = series()
    draws = draw_blocks(scores["init_time"].values, block_days=7, resamples=50, seed=1, moving=True)
    with pytest.raises(
        UserError, match="ifs is not among the forecasts; take one of cnn, persistence, climatology"
    ):
        skill(aggregate(scores), reference="ifs")
    with pytest.raises(UserError, match="there is no skill in bias; take one of mse, rmse"):
        skill_bands(scores, draws, reference="cnn", names=("bias",))
