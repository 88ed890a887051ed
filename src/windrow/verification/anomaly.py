"""Correlation of the anomalies of forecast and truth, by which climatology itself has no skill.

An anomaly is the departure from the training split's mean of the month, hour of day and point. With the error
e = f - o, the forecast's anomaly is f' = o' + e, so that all sums over f' follow from those over e and o', which
are smaller and of which the truth's part serves all forecasts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from windrow.verification.pointwise import bias, error_of, mse
from windrow.verification.weights import Weights

_NO_ANOMALY = 1e-12  # of a mean square: below it there is only rounding

Fields = npt.NDArray[np.floating]
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TruthAnomaly:
    """The truth's anomaly (..., y, x), its mean and its mean square (..., region, weighting)."""

    anomaly: Scores
    mean: Scores
    square: Scores
    gappy: bool


def truth_anomaly(truth: Fields, climatology: Fields, weights: Weights) -> TruthAnomaly:
    """What the correlations of all forecasts with the same truth share."""
    anomaly = error_of(truth, climatology)
    mean = bias(anomaly, weights)
    return TruthAnomaly(anomaly, mean, mse(anomaly, weights), gappy=bool(np.isnan(anomaly).any()))


class Means(NamedTuple):
    """Mean error and mean squared error, (..., region, weighting)."""

    error: Scores
    square: Scores


def correlations(
    error: Scores, truth: TruthAnomaly, weights: Weights, *, means: Means | None = None
) -> tuple[Scores, Scores]:
    """Anomaly correlation, uncentred and centred, each of shape (..., region, weighting).

    Uncentred: mean(f'o') / sqrt(mean(f'²) mean(o'²)). Centred: the same of the anomalies less their own means
    over the points (Wilks 2019, Statistical methods in the atmospheric sciences, 9.4.4). NaN where an anomaly is
    zero everywhere, as climatology's own is, or, centred, the same everywhere.

    Parameters
    ----------
    means
        Of the error, if they are known; they are not used where the climatology has gaps.
    """
    if truth.gappy:
        error = np.where(np.isnan(truth.anomaly), np.nan, error)
    if truth.gappy or means is None:
        means = Means(bias(error, weights), mse(error, weights))
    cross = weights.mean(error * truth.anomaly)
    product, square = truth.square + cross, truth.square + 2 * cross + means.square
    mean = truth.mean + means.error
    scale = truth.square + means.square
    uncentred = _ratio(product, square, truth.square, scale)
    return uncentred, _ratio(product - mean * truth.mean, square - mean**2, truth.square - truth.mean**2, scale)


def _ratio(product: Scores, forecast: Scores, truth: Scores, scale: Scores) -> Scores:
    defined = (forecast > _NO_ANOMALY * scale) & (truth > _NO_ANOMALY * scale)
    norm = np.sqrt(np.where(defined, forecast * truth, np.nan))
    return np.asarray(np.clip(product / norm, -1.0, 1.0))
