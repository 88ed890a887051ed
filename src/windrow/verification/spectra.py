"""Spectra of power and of coherence on limited areas, by cosine transforms, as sums over samples.

A field on a limited area is not periodic. The discrete cosine transform takes it as mirrored at its borders and so
needs no window and no removal of a trend (Denis, Côté and Laprise 2002, Mon. Wea. Rev. 130, 1812,
doi:10.1175/1520-0493(2002)130<1812:SDOTDA>2.0.CO;2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.fft import dct

from windrow.grid import ROTATED, ROWS, Grid
from windrow.verification.metric import EARTH_RADIUS_M

Fields = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_BLOCK = 32  # initial times that are transformed at once, and added up in float32


@dataclass(frozen=True, eq=False)
class Bands:
    """Which coefficients belong together.

    Attributes
    ----------
    number
        The band of each coefficient (y, x), from 0; -1 for the mean of the field.
    wavelength_km
        The longest wavelength of each band, falling.
    """

    number: npt.NDArray[np.int64]
    wavelength_km: Floats

    def gather(self, coefficients: Floats) -> Floats:
        """Sums over the coefficients (..., y, x) of each band: shape (..., band)."""
        order = np.argsort(self.number, axis=None, kind="stable")
        first = np.searchsorted(self.number.ravel()[order], np.arange(len(self.wavelength_km)))
        flat = coefficients.reshape(*coefficients.shape[:-2], -1)[..., order]
        return np.asarray(np.add.reduceat(flat, first, axis=-1))


@dataclass(frozen=True)
class Result:
    """Spectra, NaN where there is no sample.

    Attributes
    ----------
    power
        Variance in each band, of each forecast and last of the truth: shape (field, lead, band).
    coherence
        Shape (forecast, lead, band).
    samples
        Samples behind each lead time: shape (lead,).
    left_out
        Samples of each lead time in which a field has a point without a value.
    """

    power: Floats
    coherence: Floats
    samples: npt.NDArray[np.int64]
    left_out: npt.NDArray[np.int64]


def spacing_km(grid: Grid) -> tuple[float, float]:
    """Mean distance of the points along y and x, where the domain's middle row is in degrees."""
    steps = [float(np.abs(np.diff(along)).mean()) if len(along) > 1 else 1.0 for along in (grid.y, grid.x)]
    if grid.dimensions != ROWS and grid.mapping["grid_mapping_name"] != ROTATED:
        return steps[0] / 1000, steps[1] / 1000
    middle = np.radians((grid.y[0] + grid.y[-1]) / 2)
    along_y, along_x = (EARTH_RADIUS_M / 1000 * float(np.radians(step)) for step in steps)
    return along_y, along_x * float(np.cos(middle))


def bands_of(shape: tuple[int, int], *, spacing: tuple[float, float]) -> Bands:
    """Bands of a domain of `shape` points, `spacing` (km) apart along y and x.

    The wavelength of the coefficient (n, m) is 2 / sqrt((n / L_y)² + (m / L_x)²) with the lengths L of the domain.
    Band k = 1, 2, … takes the wavelengths from 2 L / k down to 2 L / (k + 1), which is left out, L being the shorter
    length: for square cells the bands of Denis et al. (2002). The first band also takes what is longer, the last
    ones the corner of the spectrum below the shortest wave along an axis, so that all bands together have the
    variance of the field. Bands without coefficients are left out.
    """
    lengths = [size * step for size, step in zip(shape, spacing, strict=True)]
    shorter = min([length for length, size in zip(lengths, shape, strict=True) if size > 1], default=1.0)
    along_y, along_x = (np.arange(size) * (shorter / length) for size, length in zip(shape, lengths, strict=True))
    wavenumber = np.floor(np.hypot(along_y[:, None], along_x) + 1e-9).astype(np.int64)
    wavenumber = np.maximum(wavenumber, 1)
    wavenumber[0, 0] = 0
    found, number = np.unique(wavenumber, return_inverse=True)
    return Bands(number.reshape(shape) - 1, 2 * shorter / found[1:])


def transform(fields: Fields) -> Fields:
    """Orthonormal cosine transform of fields (..., y, x); NaN throughout where a point has no value.

    As products with two matrices, which for domains of up to some hundred points on a side are faster than a fast
    transform. The first value of each field is subtracted: it concerns the coefficient of the mean alone, whose
    size would otherwise cost the others their digits in float32.
    """
    along_y, along_x = (_cosines(size) for size in fields.shape[-2:])
    with np.errstate(invalid="ignore"):
        centred = fields - fields[..., :1, :1]
        rows = (centred.reshape(-1, centred.shape[-1]) @ along_x.T).reshape(centred.shape)
        return np.asarray(along_y @ rows)


@cache
def _cosines(size: int) -> Fields:
    """The matrix of the transform along an axis."""
    return np.asarray(dct(np.eye(size), axis=0, norm="ortho"), dtype=np.float32)


class Spectra:
    """Sums over samples for one variable; what is added in parts, or merged, is the same as at once.

    A sample in which any forecast or the truth has a point without a value is left out for all.

    Parameters
    ----------
    bands
        Of the fields that will be added.
    forecasts, leads
        Their numbers.
    """

    def __init__(self, bands: Bands, *, forecasts: int, leads: int) -> None:
        self.bands = bands
        self._squares = np.zeros((forecasts + 1, leads, *bands.number.shape))
        self._products = np.zeros((forecasts, leads, *bands.number.shape))
        self._samples = np.zeros(leads, dtype=np.int64)
        self._left_out = np.zeros(leads, dtype=np.int64)

    def add(self, forecasts: Sequence[Fields], truth: Fields) -> None:
        """Add samples: the fields of each forecast and those of the truth, all of shape (init, lead, y, x)."""
        for start in range(0, len(truth), _BLOCK):
            some = slice(start, start + _BLOCK)
            self._add([transform(fields[some]) for fields in (*forecasts, truth)])

    def _add(self, coefficients: list[Fields]) -> None:
        valid = np.logical_and.reduce([np.isfinite(fields[..., 0, 0]) for fields in coefficients])
        if not valid.all():
            coefficients = [np.where(valid[..., None, None], fields, np.float32(0)) for fields in coefficients]
        truth = coefficients[-1]
        for place, fields in enumerate(coefficients):
            self._squares[place] += np.einsum("ilyx,ilyx->lyx", fields, fields)
        for place, fields in enumerate(coefficients[:-1]):
            self._products[place] += np.einsum("ilyx,ilyx->lyx", fields, truth)
        self._samples += valid.sum(axis=0)
        self._left_out += (~valid).sum(axis=0)

    def merge(self, other: Spectra) -> None:
        """Add what another has gathered of other samples."""
        self._squares += other._squares
        self._products += other._products
        self._samples += other._samples
        self._left_out += other._left_out

    def result(self) -> Result:
        """Mean power, and coherence of the sums.

        The coherence of a band is Σ F O / sqrt(Σ F² Σ O²), summed over its coefficients and over the samples: the
        correlation of the coefficients, between -1 and 1. Its square is the magnitude-squared coherence.
        """
        squares, products = self.bands.gather(self._squares), self.bands.gather(self._products)
        points = self.bands.number.size
        with np.errstate(invalid="ignore", divide="ignore"):
            power = squares / (points * self._samples[:, None])
            coherence = products / np.sqrt(squares[:-1] * squares[-1])
        return Result(power, coherence, self._samples.copy(), self._left_out.copy())
