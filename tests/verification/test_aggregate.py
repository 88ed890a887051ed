from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from windrow.errors import UserError
from windrow.verification.aggregate import (
    aggregate,
    available,
    baselines_of,
    experiment_of,
    in_hours,
    read_scores,
    select,
)

DIMENSIONS = ("forecast", "variable", "init_time", "lead_time")


def scores_of(mse: list[list[float]], *, forecasts: tuple[str, ...] = ("cnn",)) -> xr.Dataset:
    """Scores of one variable, MSE of shape (init_time, lead_time) and the same for every forecast."""
    values = np.broadcast_to(np.array(mse)[None, None], (len(forecasts), 1, len(mse), len(mse[0]))).copy()
    return xr.Dataset(
        {
            "mse": (DIMENSIONS, values),
            "mae": (DIMENSIONS, values / 2),
            "bias": (DIMENSIONS, -values),
            "units": ("variable", np.array(["K"], dtype=object)),
        },
        coords={
            "forecast": np.array(forecasts, dtype=object),
            "variable": np.array(["2t"], dtype=object),
            "init_time": np.datetime64("2007-01-01", "ns") + np.arange(len(mse)) * np.timedelta64(6, "h"),
            "lead_time": ("lead_time", 3 * np.arange(1, len(mse[0]) + 1), {"units": "hours"}),
        },
    )


def with_samples(**values: list[float]) -> xr.Dataset:
    """Scores of one forecast, variable and lead time with these as well, a value for each initial time."""
    scores = scores_of([[1.0]] * len(next(iter(values.values()))))
    for name, series in values.items():
        scores[name] = (DIMENSIONS, np.array(series)[None, None, :, None])
    return scores


def test_rmse_is_the_root_of_the_mean_and_not_the_mean_of_the_roots() -> None:
    # The mean of 1 and 49 is 25, its root 5; the mean of the roots would be 4.
    means = aggregate(scores_of([[1.0, 4.0], [49.0, 4.0]])).sel(forecast="cnn", variable="2t")
    assert means["mse"].values.tolist() == [25.0, 4.0]
    assert means["rmse"].values.tolist() == [5.0, 2.0]
    assert means["mae"].values.tolist() == [12.5, 2.0]
    assert means["bias"].values.tolist() == [-25.0, -4.0]


def test_the_error_standard_deviation_is_of_the_errors_within_the_samples() -> None:
    # MSE 10 and 8 with biases 1 and -2: variances 9 and 4, their mean 6.5. The mean bias, -0.5, plays no part.
    scores = with_samples(mse=[10.0, 8.0], bias=[1.0, -2.0])
    assert aggregate(scores)["error_std"].item() == pytest.approx(np.sqrt(6.5))


def test_a_uniform_error_has_no_standard_deviation_in_spite_of_rounding() -> None:
    scores = with_samples(mse=[np.float32(0.01)], bias=[np.float32(0.1)])
    assert aggregate(scores)["error_std"].item() == 0


def test_spread_is_the_root_of_the_mean_variance() -> None:
    assert aggregate(with_samples(spread=[1.0, 7.0]))["spread"].item() == 2.0


def test_threshold_scores_come_from_counts_summed_over_the_samples() -> None:
    # Sums: 30 hits, 10 misses, 20 false alarms, 40 correct negatives. By chance there are 40 * 50 / 100 = 20 hits.
    # Frequency bias 50 / 40; ETS (30 - 20) / (60 - 20).
    scores = with_samples(
        hits=[30.0, 0.0], misses=[0.0, 10.0], false_alarms=[5.0, 15.0], correct_negatives=[15.0, 25.0]
    )
    found = aggregate(scores)
    assert found["frequency_bias"].item() == pytest.approx(1.25)
    assert found["ets"].item() == pytest.approx(0.25)


def test_threshold_scores_without_an_event_are_no_numbers() -> None:
    scores = with_samples(hits=[0.0], misses=[0.0], false_alarms=[0.0], correct_negatives=[9.0])
    scores = scores.merge(with_samples(fss_error=[0.0], fss_reference=[0.0])[["fss_error", "fss_reference"]])
    assert np.isnan([aggregate(scores)[name].item() for name in ("frequency_bias", "ets", "fss")]).all()


def test_the_fractions_skill_score_is_of_the_sums_and_not_the_mean_of_the_ratios() -> None:
    # 1 - (0.1 + 0.5) / (1 + 0.5) = 0.6; the mean of 0.9 and 0 would be 0.45.
    scores = with_samples(fss_error=[0.1, 0.5], fss_reference=[1.0, 0.5])
    assert aggregate(scores)["fss"].item() == pytest.approx(0.6)


