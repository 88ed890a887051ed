"""The sample's atmosphere: a few equations that give the weather of every hour.

It is no reanalysis and claims to be none. The equations hold on a plane around 47 N, 9 E (x eastward,
y northward, f = 1.07e-4 s⁻¹), whose edges lie 4.2 degrees outside the archive's grid.

**Pressure** at sea level is a westerly flow U, of 12 to 15 m/s, and Rossby waves, drawn anew for every year:
p = 101500 Pa − ρ f U y + Re Σ P exp i(kx + ly − ωt), ω = k (U − β / (k² + l²)), ρ = 1.25 kg m⁻³,
β = 1.56e-11 m⁻¹ s⁻¹. The wind that carries air is geostrophic: u = −∂p/∂y / ρf, v = ∂p/∂x / ρf.
`BANDS` lists the lengths of the waves and their amplitudes.

**The air mass**, the temperature A reduced to sea level, is carried by that wind and relaxed:
dA/dt = (A* − A) / 60 h, A* = 276 K + 9 K (1 − cos(2π (d − 20) / 365.25)) − 5.5e-6 K m⁻¹ y + 4 K over sea,
d the day of the year. Air that comes in over the edges has A* of land and the waves' linear solution,
5.5e-6 K m⁻¹ v / (1 / 60 h + i (kU − ω)), and with them thermal waves that have no pressure.

**Cloud** is C = 1 / (1 + exp −q), and q is carried too: dq/dt = (q* − q) / 6 h, where
q* = 0.1 − p' / 700 Pa + 12 s m⁻¹ (u ∂h/∂x + v ∂h/∂y) + waves of its own, over ground of height h (m);
p' is the pressure of the waves. Over the edges comes q* of level ground.

**The ground** cools and warms the lowest air by S, which stays in its place: dS/dt = (S* − S) / 3 h,
S* = g (28 K max(cos Z, 0) (1 − 0.65 C) − 6 K (1 − 0.75 C)), where Z is the sun's zenith angle, and g is 1
over land and 0.1 over sea.

**What is written**: `2t` = A − Γh + S, Γ = 0.0065 K m⁻¹; `tcc` = C; `msl` = p; `10u`, `10v`: the wind, times
0.55 (sea 0.75), turned left by 30 degrees (sea 15); `z` = g h; `lsm`: 1 over land, 0 over sea; `lnsp` = ln p_s,
p_s = p (1 − Γh / A)^(g / RΓ); `t` = A (p_l / p)^(RΓ / g) + S exp(−d / 400 m) at p_l = a + b p_s, d the height
over the ground.
Mountains are flattened, h < 1000 m, so that 850 hPa lies between two of the written levels at every point.

Steps are hourly and semi-Lagrangian: the wind half an hour ago, bilinear interpolation, exact relaxation.
"""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from windrow.sample.ground import HALO, Floats, Ground, ground_with_halo

Complexes = npt.NDArray[np.complex128]

HALF_LEVEL_A_PA = (9000.0, 5500.0, 2800.0, 1200.0, 300.0, 0.0)
HALF_LEVEL_B = (0.52, 0.66, 0.78, 0.88, 0.97, 1.0)
LEVELS = (1, 2, 3, 4, 5)  # all of them, from the top: the layers from about 610 hPa to the ground

_SPONGE = 8  # the outermost points of the halo, which are held to what comes in
_STEP_SECONDS = 3600.0
_SPIN_UP_HOURS = 96
_F, _BETA, _AIR_DENSITY, _GAS, _GRAVITY, _LAPSE = 1.07e-4, 1.56e-11, 1.25, 287.05, 9.80665, 0.0065
_MEAN_PRESSURE_PA, _AIR_K, _SEASON_K, _SOUTHWARD_K_M, _SEA_K = 101500.0, 276.0, 9.0, 5.5e-6, 4.0
_AIR_SECONDS, _CLOUD_SECONDS, _GROUND_SECONDS = 60 * 3600.0, 6 * 3600.0, 3 * 3600.0
_CLOUD, _CLOUD_PRESSURE_PA, _CLOUD_UPSLOPE = 0.1, 700.0, 12.0
_SUN_K, _SUN_DIMMED, _NIGHT_K, _NIGHT_DIMMED, _SEA_SHARE = 28.0, 0.65, 6.0, 0.75, 0.1
_INVERSION_M = 400.0


