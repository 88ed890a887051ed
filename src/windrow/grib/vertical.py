"""Fields at a pressure, from those on a model's hybrid levels.

Temperature, wind, humidity and other scalars are linear in pressure between the model levels, as in CDO's
`ml2pl` and, for temperature, as in the IFS (documentation of CY25R1, part II, section 5.6; for wind its FULL-POS
takes the logarithm of pressure, part VI, section 2.4). Above the uppermost level the line through the two
uppermost goes on, as in CDO. Below the lowest level winds and scalars keep its value; temperature and
geopotential go on as `windrow.grib.underground` describes.

The geopotential is that of the hydrostatic equation in layers of constant virtual temperature, summed upward
from the ground: Φ = Φ_s + Σ R_d T_v ln(p_below / p_above) (IFS documentation, part III, equations 2.20 and
2.21), with the layer that holds the pressure cut off there. The α_k of equation 2.22 would lead from a half level
to the full level above it, from where one would have to interpolate; ln p leads to the pressure itself.

Fields are of shape (y, x), one at a time is read, and only the levels that some point needs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from windrow.errors import UserError
from windrow.grib.hybrid import Floats, Hybrid
from windrow.grib.underground import GAS_DRY, GAS_VAPOUR, geopotential_below, temperature_below

Reader = Callable[[str, int], Floats]  # the field of a short name on a model level

_LEAST_PA, _MOST_PA = 30000.0, 120000.0  # of the surface: lower than Everest's, higher than any


@dataclass(frozen=True, eq=False)
class _Wanted:
    """A pressure (Pa), the ground under it (Pa; m² s⁻², if known) and the model levels around it."""

    pressure: float
    hybrid: Hybrid
    surface_pressure: Floats
    surface_geopotential: Floats | None


def at_pressure(
    short_name: str,
    pressure_pa: float,
    hybrid: Hybrid,
    levels_available: Mapping[str, Collection[int]],
    read: Reader,
    *,
    surface_pressure: Floats,
    surface_geopotential: Floats | None,
) -> Floats:
    """One field at one pressure and one time, in the units of the levels.

    Parameters
    ----------
    short_name
        ECMWF's: `t`, `u`, `v`, `w`, `q` and others, or `z`, which is made from `t` and `q`.
    pressure_pa
        The pressure that is wanted, in Pa.
    hybrid
        The coefficients of the levels.
    levels_available
        The model levels that can be read, by short name.
    read
        Reads a field on a level; is called once for every field that is needed.
    surface_pressure
        In Pa; the exponential of `lnsp`.
    surface_geopotential
        In m² s⁻²; needed for `z`, and for `t` where the pressure is larger than that of the lowest level.

    Raises
    ------
    UserError
        If a level that is needed is not available, the surface geopotential is needed and missing, the pressure
        lies above the model's top, or the surface pressure cannot be one.
    """
    needed = needed_levels(short_name, pressure_pa, hybrid, surface_pressure=surface_pressure)
    _refuse_missing(f"{short_name} at {pressure_pa / 100:g} hPa", needed, levels_available)
    wanted = _Wanted(pressure_pa, hybrid, surface_pressure, surface_geopotential)
    if short_name == "z":
        return _geopotential(wanted, needed["t"], read)
    if short_name == "t":
        return _temperature(wanted, needed["t"], read)
    return _scalar(short_name, wanted, needed[short_name], read)


def needed_levels(
    short_name: str, pressure_pa: float, hybrid: Hybrid, *, surface_pressure: Floats
) -> dict[str, range]:
    """Which model levels of which short names make a field at a pressure, over this surface pressure.

    Raises
    ------
    UserError
        If the pressure lies above the model's top, or the surface pressure cannot be one.
    """
    least, most = float(surface_pressure.min()), float(surface_pressure.max())
    if not _LEAST_PA <= least <= most <= _MOST_PA:
        raise UserError(
            f"a surface pressure of {least:g} to {most:g} Pa cannot be one; see to lnsp or sp in the archive"
        )
    if pressure_pa <= 0 or hybrid.half(0, surface_pressure).max() > pressure_pa:
        top = float(hybrid.half(0, surface_pressure).max())
        raise UserError(
            f"{short_name} at {pressure_pa / 100:g} hPa lies above the model's top at {top / 100:g} hPa; "
            "choose a larger pressure"
        )
    last = hybrid.levels
    if short_name == "z":
        first = min(max(hybrid.half_above(pressure_pa, most), 1), last)
        return dict.fromkeys(("t", "q"), range(first, last + 1))
    above, below = (hybrid.full_above(pressure_pa, np.array(surface)).item() for surface in (most, least))
    return {short_name: range(max(above, 1), min(max(below, 1) + 1, last) + 1)}


def _refuse_missing(
    what: str, needed: Mapping[str, Iterable[int]], available: Mapping[str, Collection[int]]
) -> None:
    missing = {name: sorted(set(levels) - set(available.get(name, ()))) for name, levels in needed.items()}
    if lacking := [f"{name} on model levels {_listed(levels)}" for name, levels in missing.items() if levels]:
        raise UserError(
            f"{what} needs {' and '.join(lacking)}, which the archive lacks; "
            "fetch these levels, or choose another pressure"
        )


def _listed(levels: Iterable[int]) -> str:
    """`1, 6-10`: neighbours differ from their place in the order by the same number."""
    runs = [[level for _, level in run] for _, run in groupby(enumerate(levels), lambda pair: pair[1] - pair[0])]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _scalar(short_name: str, wanted: _Wanted, levels: range, read: Reader) -> Floats:
    """Every level's field times its share, which falls linearly in pressure to 0 at the levels around it."""
    upper = np.maximum(wanted.hybrid.full_above(wanted.pressure, wanted.surface_pressure), 1)
    share = _share_of_lower(wanted, upper, levels)
    result = np.zeros(wanted.surface_pressure.shape)
    for level in levels:
        field = read(short_name, level)
        for here, weight in ((upper == level, 1.0 - share), (upper == level - 1, share)):
            result[here] += weight[here] * field[here]
    return result


