"""Scores of fields from their errors (forecast minus truth): means over all points (y, x), unweighted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Fields = npt.NDArray[np.floating]
Errors = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float64]


def mse(error: Errors) -> Scores:
    """Mean squared error, in squared units."""
    found: Scores = np.square(error).mean(axis=(-2, -1))
    return found


def mae(error: Errors) -> Scores:
    """Mean absolute error."""
    found: Scores = np.abs(error).mean(axis=(-2, -1))
    return found


def bias(error: Errors) -> Scores:
    """Mean error: positive where the forecast is too high."""
    found: Scores = error.mean(axis=(-2, -1))
    return found


SCORES = {"mse": mse, "mae": mae, "bias": bias}


def score_all(forecast: Fields, truth: Fields) -> dict[str, Scores]:
    """Every score of fields (..., y, x), in float64: shape (...)."""
    error = np.subtract(forecast, truth, dtype=np.float64)
    return {name: score(error) for name, score in SCORES.items()}
