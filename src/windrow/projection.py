"""Map projections by their CF grid mapping, on the sphere and on the ellipsoid.

Formulas of Snyder (1987), Map projections: a working manual, USGS Professional Paper 1395; the numbers in
comments are his. They are computed here because the PROJ libraries that pyproj and eccodes bring along give errors
or a segmentation fault once both are loaded into a process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.ellipsoid import Ellipsoid, ellipsoid_of

Floats = npt.NDArray[np.float64]
Pair = tuple[Floats, Floats]


@dataclass(frozen=True)
class _Cone:
    """A cone or plane about the Earth's axis: radius and angle about the pole's image; `n` angles per longitude."""

    n: float
    radius: Callable[[Floats], Floats]
    latitude: Callable[[Floats], Floats]
    longitude_0: float
    radius_0: float

    def forward(self, latitude: Floats, longitude: Floats) -> Pair:
        """`y` and `x` (14-1, 14-2)."""
        radius, angle = self.radius(latitude), self.n * _turn(longitude - self.longitude_0)
        return self.radius_0 - radius * np.cos(angle), radius * np.sin(angle)

    def inverse(self, y: Floats, x: Floats) -> Pair:
        """Latitude and longitude (14-10, 14-11)."""
        down = self.radius_0 - y
        sign = np.sign(self.n)
        radius = sign * np.hypot(x, down)
        return self.latitude(radius), np.arctan2(sign * x, sign * down) / self.n + self.longitude_0


def _lambert(earth: Ellipsoid, mapping: dict[str, Any]) -> _Cone:
    first, last, origin = _parallels(mapping)
    m, t = earth.m(np.array([first, last])), earth.t(np.array([first, last]))
    n = float(np.sin(first) if first == last else np.log(m[0] / m[1]) / np.log(t[0] / t[1]))  # 15-8
    scale = earth.a * float(m[0]) / (n * float(t[0]) ** n)  # 15-10

    def radius(latitude: Floats) -> Floats:  # 15-7
        return np.asarray(scale * earth.t(latitude) ** n)

    return _Cone(
        n=n,
        radius=radius,
        latitude=lambda rho: earth.latitude_of_t((rho / scale) ** (1 / n)),  # 15-11
        longitude_0=np.radians(mapping["longitude_of_central_meridian"]),
        radius_0=float(radius(np.array(origin))),
    )


def _albers(earth: Ellipsoid, mapping: dict[str, Any]) -> _Cone:
    first, last, origin = _parallels(mapping)
    m, q = earth.m(np.array([first, last])) ** 2, earth.q(np.array([first, last]))
    n = float(np.sin(first) if first == last else (m[0] - m[1]) / (q[1] - q[0]))  # 14-14
    constant = float(m[0] + n * q[0])  # 14-13

    def radius(latitude: Floats) -> Floats:  # 14-12
        return np.asarray(earth.a * np.sqrt(constant - n * earth.q(latitude)) / n)

    return _Cone(
        n=n,
        radius=radius,
        latitude=lambda rho: earth.latitude_of_q((constant - (rho * n / earth.a) ** 2) / n),  # 14-19
        longitude_0=np.radians(mapping["longitude_of_central_meridian"]),
        radius_0=float(radius(np.array(origin))),
    )


def _polar(earth: Ellipsoid, mapping: dict[str, Any]) -> _Cone:
    """The southern aspect is a cone with n = -1 that opens northward."""
    sign = np.sign(mapping["latitude_of_projection_origin"])
    true = np.array(np.radians(abs(mapping["standard_parallel"])))
    if abs(mapping["standard_parallel"]) < 90:
        scale = earth.a * float(earth.m(true) / earth.t(true))  # 21-34
    else:
        scale = 2 * earth.a / np.sqrt((1 + earth.e) ** (1 + earth.e) * (1 - earth.e) ** (1 - earth.e))  # 21-33
    return _Cone(
        n=float(sign),
        radius=lambda latitude: np.asarray(sign * scale * earth.t(sign * latitude)),
        latitude=lambda rho: np.asarray(sign * earth.latitude_of_t(sign * rho / scale)),
        longitude_0=np.radians(mapping["straight_vertical_longitude_from_pole"]),
        radius_0=0.0,
    )


def _parallels(mapping: dict[str, Any]) -> tuple[float, float, float]:
    """First and last standard parallel and the latitude of the origin (radians)."""
    parallels = np.radians(np.atleast_1d(mapping["standard_parallel"]))
    return float(parallels[0]), float(parallels[-1]), float(np.radians(mapping["latitude_of_projection_origin"]))


@dataclass(frozen=True)
class _Mercator:
    earth: Ellipsoid
    scale: float
    longitude_0: float

    def forward(self, latitude: Floats, longitude: Floats) -> Pair:
        """`y` and `x` (7-6, 7-7)."""
        return -self.scale * np.log(self.earth.t(latitude)), self.scale * _turn(longitude - self.longitude_0)

    def inverse(self, y: Floats, x: Floats) -> Pair:
        """Latitude and longitude (7-10, 7-12)."""
        return self.earth.latitude_of_t(np.exp(-y / self.scale)), x / self.scale + self.longitude_0


def _mercator(earth: Ellipsoid, mapping: dict[str, Any]) -> _Mercator:
    scale = earth.a * float(earth.m(np.array(np.radians(mapping["standard_parallel"]))))
    return _Mercator(earth, scale, np.radians(mapping["longitude_of_projection_origin"]))


@dataclass(frozen=True)
class _Azimuthal:
    """Lambert's azimuthal equal-area projection."""

    earth: Ellipsoid
    latitude_0: float
    longitude_0: float

    def _sizes(self) -> tuple[float, float, float]:
        """Latitude of the origin on the sphere of equal area, that sphere's radius and D (3-11, 3-13, 24-20)."""
        whole, origin = (float(self.earth.q(np.array(latitude))) for latitude in (np.pi / 2, self.latitude_0))
        beta = float(np.arcsin(np.clip(origin / whole, -1, 1)))
        radius = self.earth.a * np.sqrt(whole / 2)
        if abs(self.latitude_0) > np.radians(90 - 1e-9):
            return beta, radius, 1.0
        return (
            beta,
            radius,
            self.earth.a * float(self.earth.m(np.array(self.latitude_0))) / (radius * np.cos(beta)),
        )

    def forward(self, latitude: Floats, longitude: Floats) -> Pair:
        """`y` and `x` (24-17 to 24-19)."""
        beta_0, radius, d = self._sizes()
        turn = longitude - self.longitude_0
        sine = np.clip(self.earth.q(latitude) / float(self.earth.q(np.array(np.pi / 2))), -1, 1)
        cosine = np.sqrt(1 - sine**2)
        near = 1 + np.sin(beta_0) * sine + np.cos(beta_0) * cosine * np.cos(turn)
        b = radius * np.sqrt(2 / near)
        y = b / d * (np.cos(beta_0) * sine - np.sin(beta_0) * cosine * np.cos(turn))
        return y, b * d * cosine * np.sin(turn)

    def inverse(self, y: Floats, x: Floats) -> Pair:
        """Latitude and longitude (24-26 to 24-30)."""
        beta_0, radius, d = self._sizes()
        rho = np.hypot(x / d, d * y)
        half = np.arcsin(rho / (2 * radius))
        sine, cosine = np.sin(2 * half), np.cos(2 * half)
        scaled = np.divide(d * y * sine, rho, out=np.zeros_like(rho), where=rho > 0)
        q = float(self.earth.q(np.array(np.pi / 2))) * (cosine * np.sin(beta_0) + scaled * np.cos(beta_0))
        east = x * sine
        north = d * rho * np.cos(beta_0) * cosine - d**2 * y * np.sin(beta_0) * sine
        return self.earth.latitude_of_q(q), self.longitude_0 + np.arctan2(east, north)


