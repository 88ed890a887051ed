"""Scores of the fields' structure: SSIM and the gradient ratio, of fields (..., y, x)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.verification.metric import Metric
from windrow.verification.windows import GaussianWindows

K1, K2 = 0.01, 0.03
_COARSE = 1e-4  # of the largest square: from there on float32 is good enough for variances

Fields = npt.NDArray[np.floating]
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TruthWindows:
    """What SSIM needs of the truth, whatever the forecast.

    Attributes
    ----------
    field
        The truth less its mean over the points (`level`), without which variances would be inexact.
    mean, variance
        Of that in each window.
    valid
        Windows without a gap; nothing if all are.
    """

    field: Fields
    level: Fields
    mean: Fields
    variance: Fields
    valid: npt.NDArray[np.bool_] | None


def truth_windows(truth: Fields, windows: GaussianWindows, *, data_range: float) -> TruthWindows:
    """What the SSIM of all forecasts of the same truth share."""
    gaps = np.isnan(truth)
    gappy = bool(gaps.any())
    count = (~gaps).sum(axis=(-2, -1), keepdims=True)
    filled = np.where(gaps, 0, truth) if gappy else truth
    level = filled.sum(axis=(-2, -1), keepdims=True, dtype=np.float64) / np.maximum(count, 1)
    field = np.where(gaps, 0.0, truth - level) if gappy else truth - level
    dtype = np.float32 if (K2 * data_range) ** 2 > _COARSE * np.square(field).max() else np.float64
    field = field.astype(dtype)
    mean = windows.mean(field)
    variance = windows.mean(np.square(field)) - np.square(mean)
    valid = windows.without(gaps) if gappy else None
    return TruthWindows(field, level.astype(dtype), mean, variance, valid)


def ssim(error: Fields, truth: TruthWindows, windows: GaussianWindows, *, data_range: float) -> Scores:
    """Structural similarity (Wang et al. 2004, IEEE Trans. Image Process. 13, 600), shape (...).

    The mean over all windows that lie within the field of

        (2 m_f m_o + C1) (2 s_fo + C2) / ((m_f² + m_o² + C1) (s_f² + s_o² + C2)),

    with C1 = (0.01 data_range)², C2 = (0.03 data_range)², and mean m, variance s² and covariance s_fo in a window.
    It is computed from the error e = f - o: m_f = m_o + m_e, s_fo = s_o² + s_oe and s_f² + s_o² = 2 s_fo + s_e².
    Windows with a gap are left out; NaN where none is left.
    """
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    error = error.astype(truth.field.dtype, copy=False)
    if truth.valid is not None:
        error = np.nan_to_num(error, nan=0.0)
    shift = windows.mean(error)
    squares = windows.mean(np.square(error)) - np.square(shift)
    covariance = truth.variance + windows.mean(error * truth.field) - shift * truth.mean
    structure = 2 * covariance + c2
    structure /= structure + squares
    mean = truth.mean + truth.level
    brightness = np.square(mean + shift) + np.square(mean) + c1
    similarity = (1 - np.square(shift) / brightness) * structure
    return _mean_over(similarity, truth.valid)


def _mean_over(values: Fields, valid: npt.NDArray[np.bool_] | None) -> Scores:
    if valid is None:
        return np.asarray(values.mean(axis=(-2, -1), dtype=np.float64))
    count = valid.sum(axis=(-2, -1))
    total = np.where(valid, values, 0).sum(axis=(-2, -1), dtype=np.float64)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def mean_gradient(fields: Fields, metric: Metric) -> Scores:
    """Mean size of the gradient over the inner points, shape (...), in units of the field per metre.

    Differences are centred over two steps. Points whose differences meet a gap are left out; NaN where none is left.
    """
    down = fields[..., 2:, 1:-1] - fields[..., :-2, 1:-1]
    across = fields[..., 1:-1, 2:] - fields[..., 1:-1, :-2]
    yy, xx = metric.yy.astype(fields.dtype), metric.xx.astype(fields.dtype)
    square = np.square(down) * yy + np.square(across) * xx
    if metric.yx is not None:
        square += 2 * metric.yx.astype(fields.dtype) * down * across
    size = np.sqrt(square)
    valid = ~np.isnan(size)
    return _mean_over(size, None if valid.size and valid.all() else valid)


def gradient_ratio(forecast: Scores, truth: Scores) -> Scores:
    """Mean size of the forecast's gradients over the truth's: below 1 the forecast is too smooth."""
    return np.asarray(np.divide(forecast, truth, out=np.full(forecast.shape, np.nan), where=truth > 0))
