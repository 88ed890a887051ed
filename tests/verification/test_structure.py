import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from windrow.grid import grid_of_rows
from windrow.verification.metric import metric_of
from windrow.verification.pointwise import error_of
from windrow.verification.structure import gradient_ratio, mean_gradient, ssim, truth_windows
from windrow.verification.windows import GaussianWindows

Y, X = np.mgrid[0:20, 0:26]
TRUTH = 280 + 8 * np.sin(0.4 * X + 0.2 * Y) + 3 * np.cos(0.5 * Y)
FORECAST = TRUTH + 1.5 * np.sin(0.9 * X - 0.6 * Y) + 0.7
SCIKIT_IMAGE = {2.0: 0.9529758057817428, 30.0: 0.9549643344851131, 70.0: 0.961924540962643}  # 0.26.0

Fields = npt.NDArray[np.floating]


def found(forecast: Fields, truth: Fields, *, data_range: float = 30.0) -> Fields:
    windows = GaussianWindows(*truth.shape[-2:])
    prepared = truth_windows(truth, windows, data_range=data_range)
    return ssim(error_of(forecast, truth), prepared, windows, data_range=data_range)


@pytest.mark.parametrize("data_range", SCIKIT_IMAGE)
def test_ssim_is_that_of_scikit_image(data_range: float) -> None:
    assert found(FORECAST, TRUTH, data_range=data_range) == pytest.approx(SCIKIT_IMAGE[data_range], abs=1e-6)


@pytest.mark.parametrize("data_range", [2.0, 40.0])
def test_ssim_of_float32_fields_is_right_to_a_hundred_thousandth(data_range: float) -> None:
    rng = np.random.default_rng(5)
    truth = (283 + 4 * ndimage.gaussian_filter(rng.normal(0, 6, (3, 60, 110)), (0, 3, 3))).astype(np.float32)
    forecast = truth + ndimage.gaussian_filter(rng.normal(0, 1, (3, 60, 110)), (0, 1, 1)).astype(np.float32)
    np.testing.assert_allclose(
        found(forecast, truth, data_range=data_range), by_scipy(forecast, truth, data_range), atol=1e-5
    )


def by_scipy(forecast: Fields, truth: Fields, data_range: float) -> Fields:
    """The formula of Wang et al. 2004, as they wrote it."""

    def mean(fields: Fields) -> Fields:
        return ndimage.gaussian_filter(fields, 1.5, truncate=3.5, axes=(-2, -1))

    f, o = forecast.astype(np.float64), truth.astype(np.float64)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    both = mean(f * o) - mean(f) * mean(o)
    each = mean(f * f) - mean(f) ** 2 + mean(o * o) - mean(o) ** 2
    whole = (2 * mean(f) * mean(o) + c1) * (2 * both + c2) / ((mean(f) ** 2 + mean(o) ** 2 + c1) * (each + c2))
    return np.asarray(whole[..., 5:-5, 5:-5].mean(axis=(-2, -1)))


def test_a_perfect_forecast_has_an_ssim_of_one_and_a_reversed_one_is_negative() -> None:
    assert found(TRUTH, TRUTH) == pytest.approx(1.0, abs=1e-7)
    assert found(560 - TRUTH, TRUTH, data_range=2.0) < -0.8


def test_windows_with_a_gap_are_left_out_of_the_ssim() -> None:
    truth, forecast = TRUTH.copy(), FORECAST.copy()
    truth[:, 20:] = forecast[:, 20:] = np.nan
    assert found(forecast, truth) == pytest.approx(found(FORECAST[:, :20], TRUTH[:, :20]), abs=1e-6)
    assert np.isnan(found(forecast * np.nan, truth * np.nan))


def test_half_the_waves_have_half_the_gradient() -> None:
    grid = grid_of_rows(np.linspace(40, 45, 20), np.linspace(0, 8, 26))
    metric = metric_of(grid)
    ratio = gradient_ratio(mean_gradient(280 + (TRUTH - 280) / 2, metric), mean_gradient(TRUTH, metric))
    assert ratio == pytest.approx(0.5)
    assert np.isnan(gradient_ratio(np.array(1.0), np.array(0.0)))


def test_gradients_that_meet_a_gap_are_left_out() -> None:
    metric = metric_of(grid_of_rows(np.linspace(40, 45, 20), np.linspace(0, 8, 26)))
    slope = np.broadcast_to(3.0 * np.arange(20)[:, None], (20, 26)).astype(np.float32)
    gappy = slope.copy()
    gappy[5:9, 5:9] = np.nan
    assert mean_gradient(gappy, metric) == pytest.approx(mean_gradient(slope, metric), rel=1e-6)
    assert np.isnan(mean_gradient(slope * np.nan, metric))
    assert np.isnan(mean_gradient(np.ones((2, 26)), metric_of(grid_of_rows([40.0, 41.0], np.arange(26.0)))))
