"""Temperature and geopotential below the lowest model level and below the ground.

The rules are ECMWF's, as Trenberth, Berry and Buja (1993), Vertical interpolation and truncation of
model-coordinate data, NCAR/TN-396+STR, describe them. Air goes on downward with a lapse rate of 6.5 K/km from
the temperature of the surface, T* = T_l + Γ R_d/g (p_s / p_l - 1) T_l; l is the lowest level. Exceptions keep
plateaus from becoming too hot, and deserts and ice sheets from becoming too hot and too cold at sea level.
CDO's `ml2plx` differs where the ground lies at sea level or lower: it keeps T* there and has no lapse rate.

Arrays are of shape (y, x); pressures are in Pa, geopotentials in m² s⁻², temperatures in K.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# As in the IFS: part IV of its documentation, chapter 12, "Basic physical constants"
GRAVITY = 9.80665
GAS_DRY = 287.0597
GAS_VAPOUR = 461.5250

LAPSE = 0.0065
_ALPHA = LAPSE * GAS_DRY / GRAVITY
_HOT, _COLD = 290.5, 255.0
_PLATEAU_HOT, _PLATEAU_M, _HIGH_PLATEAU_M = 298.0, 2000.0, 2500.0


def temperature_below(
    pressure: float, temperature: Floats, level_pressure: Floats, surface_pressure: Floats, geopotential: Floats
) -> Floats:
    """Temperature at a pressure that is larger than that of the lowest model level.

    Down to the surface it is linear in pressure between the lowest level and T*, which is tempered as for the
    geopotential. Below the ground T = T* (1 + y + y²/2 + y³/6), y = α ln(p / p_s), and α = Γ R_d/g where the
    ground is lower than 2000 m (Trenberth et al., equation 16).

    Parameters
    ----------
    pressure
        The wanted one.
    temperature, level_pressure
        Of the lowest model level.
    surface_pressure, geopotential
        Of the surface.
    """
    surface = _surface_temperature(temperature, level_pressure, surface_pressure)
    tempered, _ = _tempered(surface, geopotential)
    share = (pressure - level_pressure) / (surface_pressure - level_pressure)
    y = _plateau_alpha(surface, geopotential) * np.log(pressure / surface_pressure)
    below = surface * (1.0 + y * (1.0 + y * (0.5 + y / 6.0)))
    return np.where(pressure <= surface_pressure, (1.0 - share) * temperature + share * tempered, below)


def geopotential_below(
    pressure: float, temperature: Floats, level_pressure: Floats, surface_pressure: Floats, geopotential: Floats
) -> Floats:
    """Geopotential at a pressure below the ground.

    Φ = Φ_s - R_d T* ln(p / p_s) (1 + y/2 + y²/6), y = α ln(p / p_s) (Trenberth et al., equation 15). The
    parameters are those of `temperature_below`.
    """
    surface = _surface_temperature(temperature, level_pressure, surface_pressure)
    tempered, alpha = _tempered(surface, geopotential)
    depth = np.log(pressure / surface_pressure)
    y = alpha * depth
    return np.asarray(geopotential - GAS_DRY * tempered * depth * (1.0 + y * (0.5 + y / 6.0)))


def _surface_temperature(temperature: Floats, level_pressure: Floats, surface_pressure: Floats) -> Floats:
    return np.asarray(temperature * (1.0 + _ALPHA * (surface_pressure / level_pressure - 1.0)))


def _tempered(surface: Floats, geopotential: Floats) -> tuple[Floats, Floats]:
    """T* and α for the geopotential.

    T* below 255 K is moved half-way there. With T_0 = T* + Γ Φ_s/g, what lies at sea level: if both pass
    290.5 K, T* is moved half-way back and α is 0; if only T_0 does, α is what leads to 290.5 K at sea level.
    """
    surface = np.where(surface < _COLD, 0.5 * (_COLD + surface), surface)
    at_sea = surface + LAPSE * geopotential / GRAVITY
    hot = (at_sea > _HOT) & (surface > _HOT)
    warm = (at_sea > _HOT) & ~hot
    alpha = np.where(hot, 0.0, _ALPHA)
    np.divide(GAS_DRY * (_HOT - surface), geopotential, out=alpha, where=warm)
    return np.where(hot, 0.5 * (_HOT + surface), surface), alpha


def _plateau_alpha(surface: Floats, geopotential: Floats) -> Floats:
    """α for the temperature: R_d (T_0 - T*) / Φ_s, never negative, where the ground is higher than 2000 m.

    T_0 = T* + Γ Φ_s/g is at most 298 K there; the limit comes in gradually between 2000 m and 2500 m.
    """
    height = geopotential / GRAVITY
    high = height > _PLATEAU_M
    at_sea = surface + LAPSE * height
    share = np.clip((height - _PLATEAU_M) / (_HIGH_PLATEAU_M - _PLATEAU_M), 0.0, 1.0)
    limited = at_sea + share * (np.minimum(at_sea, _PLATEAU_HOT) - at_sea)
    alpha = np.full(surface.shape, _ALPHA)
    np.divide(GAS_DRY * np.maximum(limited - surface, 0.0), geopotential, out=alpha, where=high)
    return alpha