class Band(NamedTuple):
    """Waves of one kind: lengths (km) and what they amount to together, as root mean squares."""

    number: int
    shortest_km: float
    longest_km: float
    pressure_pa: float
    temperature_k: float
    cloud: float


BANDS = (
    Band(6, 4000.0, 7000.0, 700.0, 0.0, 0.0),
    Band(6, 1400.0, 2600.0, 25.0, 0.5, 0.4),
    Band(10, 650.0, 1200.0, 0.0, 1.1, 0.8),
)


@dataclass(frozen=True)
class Waves:
    """A year's westerly (m/s) and waves: wave numbers (m⁻¹) and frequencies (s⁻¹), each (wave,).

    `amplitudes`, (5, wave), complex, at `epoch`: pressure (Pa), u and v (m/s), air mass (K), cloud.
    """

    epoch: dt.datetime
    westerly: float
    eastward: Floats
    northward: Floats
    frequency: Floats
    amplitudes: Complexes


class Flow(NamedTuple):
    """Pressure (y, x), wind (2, y, x), and air mass and cloud as they come in over the edges (2, y, x)."""

    pressure: Floats
    wind: Floats
    incoming: Floats


class State(NamedTuple):
    """An hour: air mass and cloud, which are carried (2, y, x), the ground's S (y, x), and the flow."""

    carried: Floats
    surface: Floats
    flow: Flow


def simulate(year: int, month: int, *, days: int | None = None, seed: int = 1) -> Iterator[dict[str, Floats]]:
    """The fields of every hour of a month, from north to south.

    The keys are `2t`, `tcc`, `msl`, `10u`, `10v`, `lnsp` and `z`, (y, x), and `t`, (level, y, x), in GRIB's units.
    """
    ground = ground_with_halo()
    waves = draw_waves(year, seed=seed)
    hours = hours_of(year, month, days=days)
    state: State | None = None
    for lead in range(-_SPIN_UP_HOURS, len(hours)):
        time = hours[0] + dt.timedelta(hours=lead)
        state = _first_state(time, waves, ground) if state is None else _step(state, time, waves, ground)
        if lead >= 0:
            yield _cropped(_diagnose(state, ground))


def hours_of(year: int, month: int, *, days: int | None = None) -> list[dt.datetime]:
    """The hours of a month, or of its first days."""
    length = monthrange(year, month)[1]
    first = dt.datetime(year, month, 1)
    return [first + dt.timedelta(hours=hour) for hour in range(24 * min(length, days or length))]


def draw_waves(year: int, *, seed: int) -> Waves:
    """Draw a year's westerly and its waves.

    The air mass of a wave with pressure is the linear solution: what its wind brings from north and south.
    """
    rng = np.random.default_rng([seed, year])
    westerly = rng.uniform(12.0, 15.0)
    drawn = [_draw_band(band, rng) for band in BANDS]
    number, bearing = (np.concatenate(part) for part in zip(*(waves[:2] for waves in drawn), strict=True))
    pressure, temperature, cloud = np.concatenate([waves[2] for waves in drawn], axis=1)
    east, north = number * np.cos(bearing), number * np.sin(bearing)
    lag = east * _BETA / number**2
    u, v = 1j * np.stack([-north, east]) / (_AIR_DENSITY * _F) * pressure
    air = temperature + v * _SOUTHWARD_K_M / (1.0 / _AIR_SECONDS + 1j * lag)
    amplitudes = np.stack([pressure, u, v, air, cloud - pressure / _CLOUD_PRESSURE_PA])
    return Waves(dt.datetime(year, 1, 1), westerly, east, north, east * westerly - lag, amplitudes)