def test_correlations_and_likenesses_are_means_of_the_samples() -> None:
    names = ("acc", "acc_centred", "ssim", "psnr", "gradient_ratio", "crps")
    found = aggregate(with_samples(**{name: [0.25, 0.75] for name in names}))
    assert [found[name].item() for name in names] == [0.5] * len(names)


def test_samples_without_a_number_are_left_out() -> None:
    found = aggregate(with_samples(acc=[0.5, np.nan, 0.7], psnr=[20.0, np.inf, 30.0], ssim=[np.nan] * 3))
    assert found["acc"].item() == pytest.approx(0.6)
    assert found["psnr"].item() == pytest.approx(25)
    assert np.isnan(found["ssim"].item())


def test_only_what_the_scores_have_the_parts_for_is_aggregated() -> None:
    assert available(scores_of([[1.0]])) == ("mse", "rmse", "mae", "bias", "error_std")
    assert "ets" not in available(with_samples(hits=[1.0], misses=[1.0], false_alarms=[1.0]))


def test_means_have_the_dimensions_forecast_variable_and_lead_time_and_carry_units() -> None:
    means = aggregate(scores_of([[1.0, 4.0]]))
    assert all(
        means[name].dims == ("forecast", "variable", "lead_time") for name in ("mse", "rmse", "mae", "bias")
    )
    assert means["units"].sel(variable="2t") == "K"


def test_the_whole_domain_unweighted_is_what_is_aggregated_unless_asked() -> None:
    values = np.array([[1.0, 2.0], [3.0, 4.0]])  # region, weighting
    dimensions = ("forecast", "variable", "region", "weighting", "init_time", "lead_time")
    by_region = (dimensions, values[None, None, :, :, None, None])
    scores = scores_of([[0.0]]).assign(mse=by_region, mae=by_region, bias=by_region)
    scores = scores.assign_coords(region=["domain", "sea"], weighting=["none", "area"])
    assert aggregate(scores)["mse"].values.ravel().tolist() == [1.0]
    assert aggregate(scores)["mse"].dims == ("forecast", "variable", "lead_time")
    assert aggregate(scores, weighting="area")["mse"].values.ravel().tolist() == [2.0]
    assert aggregate(scores, region="sea")["mse"].values.ravel().tolist() == [3.0]
    assert aggregate(scores, region=None)["mse"].values.ravel().tolist() == [1.0, 3.0]
    assert select(scores)["mse"].dims == DIMENSIONS


def test_lead_times_are_hours_be_they_numbers_or_durations() -> None:
    scores = scores_of([[1.0, 4.0]])
    durations = scores.assign_coords(lead_time=scores["lead_time"].values.astype("timedelta64[h]"))
    assert in_hours(scores)["lead_time"].values.tolist() == [3, 6]
    assert in_hours(durations)["lead_time"].values.tolist() == [3, 6]


def test_scores_are_read_as_they_were_written(tmp_path: Path) -> None:
    scores = scores_of([[1.0, 4.0]])
    scores.to_netcdf(tmp_path / "scores.nc")
    xr.testing.assert_equal(read_scores(tmp_path / "scores.nc"), scores)


def test_a_sample_without_truth_is_read_and_left_out(tmp_path: Path) -> None:
    scores_of([[1.0], [np.nan]], forecasts=("cnn", "persistence")).to_netcdf(tmp_path / "scores.nc")
    assert aggregate(read_scores(tmp_path / "scores.nc"))["mse"].values.tolist() == [[[1.0]], [[1.0]]]


def test_the_first_forecast_is_the_experiment_and_the_others_are_baselines() -> None:
    scores = xr.Dataset(coords={"forecast": ["cnn", "persistence", "climatology"]})
    assert experiment_of(scores) == "cnn"
    assert baselines_of(scores) == ("persistence", "climatology")


def diverged_once() -> xr.Dataset:
    scores = scores_of([[1.0], [1.0]], forecasts=("cnn", "persistence"))
    scores["mse"][0, 0, 1, 0] = np.nan
    return scores


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (scores_of([[1.0, np.nan]]), "not numbers, because the forecasts diverged; train again"),
        (scores_of([[1.0], [np.inf]]), "not numbers, because the forecasts diverged; train again"),
        (diverged_once(), "not numbers, because the forecasts diverged; train again"),
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