def _azimuthal(earth: Ellipsoid, mapping: dict[str, Any]) -> _Azimuthal:
    origin = (mapping["latitude_of_projection_origin"], mapping["longitude_of_projection_origin"])
    return _Azimuthal(earth, *(float(np.radians(angle)) for angle in origin))


@dataclass(frozen=True)
class _Rotated:
    """A sphere's own grid of latitude and longitude about another pole; `y` and `x` in degrees."""

    pole_latitude: float
    pole_longitude: float
    turn: float

    def forward(self, latitude: Floats, longitude: Floats) -> Pair:
        """Grid latitude and longitude."""
        y, x = _about(self.pole_latitude, latitude, longitude - self.pole_longitude)
        return np.degrees(y), np.degrees(_turn(x + self.turn))

    def inverse(self, y: Floats, x: Floats) -> Pair:
        """Latitude and longitude: the true pole lies as far from the grid's as the grid's from the true one."""
        latitude, longitude = _about(self.pole_latitude, np.radians(y), np.radians(x) - self.turn)
        return latitude, longitude + self.pole_longitude


def _about(pole: float, latitude: Floats, longitude: Floats) -> Pair:
    """Latitude and longitude about a pole; longitudes on either side count from the other pole's meridian."""
    east = -np.cos(latitude) * np.sin(longitude)
    north = np.cos(pole) * np.sin(latitude) - np.sin(pole) * np.cos(latitude) * np.cos(longitude)
    up = np.sin(pole) * np.sin(latitude) + np.cos(pole) * np.cos(latitude) * np.cos(longitude)
    return np.arctan2(up, np.hypot(east, north)), np.arctan2(east, north)