def _draw_band(band: Band, rng: np.random.Generator) -> tuple[Floats, Floats, Complexes]:
    """Wave numbers (m⁻¹), bearings (radians from east), (wave,), and amplitudes at the epoch, (3, wave).

    The lengths are spread over the band, so that no year lacks the short or the long ones.
    """
    share = (np.arange(band.number) + rng.uniform(size=band.number)) / band.number
    length = 1e3 * band.shortest_km * (band.longest_km / band.shortest_km) ** share
    bearing = rng.uniform(-0.6, 0.6, band.number)
    phase = rng.uniform(0.0, 2.0 * np.pi, (3, band.number))
    together = np.array([[band.pressure_pa], [band.temperature_k], [band.cloud]])
    return 2.0 * np.pi / length, bearing, np.sqrt(2.0 / band.number) * together * np.exp(1j * phase)


def _first_state(time: dt.datetime, waves: Waves, ground: Ground) -> State:
    flow = _flow(time, waves, ground)
    return State(flow.incoming, np.zeros(ground.land.shape), flow)


def _step(state: State, time: dt.datetime, waves: Waves, ground: Ground) -> State:
    """One hour on, to `time`."""
    carrying = _flow(time - dt.timedelta(seconds=_STEP_SECONDS / 2), waves, ground).wind
    flow = _flow(time, waves, ground)
    air, cloud = _carried(state.carried, carrying, ground)
    air = _relaxed(air, _air_at_rest(time, ground) + _SEA_K * ~ground.land, _AIR_SECONDS)
    upslope = (flow.wind * ground.slope).sum(axis=0)
    cloud = _relaxed(cloud, flow.incoming[1] + _CLOUD_UPSLOPE * upslope, _CLOUD_SECONDS)
    carried = np.stack([air, cloud])
    carried += _sponge(*ground.land.shape) * (flow.incoming - carried)
    surface = _relaxed(state.surface, _surface_at_rest(time, carried[1], ground), _GROUND_SECONDS)
    return State(carried, surface, flow)


def _flow(time: dt.datetime, waves: Waves, ground: Ground) -> Flow:
    turned = waves.amplitudes * np.exp(-1j * waves.frequency * (time - waves.epoch).total_seconds())
    east = np.exp(1j * waves.eastward[:, None] * ground.x)
    north = np.exp(1j * waves.northward * ground.y[:, None])
    pressure, u, v, air, cloud = _real_product(north * turned[:, None, :], east)
    westerly_pressure = _AIR_DENSITY * _F * waves.westerly * ground.y[:, None]
    return Flow(
        pressure=pressure + _MEAN_PRESSURE_PA - westerly_pressure,
        wind=np.stack([u + waves.westerly, v]),
        incoming=np.stack([air + _air_at_rest(time, ground), cloud + _CLOUD]),
    )


def _real_product(left: Complexes, right: Complexes) -> Floats:
    """Real part of left @ right, (field, y, wave) and (wave, x), in the calling thread.

    `@` would start BLAS's threads: ten times slower on busy cores, and the rounding depends on their number.
    """
    parts = np.concatenate([left.real, -left.imag], axis=-1), np.concatenate([right.real, right.imag])
    return np.asarray(np.einsum("fyw,wx->fyx", *parts))


def _carried(fields: Floats, wind: Floats, ground: Ground) -> Floats:
    """Values from where the air was a step ago, bilinear between points (fields, y, x)."""
    dx, dy = ground.x[1] - ground.x[0], ground.y[1] - ground.y[0]
    ny, nx = ground.land.shape
    row = np.clip(np.arange(ny)[:, None] - wind[1] * _STEP_SECONDS / dy, 0.0, ny - 1.001)
    column = np.clip(np.arange(nx) - wind[0] * _STEP_SECONDS / dx, 0.0, nx - 1.001)
    j, i = row.astype(np.intp), column.astype(np.intp)
    y, x = row - j, column - i
    south = fields[:, j, i] * (1.0 - x) + fields[:, j, i + 1] * x
    north = fields[:, j + 1, i] * (1.0 - x) + fields[:, j + 1, i + 1] * x
    return np.asarray(south * (1.0 - y) + north * y)


def _relaxed(values: Floats, target: Floats, seconds: float) -> Floats:
    return np.asarray(target + (values - target) * np.exp(-_STEP_SECONDS / seconds))


