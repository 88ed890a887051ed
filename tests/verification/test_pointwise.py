import numpy as np
import pytest

from windrow.grid import grid_of_rows
from windrow.verification.pointwise import bias, error_of, mae, mse, psnr
from windrow.verification.weights import weights_of

WEIGHTS = weights_of(grid_of_rows([0.0, 1e-9], [0.0, 1.0]), {})
TRUTH = np.array([[280.0, 281.0], [282.0, 283.0]], dtype=np.float32)


def test_scores_of_a_worked_example() -> None:
    error = error_of(TRUTH + np.array([[1.0, -2.0], [0.0, 3.0]], dtype=np.float32), TRUTH)
    assert float(mse(error, WEIGHTS)[0, 0]) == pytest.approx((1 + 4 + 9) / 4)
    assert float(mae(error, WEIGHTS)[0, 0]) == pytest.approx(6 / 4)
    assert float(bias(error, WEIGHTS)[0, 0]) == pytest.approx(2 / 4)


def test_scores_keep_the_leading_dimensions() -> None:
    error = np.zeros((3, 4, 5, 2, 2))
    assert {score(error, WEIGHTS).shape for score in (mse, mae, bias)} == {(3, 4, 5, 1, 2)}


def test_a_small_error_of_large_values_is_exact() -> None:
    high = np.full((2, 2), 1e5, dtype=np.float32)
    error = error_of(np.nextafter(high, np.float32(2e5)), high)
    assert bias(error, WEIGHTS)[0, 0] == 2**-7  # the distance of float32 numbers between 2^16 and 2^17


def test_psnr_is_that_of_scikit_image() -> None:
    assert psnr(np.array(1.25), data_range=5.0) == pytest.approx(10 * np.log10(25 / 1.25))
    y, x = np.mgrid[0:20, 0:26]
    error = 1.5 * np.sin(0.9 * x - 0.6 * y) + 0.7
    assert psnr(np.square(error).mean(), data_range=30.0) == pytest.approx(27.4734829367755)  # scikit-image 0.26


def test_psnr_of_a_perfect_forecast_is_infinite() -> None:
    assert psnr(np.array(0.0), data_range=1.0) == np.inf
