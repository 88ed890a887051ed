"""Gaussian windows that slide over fields, as products of matrices.

A window of eleven points is a band of a matrix. On fields of this size the product with the dense matrix, cut into
tiles where the field is wide, is four times as fast as a filter that walks along the points.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

SIGMA_POINTS, RADIUS_POINTS = 1.5, 5
_TILE = 48

Fields = npt.NDArray[np.floating]


@dataclass(frozen=True)
class GaussianWindows:
    """The windows that lie within fields of a size.

    Attributes
    ----------
    ny, nx
        Size of the fields.
    """

    ny: int
    nx: int

    def mean(self, fields: Fields) -> Fields:
        """Weighted means in the windows of fields (..., ny, nx): shape (..., windows along y, along x)."""
        along_x = _along_last(fields.reshape(-1, self.nx), _radius(self.nx))
        columns = along_x.reshape(-1, self.ny, along_x.shape[-1])
        found = _along_rows(columns, _radius(self.ny))
        return np.asarray(found.reshape(*fields.shape[:-2], *found.shape[-2:]))

    def without(self, marked: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """The windows that hold none of the marked points."""
        return np.asarray(self.mean(marked.astype(np.float32)) == 0)


def _radius(size: int) -> int:
    """That of the widest window that fits, but not more than asked."""
    return min(RADIUS_POINTS, (size - 1) // 2)


@lru_cache(maxsize=32)
def _band(outputs: int, radius: int, dtype: npt.DTypeLike) -> Fields:
    """Weights (inputs, outputs) of `outputs` neighbouring windows."""
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / SIGMA_POINTS) ** 2)
    kernel /= kernel.sum()
    band = np.zeros((outputs + 2 * radius, outputs), dtype=dtype)
    for place in range(outputs):
        band[place : place + 2 * radius + 1, place] = kernel
    return band


@lru_cache(maxsize=32)
def _tiles(outputs: int) -> tuple[slice, ...]:
    edges = np.linspace(0, outputs, -(-outputs // _TILE) + 1).round().astype(int).tolist()
    return tuple(slice(start, stop) for start, stop in pairwise(edges))


def _along_last(lines: Fields, radius: int) -> Fields:
    """Lines (n, size) to (n, size - 2 radius)."""
    outputs = lines.shape[1] - 2 * radius
    found = np.empty((len(lines), outputs), dtype=lines.dtype)
    for tile in _tiles(outputs):
        inputs = lines[:, tile.start : tile.stop + 2 * radius]
        np.matmul(inputs, _band(tile.stop - tile.start, radius, lines.dtype), out=found[:, tile])
    return found


def _along_rows(fields: Fields, radius: int) -> Fields:
    """Fields (n, size, m) to (n, size - 2 radius, m)."""
    outputs = fields.shape[1] - 2 * radius
    found = np.empty((len(fields), outputs, fields.shape[2]), dtype=fields.dtype)
    for tile in _tiles(outputs):
        band = np.ascontiguousarray(_band(tile.stop - tile.start, radius, fields.dtype).T)
        np.matmul(band, fields[:, tile.start : tile.stop + 2 * radius], out=found[:, tile])
    return found
