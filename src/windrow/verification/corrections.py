"""Corrections of p-values for many comparisons at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def holm(p: Floats) -> Floats:
    """Adjusted p-values that hold the chance of a single false discovery (Holm 1979).

    Parameters
    ----------
    p
        The family, of any shape; NaN is no comparison and stays NaN.
    """
    return _adjusted(p, _step_down)


def benjamini_hochberg(p: Floats) -> Floats:
    """Adjusted p-values that hold the share of false discoveries (Benjamini and Hochberg 1995; Wilks 2016)."""
    return _adjusted(p, _step_up)


def _step_down(ascending: Floats) -> Floats:
    number = len(ascending)
    found: Floats = np.maximum.accumulate(ascending * np.arange(number, 0, -1))
    return found


def _step_up(ascending: Floats) -> Floats:
    number = len(ascending)
    scaled = ascending * number / np.arange(1, number + 1)
    found: Floats = np.minimum.accumulate(scaled[::-1])[::-1]
    return found


def _adjusted(p: Floats, adjust: Callable[[Floats], Floats]) -> Floats:
    flat = np.asarray(p, dtype=np.float64).ravel()
    found = np.full_like(flat, np.nan)
    ranked = np.argsort(flat)[: np.count_nonzero(~np.isnan(flat))]  # NaN is sorted to the end
    found[ranked] = np.minimum(adjust(flat[ranked]), 1)
    return found.reshape(np.shape(p))


CORRECTIONS: dict[str, Callable[[Floats], Floats]] = {"holm": holm, "benjamini_hochberg": benjamini_hochberg}
