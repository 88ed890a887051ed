from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from windrow.errors import UserError
from windrow.verification.aggregate import aggregate, baselines_of, experiment_of, in_hours, read_scores


def scores_of(mse: list[list[float]]) -> xr.Dataset:
    """Scores of one forecast and one variable, MSE of shape (init_time, lead_time)."""
    values = np.array(mse)[None, None]
    dimensions = ("forecast", "variable", "init_time", "lead_time")
    return xr.Dataset(
        {
            "mse": (dimensions, values),
            "mae": (dimensions, values / 2),
            "bias": (dimensions, -values),
            "units": ("variable", np.array(["K"], dtype=object)),
        },
        coords={
            "forecast": np.array(["cnn"], dtype=object),
            "variable": np.array(["2t"], dtype=object),
            "init_time": np.datetime64("2007-01-01", "ns") + np.arange(len(mse)) * np.timedelta64(6, "h"),
            "lead_time": ("lead_time", 3 * np.arange(1, len(mse[0]) + 1), {"units": "hours"}),
        },
    )


def test_rmse_is_the_root_of_the_mean_and_not_the_mean_of_the_roots() -> None:
    # The mean of 1 and 49 is 25, its root 5; the mean of the roots would be 4.
    means = aggregate(scores_of([[1.0, 4.0], [49.0, 4.0]])).sel(forecast="cnn", variable="2t")
    assert means["mse"].values.tolist() == [25.0, 4.0]
    assert means["rmse"].values.tolist() == [5.0, 2.0]
    assert means["mae"].values.tolist() == [12.5, 2.0]
    assert means["bias"].values.tolist() == [-25.0, -4.0]


def test_means_have_the_dimensions_forecast_variable_and_lead_time_and_carry_units() -> None:
    means = aggregate(scores_of([[1.0, 4.0]]))
    assert all(
        means[name].dims == ("forecast", "variable", "lead_time") for name in ("mse", "rmse", "mae", "bias")
    )
    assert means["units"].sel(variable="2t") == "K"


def test_lead_times_are_hours_be_they_numbers_or_durations() -> None:
    scores = scores_of([[1.0, 4.0]])
    durations = scores.assign_coords(lead_time=scores["lead_time"].values.astype("timedelta64[h]"))
    assert in_hours(scores)["lead_time"].values.tolist() == [3, 6]
    assert in_hours(durations)["lead_time"].values.tolist() == [3, 6]


def test_scores_are_read_as_they_were_written(tmp_path: Path) -> None:
    scores = scores_of([[1.0, 4.0]])
    scores.to_netcdf(tmp_path / "scores.nc")
    xr.testing.assert_equal(read_scores(tmp_path / "scores.nc"), scores)


def test_the_first_forecast_is_the_experiment_and_the_others_are_baselines() -> None:
    scores = xr.Dataset(coords={"forecast": ["cnn", "persistence", "climatology"]})
    assert experiment_of(scores) == "cnn"
    assert baselines_of(scores) == ("persistence", "climatology")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (scores_of([[1.0, np.nan]]), "not numbers, because the forecasts diverged; train again"),
        (scores_of([[1.0, 4.0]]).drop_vars("mae"), "holds no scores of forecasts"),
        (scores_of([[1.0, 4.0]]).isel(init_time=[]), "holds no sample"),
    ],
)
def test_files_without_usable_scores_are_refused(broken: xr.Dataset, message: str, tmp_path: Path) -> None:
    broken.to_netcdf(tmp_path / "scores.nc")
    with pytest.raises(UserError, match=message):
        read_scores(tmp_path / "scores.nc")


def test_missing_and_damaged_files_name_the_stage(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not there; run the stage verify first"):
        read_scores(tmp_path / "scores.nc")
    (tmp_path / "scores.nc").write_bytes(b"nothing")
    with pytest.raises(UserError, match="is damaged"):
        read_scores(tmp_path / "scores.nc")
