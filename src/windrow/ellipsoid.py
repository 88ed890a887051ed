"""The shape of the Earth that map projections start from.

Formulas of Snyder (1987), Map projections: a working manual, USGS Professional Paper 1395; the numbers in
comments are his.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_ITERATIONS = 12  # each gains a factor of about e², 0.007


@dataclass(frozen=True)
class Ellipsoid:
    """The ellipsoid's longer half axis (m) and its eccentricity."""

    a: float
    e: float

    def m(self, latitude: Floats) -> Floats:
        """Radius of a parallel over `a` (14-15)."""
        return np.asarray(np.cos(latitude) / np.sqrt(1 - (self.e * np.sin(latitude)) ** 2))

    def t(self, latitude: Floats) -> Floats:
        """Tangent of half the conformal distance from the north pole (15-9)."""
        return np.asarray(np.tan(np.pi / 4 - latitude / 2) / self._squeeze(latitude))

    def latitude_of_t(self, t: Floats) -> Floats:
        """The inverse of `t` (7-9)."""
        latitude = np.pi / 2 - 2 * np.arctan(t)
        for _ in range(_ITERATIONS if self.e else 0):
            latitude = np.pi / 2 - 2 * np.arctan(t * self._squeeze(latitude))
        return latitude

    def _squeeze(self, latitude: Floats) -> Floats:
        sine = self.e * np.sin(latitude)
        return np.asarray(((1 - sine) / (1 + sine)) ** (self.e / 2))

    def q(self, latitude: Floats) -> Floats:
        """Area between the equator and a parallel, in units of pi a² (3-12)."""
        sine = np.sin(latitude)
        if not self.e:
            return np.asarray(2 * sine)
        return np.asarray(
            (1 - self.e**2) * (sine / (1 - (self.e * sine) ** 2) + np.arctanh(self.e * sine) / self.e)
        )

    def latitude_of_q(self, q: Floats) -> Floats:
        """The inverse of `q` (3-16), from the latitude of the sphere of the same area."""
        whole = float(self.q(np.array(np.pi / 2)))
        latitude = np.arcsin(np.clip(q / whole, -1, 1))
        for _ in range(_ITERATIONS if self.e else 0):
            cosine, squash = np.cos(latitude), 1 - (self.e * np.sin(latitude)) ** 2
            step = (q - self.q(latitude)) * squash**2 / (2 * (1 - self.e**2)) / np.maximum(cosine, 1e-9)
            latitude = np.clip(latitude + step, -np.pi / 2, np.pi / 2)
        return np.asarray(np.where(np.abs(q) > whole * (1 + 1e-12), np.nan, latitude))


def ellipsoid_of(mapping: dict[str, Any]) -> Ellipsoid:
    """The Earth of a CF grid mapping.

    Raises
    ------
    ValueError
        If its half axes are none of an oblate Earth.
    """
    a = float(mapping["earth_radius"] if "earth_radius" in mapping else mapping["semi_major_axis"])
    b = float(mapping.get("semi_minor_axis", a))
    if not 0 < b <= a < np.inf:
        raise ValueError(f"an Earth with half axes of {a:g} and {b:g} m")
    return Ellipsoid(a, float(np.sqrt(1 - (b / a) ** 2)))