def _sponge(ny: int, nx: int) -> Floats:
    """How strongly points are held to what comes in: 1 at the edge, 0 from `_SPONGE` points inward."""
    rows, columns = (np.minimum(np.arange(size), np.arange(size)[::-1]) for size in (ny, nx))
    return np.clip(1.0 - np.minimum(rows[:, None], columns) / _SPONGE, 0.0, 1.0)


def _air_at_rest(time: dt.datetime, ground: Ground) -> Floats:
    """A* of land, (y, x)."""
    season = _SEASON_K * (1.0 - np.cos(2.0 * np.pi * (_day_of_year(time) - 20.0) / 365.25))
    return np.broadcast_to(_AIR_K + season - _SOUTHWARD_K_M * ground.y[:, None], ground.land.shape)


def _surface_at_rest(time: dt.datetime, cloud: Floats, ground: Ground) -> Floats:
    """S*, (y, x)."""
    cover = _logistic(cloud)
    sun = _SUN_K * np.maximum(cos_zenith(time, ground.latitude, ground.longitude), 0.0)
    both = sun * (1.0 - _SUN_DIMMED * cover) - _NIGHT_K * (1.0 - _NIGHT_DIMMED * cover)
    return np.asarray(np.where(ground.land, 1.0, _SEA_SHARE) * both)


def cos_zenith(time: dt.datetime, latitude: Floats, longitude: Floats) -> Floats:
    """Cosine of the sun's zenith angle, (y, x): Cooper's (1969) declination, no equation of time."""
    declination = np.radians(23.45) * np.sin(2.0 * np.pi * (284.0 + _day_of_year(time)) / 365.0)
    hour_angle = np.radians(15.0 * (time.hour + time.minute / 60.0 - 12.0) + longitude)
    y = np.radians(latitude)[:, None]
    return np.asarray(np.sin(y) * np.sin(declination) + np.cos(y) * np.cos(declination) * np.cos(hour_angle))


def _diagnose(state: State, ground: Ground) -> dict[str, Floats]:
    pressure, wind, _ = state.flow
    air = state.carried[0]
    at_ground = pressure * (1.0 - _LAPSE * ground.height / air) ** (_GRAVITY / (_GAS * _LAPSE))
    east, north = _wind_at_10m(wind, ground)
    return {
        "2t": air - _LAPSE * ground.height + state.surface,
        "tcc": _logistic(state.carried[1]),
        "msl": pressure,
        "10u": east,
        "10v": north,
        "t": _level_temperature(state, pressure, at_ground, ground),
        "lnsp": np.log(at_ground),
        "z": _GRAVITY * ground.height,
        "lsm": ground.land.astype(np.float64),
    }


def _wind_at_10m(wind: Floats, ground: Ground) -> tuple[Floats, Floats]:
    turn = np.radians(np.where(ground.land, 30.0, 15.0))
    turned = np.where(ground.land, 0.55, 0.75) * np.exp(1j * turn) * (wind[0] + 1j * wind[1])
    return turned.real, turned.imag


def level_pressure(surface_pressure: Floats) -> Floats:
    """Pressure of the written levels in Pa, (level, y, x), half-way between the half levels."""
    a, b = (np.convolve(values, [0.5, 0.5], "valid") for values in (HALF_LEVEL_A_PA, HALF_LEVEL_B))
    chosen = np.array(LEVELS) - 1
    return np.asarray(a[chosen, None, None] + b[chosen, None, None] * surface_pressure)


def _level_temperature(state: State, sea_level: Floats, at_ground: Floats, ground: Ground) -> Floats:
    air = state.carried[0]
    free = air * (level_pressure(at_ground) / sea_level) ** (_GAS * _LAPSE / _GRAVITY)
    height = (air - free) / _LAPSE - ground.height
    return np.asarray(free + state.surface * np.exp(-height / _INVERSION_M))


def _cropped(fields: dict[str, Floats]) -> dict[str, Floats]:
    return {name: values[..., HALO:-HALO, HALO:-HALO][..., ::-1, :] for name, values in fields.items()}


def _day_of_year(time: dt.datetime) -> float:
    return (time - dt.datetime(time.year, 1, 1)) / dt.timedelta(days=1) + 1.0


def _logistic(values: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-values)))
