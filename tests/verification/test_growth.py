import numpy as np
import xarray as xr

from windrow.verification.bootstrap import draw_blocks
from windrow.verification.growth import error_growth, error_growth_bands

LEADS = np.array([1, 2, 3, 6, 12])


def rmse_of(values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(values, dims="lead_time", coords={"lead_time": LEADS[: len(values)]})


def test_an_error_on_a_line_grows_by_its_slope() -> None:
    assert np.isclose(error_growth(rmse_of(0.5 + 0.25 * LEADS))["slope"], 0.25)


def test_an_error_that_doubles_every_four_hours_has_that_rate() -> None:
    rate = error_growth(rmse_of(0.3 * 2 ** (LEADS / 4)))["rate"]
    assert np.isclose(np.log(2) / rate, 4)


def test_the_lines_are_those_of_least_squares() -> None:
    values = np.random.default_rng(1).random(5) + 1
    found = error_growth(rmse_of(values))
    assert np.isclose(found["slope"], np.polyfit(LEADS, values, 1)[0])
    assert np.isclose(found["rate"], np.polyfit(LEADS, np.log(values), 1)[0])


def test_there_is_no_growth_without_two_lead_times_and_no_rate_without_an_error() -> None:
    single = error_growth(rmse_of(np.array([1.0])))
    assert np.isnan(single["slope"])
    assert np.isnan(single["rate"])
    assert np.isnan(error_growth(rmse_of(np.array([1.0, np.nan])))["slope"])
    perfect = error_growth(rmse_of(np.array([0.0, 2.0])))
    assert perfect["slope"] == 2
    assert np.isnan(perfect["rate"])


def test_growth_has_a_band() -> None:
    # Every day's squared error is a factor times the same curve: the rate is the same in every resample.
    factors = 1 + np.random.default_rng(2).random(42)
    scores = xr.Dataset(
        {
            "mse": (
                ("forecast", "variable", "init_time", "lead_time"),
                (factors[:, None] * np.exp(0.2 * LEADS))[None, None],
            )
        },
        coords={
            "forecast": ["cnn"],
            "variable": ["2t"],
            "init_time": np.datetime64("2019-01-01", "ns") + np.arange(42) * np.timedelta64(1, "D"),
            "lead_time": LEADS,
        },
    )
    draws = draw_blocks(scores["init_time"].values, block_days=7, resamples=50, seed=1, moving=True)
    found = error_growth_bands(scores, draws)
    np.testing.assert_allclose(found["rate"], [[[0.1, 0.1]]])
    assert (found["slope"].sel(band="lower") < found["slope"].sel(band="upper")).all()
