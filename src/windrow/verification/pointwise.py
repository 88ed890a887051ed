"""Scores of the error at each point: forecast minus truth, fields (..., y, x)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.verification.weights import Weights

Fields = npt.NDArray[np.floating]
Scores = npt.NDArray[np.float64]


def error_of(forecast: Fields, truth: Fields) -> Scores:
    """Forecast minus truth in float64: of float32 fields it is exact."""
    return np.subtract(forecast, truth, dtype=np.float64)


def mse(error: Fields, weights: Weights) -> Scores:
    """Mean squared error, shape (..., region, weighting), in squared units."""
    return weights.mean(np.square(error))


def mae(error: Fields, weights: Weights) -> Scores:
    """Mean absolute error, shape (..., region, weighting)."""
    return weights.mean(np.abs(error))


def bias(error: Fields, weights: Weights) -> Scores:
    """Mean error, shape (..., region, weighting): positive where the forecast is too high."""
    return weights.mean(error)


def psnr(mse: Scores, *, data_range: float) -> Scores:
    """Peak signal-to-noise ratio `10 log10(data_range² / mse)` in dB; infinite where there is no error."""
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 * np.log10(data_range**2 / mse))
