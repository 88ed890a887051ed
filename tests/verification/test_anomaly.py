import numpy as np
import numpy.typing as npt
import pytest

from windrow.grid import grid_of_rows
from windrow.verification.anomaly import Means, correlations, truth_anomaly
from windrow.verification.pointwise import bias, error_of, mse
from windrow.verification.weights import Weights, weights_of

Fields = npt.NDArray[np.floating]
WEIGHTS = weights_of(grid_of_rows(np.linspace(30, 70, 6), np.arange(7.0)), {})
RNG = np.random.default_rng(3)
CLIMATOLOGY = RNG.normal(280, 10, (2, 6, 7)).astype(np.float32)
TRUTH = (CLIMATOLOGY + RNG.normal(1, 2, (2, 6, 7))).astype(np.float32)
FORECAST = (TRUTH + RNG.normal(0.5, 1, (2, 6, 7))).astype(np.float32)


def found(
    forecast: Fields, truth: Fields, climatology: Fields, weights: Weights = WEIGHTS
) -> tuple[Fields, Fields]:
    return correlations(error_of(forecast, truth), truth_anomaly(truth, climatology, weights), weights)


def test_a_worked_example() -> None:
    # Anomalies of the truth 1 2 3 2, of the forecast 2 2 4 0: sum of products 18, of squares 18 and 24.
    weights = weights_of(grid_of_rows([0.0, 1e-9], [0.0, 1.0]), {})
    climatology = np.array([[10.0, 20.0], [30.0, 40.0]])
    uncentred, centred = found(
        climatology + np.array([[2, 2], [4, 0]]), climatology + np.array([[1, 2], [3, 2]]), climatology, weights
    )
    assert uncentred[0, 0] == pytest.approx(18 / np.sqrt(18 * 24))
    # Less their means, 2 and 2: -1 0 1 0 and 0 0 2 -2.
    assert centred[0, 0] == pytest.approx(2 / np.sqrt(2 * 8))


def test_they_are_the_correlations_of_the_definition() -> None:
    uncentred, centred = found(FORECAST, TRUTH, CLIMATOLOGY)
    for sample in range(2):
        ours = (FORECAST.astype(np.float64) - CLIMATOLOGY)[sample].ravel()
        theirs = (TRUTH.astype(np.float64) - CLIMATOLOGY)[sample].ravel()
        assert centred[sample, 0, 0] == pytest.approx(np.corrcoef(ours, theirs)[0, 1], rel=1e-9)
        area = WEIGHTS.values[0, 1].ravel()
        expected = np.average(ours * theirs, weights=area) / np.sqrt(
            np.average(ours**2, weights=area) * np.average(theirs**2, weights=area)
        )
        assert uncentred[sample, 0, 1] == pytest.approx(expected, rel=1e-9)


def test_a_forecast_that_is_the_truth_has_one_and_one_that_is_reversed_minus_one() -> None:
    reversed_ = (2 * CLIMATOLOGY.astype(np.float64)) - TRUTH
    assert np.allclose(found(TRUTH, TRUTH, CLIMATOLOGY), 1.0)
    assert np.allclose(found(reversed_, TRUTH, CLIMATOLOGY), -1.0)


def test_an_offset_lowers_the_uncentred_one_alone() -> None:
    uncentred, centred = found(TRUTH + 5.0, TRUTH, CLIMATOLOGY)
    assert np.allclose(centred, 1.0)
    assert (uncentred < 0.95).all()


def test_climatology_has_no_correlation() -> None:
    assert np.isnan(found(CLIMATOLOGY, TRUTH, CLIMATOLOGY)).all()


def test_points_without_climatology_are_left_out() -> None:
    gappy = CLIMATOLOGY.copy()
    gappy[0, :, :3] = np.nan
    error, truth = error_of(FORECAST, TRUTH), truth_anomaly(TRUTH, gappy, WEIGHTS)
    uncentred, centred = correlations(
        error, truth, WEIGHTS, means=Means(bias(error, WEIGHTS), mse(error, WEIGHTS))
    )
    ours = (FORECAST.astype(np.float64) - CLIMATOLOGY)[0, :, 3:].ravel()
    theirs = (TRUTH.astype(np.float64) - CLIMATOLOGY)[0, :, 3:].ravel()
    assert centred[0, 0, 0] == pytest.approx(np.corrcoef(ours, theirs)[0, 1], rel=1e-9)
    assert uncentred[0, 0, 0] == pytest.approx(ours @ theirs / np.sqrt(ours @ ours * (theirs @ theirs)), rel=1e-9)
    assert np.isnan(found(FORECAST, TRUTH, np.full_like(CLIMATOLOGY, np.nan))).all()