def _rotated(earth: Ellipsoid, mapping: dict[str, Any]) -> _Rotated:
    names = ("grid_north_pole_latitude", "grid_north_pole_longitude", "north_pole_grid_longitude")
    return _Rotated(*(float(np.radians(mapping.get(name, 0.0))) for name in names))


Projection = _Cone | _Mercator | _Azimuthal | _Rotated
_KINDS: dict[str, Callable[[Ellipsoid, dict[str, Any]], Projection]] = {
    "lambert_conformal_conic": _lambert,
    "albers_conical_equal_area": _albers,
    "polar_stereographic": _polar,
    "mercator": _mercator,
    "lambert_azimuthal_equal_area": _azimuthal,
    "rotated_latitude_longitude": _rotated,
}


def to_plane(mapping: dict[str, Any], latitude: npt.ArrayLike, longitude: npt.ArrayLike) -> Pair:
    """`y` and `x` of points given in degrees; NaN or infinite where the projection has no such point.

    Raises
    ------
    ValueError
        If there is no such projection.
    """
    with np.errstate(all="ignore"):
        return _projection(mapping).forward(_radians(latitude), _radians(longitude))


def to_earth(mapping: dict[str, Any], y: npt.ArrayLike, x: npt.ArrayLike) -> Pair:
    """Latitude and longitude (degrees, -180 to 180) of points; NaN or infinite where there are none.

    Raises
    ------
    ValueError
        If there is no such projection.
    """
    with np.errstate(all="ignore"):
        latitude, longitude = _projection(mapping).inverse(
            np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
        )
        return np.degrees(latitude), np.degrees(_turn(longitude))


def _projection(mapping: dict[str, Any]) -> Projection:
    name = mapping["grid_mapping_name"]
    if name not in _KINDS:
        raise ValueError(f"the grid mapping {name} is not known")
    return _KINDS[name](ellipsoid_of(mapping), mapping)


def _radians(degrees: npt.ArrayLike) -> Floats:
    return np.radians(np.asarray(degrees, dtype=np.float64))


def _turn(radians: Floats) -> Floats:
    """Between minus and plus half a turn."""
    return np.asarray((radians + np.pi) % (2 * np.pi) - np.pi)
