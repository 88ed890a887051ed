"""Exact quantiles of fields that are too many to sort, in two passes over them and in flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

Fields = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_SIGN = np.uint32(1 << 31)
_HALF = 16
_SIZE = 1 << _HALF


def exact_quantiles(passes: Callable[[], Iterable[Fields]], probabilities: Sequence[float]) -> Floats:
    """Quantiles of all values that are numbers, as `numpy.quantile` has them; NaN if there are none.

    The bits of float32 numbers can be ordered as the numbers are. The first pass counts the upper halves of them,
    which says in which half each wanted value of the sorted sequence lies; the second counts the lower halves behind
    those. So the result depends neither on the order of the parts nor on their sizes.

    Parameters
    ----------
    passes
        Gives the same fields each time it is called, in parts of any shape.
    """
    upper = np.zeros(_SIZE, dtype=np.int64)
    for fields in passes():
        upper += np.bincount(_keys(fields) >> _HALF, minlength=_SIZE)
    total = int(upper.sum())
    if not total:
        return np.full(len(probabilities), np.nan)
    places = np.asarray(probabilities) * (total - 1)
    ranks = np.unique([np.floor(places), np.ceil(places)]).astype(np.int64)
    ends = np.cumsum(upper)
    prefixes = np.searchsorted(ends, ranks, side="right")
    lower = _lower_halves(passes(), np.unique(prefixes))
    values = {
        int(rank): _value(int(prefix), lower[int(prefix)], int(rank - ends[prefix] + upper[prefix]))
        for rank, prefix in zip(ranks, prefixes, strict=True)
    }
    below, above = ([values[int(rank)] for rank in near(places)] for near in (np.floor, np.ceil))
    return np.asarray(below + (places - np.floor(places)) * np.subtract(above, below))


def _keys(fields: Fields) -> npt.NDArray[np.uint32]:
    """Whole numbers in the order of the values; without NaN."""
    flat = np.asarray(fields, dtype=np.float32).ravel()
    missing = np.isnan(flat)
    bits = (flat[~missing] if missing.any() else flat).view(np.uint32)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _value(prefix: int, counts: npt.NDArray[np.int64], rank: int) -> float:
    """The value of a rank among those with a prefix."""
    key = np.uint32(prefix << _HALF | int(np.searchsorted(np.cumsum(counts), rank, side="right")))
    bits = key ^ _SIGN if key & _SIGN else ~key
    return float(np.array(bits, dtype=np.uint32).view(np.float32))


def _lower_halves(parts: Iterable[Fields], prefixes: npt.NDArray[np.int64]) -> dict[int, npt.NDArray[np.int64]]:
    """Counts of the lower halves behind each prefix."""
    found = {int(prefix): np.zeros(_SIZE, dtype=np.int64) for prefix in prefixes}
    for fields in parts:
        keys = _keys(fields)
        upper = keys >> _HALF
        for prefix, counts in found.items():
            counts += np.bincount(keys[upper == prefix] & (_SIZE - 1), minlength=_SIZE)
    return found