def _share_of_lower(wanted: _Wanted, upper: npt.NDArray[np.intp], levels: range) -> Floats:
    """How far the pressure lies from the upper level (0) to the next one (1); 0 below the lowest one."""
    share = np.zeros(wanted.surface_pressure.shape)
    for level in levels:
        if level < wanted.hybrid.levels and (here := upper == level).any():
            above, below = (
                wanted.hybrid.full(number, wanted.surface_pressure[here]) for number in (level, level + 1)
            )
            share[here] = (wanted.pressure - above) / (below - above)
    return share


def _temperature(wanted: _Wanted, levels: range, read: Reader) -> Floats:
    result = _scalar("t", wanted, levels, read)
    lowest = wanted.hybrid.full(wanted.hybrid.levels, wanted.surface_pressure)
    if (low := lowest < wanted.pressure).any():
        geopotential = _ground(wanted, "t")
        result[low] = temperature_below(
            wanted.pressure, result[low], lowest[low], wanted.surface_pressure[low], geopotential[low]
        )
    return result


def _geopotential(wanted: _Wanted, levels: range, read: Reader) -> Floats:
    ground = _ground(wanted, "z")
    lowest = np.empty(0)
    result = ground.copy()
    for level in reversed(levels):
        temperature = read("t", level)
        if level == wanted.hybrid.levels:
            lowest = temperature
        virtual = temperature * (1.0 + (GAS_VAPOUR / GAS_DRY - 1.0) * read("q", level))
        result += GAS_DRY * virtual * _depth(wanted, level)
    if (below := wanted.surface_pressure < wanted.pressure).any():
        level_pressure = wanted.hybrid.full(wanted.hybrid.levels, wanted.surface_pressure[below])
        result[below] = geopotential_below(
            wanted.pressure, lowest[below], level_pressure, wanted.surface_pressure[below], ground[below]
        )
    return result


def _depth(wanted: _Wanted, level: int) -> Floats:
    """Difference of ln p over that part of a layer that lies under the wanted pressure surface."""
    above, below = (
        np.maximum(wanted.hybrid.half(number, wanted.surface_pressure), wanted.pressure)
        for number in (level - 1, level)
    )
    return np.asarray(np.log(below / above))


def _ground(wanted: _Wanted, short_name: str) -> Floats:
    if wanted.surface_geopotential is None:
        place = "" if short_name == "z" else ", which lies below the lowest model level at some points,"
        raise UserError(
            f"{short_name} at {wanted.pressure / 100:g} hPa{place} needs the surface geopotential, which the archive "
            "lacks; add z on model level 1 or at the surface"
        )
    return wanted.surface_geopotential
