"""Pressure levels against CDO, against closed formulas and against what must hold in any atmosphere.

CDO 2.1 follows the same rules and differs in two places. Where the ground lies at or below sea level, it keeps the
temperature T* under it, where Trenberth et al. (1993) go on with 6.5 K/km: a test shows the difference. And its
reduction to sea level knows no limit of 290.5 K for colder ground: these columns are left out.
"""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import eccodes
import netCDF4
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.errors import UserError
from windrow.grib.hybrid import Hybrid
from windrow.grib.underground import geopotential_below, temperature_below
from windrow.grib.vertical import at_pressure, needed_levels
from windrow.sample import write_sample

Floats = npt.NDArray[np.float64]
Fields = dict[tuple[str, int], Floats]

NUMBERS = {"t": 130, "u": 131, "v": 132, "q": 133, "w": 135, "lnsp": 152, "z": 129}
A = (0.0, 2000.0, 6000.0, 12000.0, 14000.0, 12500.0, 9000.0, 5500.0, 2800.0, 1200.0, 300.0, 20.0, 0.0)
B = (0.0, 0.0, 0.01, 0.06, 0.18, 0.34, 0.52, 0.66, 0.78, 0.88, 0.97, 0.996, 1.0)
HYBRID = Hybrid(np.array(A), np.array(B))
LOWEST = 12
G, RD = 9.80665, 287.0597
ALPHA = 0.0065 * RD / G

needs_cdo = pytest.mark.skipif(shutil.which("cdo") is None, reason="cdo, to compare with, is not installed")


@dataclass
class Columns:
    """Fields on model levels, and what was read of them."""

    fields: Fields
    hybrid: Hybrid = HYBRID
    read: list[tuple[str, int]] = field(default_factory=list)

    @property
    def surface_pressure(self) -> Floats:
        return np.exp(self.fields["lnsp", 1])

    @property
    def levels(self) -> Mapping[str, list[int]]:
        names = {name for name, _ in self.fields}
        return {name: [level for other, level in self.fields if other == name] for name in names}

    def at(self, name: str, pressure: float, *, with_ground: bool = True) -> Floats:
        def read(name: str, level: int) -> Floats:
            self.read.append((name, level))
            return self.fields[name, level]

        return at_pressure(
            name,
            pressure,
            self.hybrid,
            self.levels,
            read,
            surface_pressure=self.surface_pressure,
            surface_geopotential=self.fields["z", 1] if with_ground else None,
        )


def columns(
    surface_pressure: Floats, profiles: Mapping[str, Callable[[Floats], Floats]], *, ground: float = 0.0
) -> Columns:
    """Fields that are functions of pressure, over ground of one geopotential."""
    fields = {("lnsp", 1): np.log(surface_pressure), ("z", 1): np.full(surface_pressure.shape, ground)}
    for level in range(1, LOWEST + 1):
        for name, profile in profiles.items():
            fields[name, level] = profile(_full_pressure(level, surface_pressure))
    return Columns(fields)


def _full_pressure(level: int, surface_pressure: Floats) -> Floats:
    return (A[level - 1] + A[level] + (B[level - 1] + B[level]) * surface_pressure) / 2


def _message(name: str, level: int, values: Floats) -> bytes:
    handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib1")
    ny, nx = values.shape
    keys = {
        "centre": "ecmf",
        "table2Version": 128,
        "indicatorOfParameter": NUMBERS[name],
        "dataDate": 20070101,
        "typeOfLevel": "hybrid",
        "level": level,
        "Ni": nx,
        "Nj": ny,
        "latitudeOfFirstGridPointInDegrees": 60.0,
        "latitudeOfLastGridPointInDegrees": 61.0 - ny,
        "longitudeOfFirstGridPointInDegrees": 0.0,
        "longitudeOfLastGridPointInDegrees": nx - 1.0,
        "iDirectionIncrementInDegrees": 1.0,
        "jDirectionIncrementInDegrees": 1.0,
        "bitsPerValue": 24,
        "PVPresent": 1,
    }
    for key, value in keys.items():
        eccodes.codes_set(handle, key, value)
    eccodes.codes_set_double_array(handle, "pv", [*A, *B])
    eccodes.codes_set_values(handle, values.ravel())
    content = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return content


def _columns_of(path: Path) -> Columns:
    fields, pv = {}, None
    with path.open("rb") as stream:
        while (handle := eccodes.codes_grib_new_from_file(stream)) is not None:
            shape = eccodes.codes_get(handle, "Nj"), eccodes.codes_get(handle, "Ni")
            place = eccodes.codes_get(handle, "shortName"), eccodes.codes_get(handle, "level")
            fields[place] = eccodes.codes_get_values(handle).reshape(shape)
            pv = eccodes.codes_get_array(handle, "pv")
            eccodes.codes_release(handle)
    return Columns(fields, Hybrid.from_pv(pv))


def _cdo(operator: str, source: Path, target: Path) -> dict[str, npt.NDArray[np.float64]]:
    """What an operator makes of a file: by name, (level, y, x), NaN where values are missing."""
    command = ["cdo", "-s", "--double", "-f", "nc4", "-b", "F64", operator, str(source), str(target)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    with netCDF4.Dataset(target) as file:
        fields = {name: variable[0] for name, variable in file.variables.items() if variable.ndim >= 3}
        return {name: np.ma.filled(np.ma.asarray(values, dtype=float), np.nan) for name, values in fields.items()}


@pytest.fixture(scope="module")
def plateau(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noisy columns of 225 to 318 K over ground of 0 to 4000 m and one column below sea level, packed in 24 bits."""
    rng = np.random.default_rng(3)
    height = np.broadcast_to(np.linspace(0.0, 4000.0, 13), (12, 13)).copy()
    height[5, 0] = -300.0
    warmth = np.broadcast_to(np.linspace(225.0, 318.0, 12)[:, None], height.shape)
    surface = 101000.0 * (1 - 0.0065 * height / 288.0) ** 5.2559 + rng.normal(0, 800.0, height.shape)
    fields = {("lnsp", 1): np.log(surface), ("z", 1): G * height}
    for level in range(1, LOWEST + 1):
        ratio = _full_pressure(level, surface) / surface
        cold = np.maximum(warmth - 0.0065 * height, 215.0)
        fields["t", level] = cold * np.maximum(ratio, 0.3) ** 0.19 + rng.normal(0, 0.3, height.shape)
        fields["q", level] = 0.015 * ratio**3 * rng.uniform(0.5, 1.0, height.shape)
        for name in "uvw":
            fields[name, level] = rng.normal(0, 10.0, height.shape)
    path = tmp_path_factory.mktemp("plateau") / "levels.grb"
    path.write_bytes(b"".join(_message(name, level, values) for (name, level), values in fields.items()))
    return path


PRESSURES = (500.0, 2500.0, 30000.0, 50000.0, 62000.0, 70000.0, 78000.0, 85000.0, 92500.0, 100000.0, 105000.0)


@pytest.fixture(scope="module")
def by_cdo(plateau: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Floats]:
    operator = "ml2plx," + ",".join(f"{pressure:g}" for pressure in PRESSURES)
    return _cdo(operator, plateau, tmp_path_factory.mktemp("cdo") / "pressure.nc")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample")
    write_sample(root, years=(2007,), days=1)
    return root / "2007/01/2007010113_ml.grb"


@needs_cdo
@pytest.mark.parametrize("pressure", [65000.0, 70000.0, 85000.0, 92500.0, 100000.0])
def test_temperature_of_the_sample_is_that_of_cdo_above_the_ground(
    sample: Path, tmp_path: Path, pressure: float
) -> None:
    found = _columns_of(sample)
    ours, theirs = found.at("t", pressure), _cdo(f"ml2pl,{pressure:g}", sample, tmp_path / "t.nc")["t"][0]
    above = found.surface_pressure >= pressure
    assert np.array_equal(np.isfinite(theirs), above)
    np.testing.assert_allclose(ours[above], theirs[above], rtol=0, atol=1e-5)
    assert above.all() or pressure > 88000.0


@needs_cdo
@pytest.mark.parametrize("name", ["u", "v", "w", "q"])
def test_wind_and_humidity_are_those_of_cdo_above_and_below_the_ground(
    plateau: Path, by_cdo: dict[str, Floats], name: str
) -> None:
    found = _columns_of(plateau)
    for pressure, theirs in zip(PRESSURES, by_cdo[name], strict=True):
        np.testing.assert_allclose(found.at(name, pressure), theirs, rtol=1e-11, atol=1e-12)


@needs_cdo
def test_temperature_is_that_of_cdo_in_hot_and_cold_columns_on_high_and_low_ground(
    plateau: Path, by_cdo: dict[str, Floats]
) -> None:
    found = _columns_of(plateau)
    surface, land = found.surface_pressure, found.fields["z", 1] > 1.0
    near_ground = 0
    for pressure, theirs in zip(PRESSURES, by_cdo["t"], strict=True):
        ours = found.at("t", pressure)
        above = surface >= pressure
        near_ground += np.count_nonzero(above & (_full_pressure(LOWEST, surface) < pressure))
        np.testing.assert_allclose(ours[above], theirs[above], rtol=0, atol=1e-6)
        np.testing.assert_allclose(ours[~above & land], theirs[~above & land], rtol=0, atol=1e-5)
    assert near_ground >= 2


@needs_cdo
def test_cdo_keeps_the_temperature_under_the_sea_where_the_lapse_rate_goes_on(
    plateau: Path, by_cdo: dict[str, Floats]
) -> None:
    found = _columns_of(plateau)
    surface, low = found.surface_pressure, found.fields["z", 1] < 1.0
    theirs = by_cdo["t"][PRESSURES.index(105000.0)]
    expected = theirs * (105000.0 / surface) ** ALPHA  # hydrostatic, from T* with a constant lapse rate
    below = low & (surface < 105000.0)
    assert np.count_nonzero(below) >= 10
    np.testing.assert_allclose(found.at("t", 105000.0)[below], expected[below], rtol=0, atol=1e-4)


@needs_cdo
def test_geopotential_at_half_levels_is_that_of_cdo(plateau: Path, tmp_path: Path) -> None:
    found = _columns_of(plateau)
    (heights,) = _cdo("gheighthalf", plateau, tmp_path / "half.nc").values()
    theirs = G * heights
    surface, ground = found.surface_pressure, found.fields["z", 1]
    for row, column in ((0, 0), (3, 12), (11, 5), (8, 2)):
        here = np.s_[row : row + 1, column : column + 1]
        point = Columns({place: values[here] for place, values in found.fields.items()})
        for half in range(1, LOWEST):
            ours = point.at("z", A[half] + B[half] * surface[row, column]).item()
            thickness = theirs[half, row, column] - ground[row, column]
            assert ours - ground[row, column] == pytest.approx(thickness, rel=1e-5)


@needs_cdo
def test_geopotential_is_zero_where_cdo_finds_sea_level(plateau: Path, tmp_path: Path) -> None:
    """The reduction to sea level has the same T* and α, solved for the pressure: a series of the same order."""
    found = _columns_of(plateau)
    (sea_pressure,) = _cdo("sealevelpressure", plateau, tmp_path / "sea.nc").values()
    surface, ground = found.surface_pressure, found.fields["z", 1]
    lowest, pressure = found.fields["t", LOWEST], _full_pressure(LOWEST, surface)
    at_surface = lowest * (1 + ALPHA * (surface / pressure - 1))
    at_sea = at_surface + 0.0065 * ground / G
    compared = 0
    for place in zip(*np.nonzero((ground > 1.0) & ((at_sea < 290.5) | (at_surface > 290.5))), strict=True):
        parts = (values[place].reshape(1) for values in (lowest, pressure, surface, ground))
        ours = geopotential_below(sea_pressure[place].item(), *parts).item()
        assert ours == pytest.approx(0.0, abs=1e-3 * ground[place] + 1e-2)
        compared += 1
    assert compared > 70


def test_geopotential_of_an_isothermal_atmosphere_is_exact() -> None:
    surface = np.array([[101325.0, 98000.0]])
    dry = columns(surface, {"t": lambda p: np.full(p.shape, 250.0), "q": np.zeros_like}, ground=500.0)
    for pressure in (1000.0, 30000.0, 50000.0, 85000.0, 97900.0):
        exact = 500.0 + RD * 250.0 * np.log(surface / pressure)
        np.testing.assert_allclose(dry.at("z", pressure), exact, rtol=1e-12)


def test_humid_air_is_lighter() -> None:
    surface = np.array([[101325.0]])
    profiles = {"t": lambda p: np.full(p.shape, 290.0), "q": lambda p: np.full(p.shape, 0.01)}
    exact = RD * 290.0 * (1 + 0.01 * (461.525 / RD - 1)) * np.log(surface / 70000.0)
    np.testing.assert_allclose(columns(surface, profiles).at("z", 70000.0), exact, rtol=1e-12)


def test_geopotential_of_the_standard_atmosphere_is_right_to_a_few_metres_in_thick_layers() -> None:
    surface = np.array([[101325.0]])
    standard = columns(surface, {"t": lambda p: 288.15 * (p / 101325.0) ** ALPHA, "q": np.zeros_like})
    for pressure, height in ((85000.0, 1457.0), (70000.0, 3012.0), (50000.0, 5574.0)):  # ICAO's tables
        assert standard.at("z", pressure).item() / G == pytest.approx(height, abs=6.0)


def test_a_profile_that_is_linear_in_pressure_is_kept_and_its_lowest_value_held() -> None:
    surface = np.array([[101325.0, 84000.0, 60000.0]])
    wind = columns(surface, {"u": lambda p: 40.0 - p / 2500.0})
    lowest = _full_pressure(LOWEST, surface)
    for pressure in (500.0, 20000.0, 50000.0, 85000.0, 102000.0):
        expected = 40.0 - np.minimum(pressure, lowest) / 2500.0
        np.testing.assert_allclose(wind.at("u", pressure, with_ground=False), expected, atol=1e-12)


@given(
    values=st.lists(st.floats(-100.0, 400.0), min_size=LOWEST, max_size=LOWEST),
    surface=st.floats(45000.0, 105000.0),
    share=st.floats(0.0, 1.0),
)
def test_above_the_ground_values_lie_between_those_of_the_levels_around(
    values: list[float], surface: float, share: float
) -> None:
    pressures = [_full_pressure(level, np.array([[surface]])).item() for level in range(1, LOWEST + 1)]
    fields = {("lnsp", 1): np.array([[np.log(surface)]])}
    fields |= {("t", level + 1): np.array([[value]]) for level, value in enumerate(values)}
    wanted = pressures[0] + share * (pressures[-1] - pressures[0]) * (1 - 1e-9)
    found = Columns(fields).at("t", wanted, with_ground=False).item()
    upper = max(np.searchsorted(pressures, wanted) - 1, 0)
    low, high = sorted(values[upper : upper + 2])
    assert low - 1e-9 <= found <= high + 1e-9


@given(
    temperature=st.floats(200.0, 325.0),
    height=st.floats(-400.0, 5000.0),
    surface=st.floats(50000.0, 104000.0),
    depth=st.floats(1.0, 1.6),
)
def test_below_the_ground_it_is_not_colder_and_never_higher(
    temperature: float, height: float, surface: float, depth: float
) -> None:
    column = [np.array([value]) for value in (temperature, 0.998 * surface, surface, G * height)]
    at_surface = temperature * (1 + ALPHA * (1 / 0.998 - 1))
    assert temperature_below(depth * surface, *column).item() >= at_surface - 1e-9 or depth == 1.0
    assert geopotential_below(depth * surface, *column).item() <= G * height + 1e-9


@pytest.mark.parametrize(
    ("temperature", "height", "at_surface", "alpha"),
    [
        (270.0, 500.0, 270.0, ALPHA),
        (270.0, 0.0, 270.0, ALPHA),
        (240.0, 500.0, 247.5, ALPHA),  # half-way to 255 K
        (300.0, 500.0, 295.25, 0.0),  # half-way to 290.5 K, and no lapse rate
        (288.0, 1000.0, 288.0, RD * 2.5 / (G * 1000.0)),  # 290.5 K at sea level
    ],
)
def test_geopotential_below_the_ground_follows_each_rule(
    temperature: float, height: float, at_surface: float, alpha: float
) -> None:
    """The closed integral of T = T* (p / p_s)^α, of which the rule is the series."""
    surface, pressure = 90000.0, 95000.0
    column = (np.array([value]) for value in (temperature, surface, surface, G * height))
    depth = np.log(pressure / surface)
    thickness = np.expm1(alpha * depth) / alpha if alpha else depth
    exact = G * height - RD * at_surface * thickness
    assert geopotential_below(pressure, *column).item() == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize(
    ("temperature", "height", "at_sea"),
    [
        (270.0, 1500.0, 270.0 + 9.75),
        (288.0, 2250.0, (288.0 + 14.625 + 298.0) / 2),  # between 2000 m and 2500 m the limit comes in
        (288.0, 3000.0, 298.0),
        (299.0, 3000.0, 299.0),  # already above the limit: no lapse rate
    ],
)
def test_temperature_below_the_ground_follows_each_rule(temperature: float, height: float, at_sea: float) -> None:
    surface, pressure = 70000.0, 75000.0
    level_pressure = surface * (1 - 1e-9)
    column = (np.array([value]) for value in (temperature, level_pressure, surface, G * height))
    exact = temperature * (pressure / surface) ** (RD * (at_sea - temperature) / (G * height))
    assert temperature_below(pressure, *column).item() == pytest.approx(exact, abs=1e-4)


def test_only_the_levels_that_some_point_needs_are_read_and_each_once() -> None:
    surface = np.array([[101325.0, 97000.0]])
    air = columns(surface, {name: lambda p: 280.0 + 0 * p for name in ("t", "q")})
    pressures = [_full_pressure(level, surface)[0] for level in (8, 9, 10)]
    assert pressures[0].max() < 85000.0  # levels 8 and 9 lie around 850 hPa at the one point,
    assert pressures[1][1] < 85000.0 < min(pressures[1][0], pressures[2][1])  # 9 and 10 at the other
    assert needed_levels("t", 85000.0, HYBRID, surface_pressure=surface) == {"t": range(8, 11)}
    air.at("t", 85000.0)
    assert air.read == [("t", 8), ("t", 9), ("t", 10)]
    air.read.clear()
    air.at("z", 85000.0)  # the layer of level 9 reaches down to 884 hPa and 866 hPa
    assert sorted(air.read) == [(name, level) for name in ("q", "t") for level in (9, 10, 11, 12)]


def test_under_the_ground_everywhere_the_lowest_level_is_enough() -> None:
    air = columns(np.array([[80000.0]]), {"t": lambda p: 280.0 + 0 * p, "q": np.zeros_like}, ground=19000.0)
    air.at("t", 85000.0)
    assert air.read == [("t", LOWEST)]
    air.at("z", 85000.0)
    assert sorted(air.read[1:]) == [("q", LOWEST), ("t", LOWEST)]


def test_the_surface_geopotential_is_not_needed_above_the_lowest_level() -> None:
    air = columns(np.array([[101325.0]]), {"t": lambda p: 280.0 + 0 * p, "q": np.zeros_like})
    assert air.at("t", 85000.0, with_ground=False).item() == pytest.approx(280.0)
    with pytest.raises(UserError, match=r"t at 1013 hPa, which lies below the lowest model level .* add z"):
        air.at("t", 101300.0, with_ground=False)
    with pytest.raises(UserError, match="z at 850 hPa needs the surface geopotential"):
        air.at("z", 85000.0, with_ground=False)


def test_levels_that_the_archive_lacks_are_named() -> None:
    air = columns(np.array([[101325.0]]), {"t": lambda p: 280.0 + 0 * p})
    for level in (5, 6, 9):
        del air.fields["t", level]
    with pytest.raises(UserError, match=r"u at 850 hPa needs u on model levels 8-9, .*; fetch these levels, or"):
        air.at("u", 85000.0)
    with pytest.raises(
        UserError, match=r"z at 400 hPa needs t on model levels 5-6, 9 and q on model levels 5-12,"
    ):
        air.at("z", 40000.0)
    assert air.read == []


def test_a_pressure_above_the_models_top_is_refused(sample: Path) -> None:
    with pytest.raises(UserError, match=r"z at 500 hPa lies above the model's top at 6.* hPa; choose a larger"):
        _columns_of(sample).at("z", 50000.0)
    with pytest.raises(UserError, match="t at 0 hPa lies above"):
        columns(np.array([[101325.0]]), {"t": np.zeros_like}).at("t", 0.0)


@pytest.mark.parametrize("surface", [11.5, 1013.25, np.nan, 200000.0])
def test_what_cannot_be_a_surface_pressure_is_refused(surface: float) -> None:
    air = columns(np.array([[101325.0, surface]]), {"t": np.zeros_like})
    with pytest.raises(UserError, match=r"surface pressure of .* cannot be one; see to lnsp or sp"):
        air.at("t", 85000.0)


def test_coefficients_are_taken_as_grib_has_them(sample: Path) -> None:
    hybrid = Hybrid.from_pv([*A, *B])
    assert (hybrid.a.tolist(), hybrid.b.tolist(), hybrid.levels) == (list(A), list(B), 12)
    assert _columns_of(sample).hybrid.levels == 5


@pytest.mark.parametrize(
    ("pv", "fault"),
    [
        ([], "do not make model levels"),
        ([0.0, 0.0, 1.0, 1.0], "do not make model levels"),
        ([0.0, 0.0, 0.0, 0.0, 0.5, 0.8, 1.0], "3 and 4 coefficients"),
        ([0.0, np.nan, 0.0, 0.0, 0.5, 1.0], "no numbers"),
        ([0.0, -1.0, 0.0, 0.0, 0.5, 1.0], "negative"),
        ([0.0, 5000.0, 200.0, 0.0, 0.5, 1.0], "does not end at the surface"),
        ([0.0, 80000.0, 0.0, 0.0, 0.5, 1.0], "does not grow downward"),
    ],
)
def test_coefficients_of_other_levels_are_refused(pv: list[float], fault: str) -> None:
    with pytest.raises(UserError, match=f"{fault}.*windrow reads hybrid sigma-pressure levels"):
        Hybrid.from_pv(pv)


@given(pv=st.lists(st.floats() | st.sampled_from((0.0, 1.0, 0.5, 5000.0)), max_size=12))
def test_any_coefficients_are_refused_or_make_levels_whose_pressure_grows_downward(pv: list[float]) -> None:
    try:
        hybrid = Hybrid.from_pv(pv)
    except UserError:
        return
    full = [hybrid.full(level, np.array(90000.0)).item() for level in range(1, hybrid.levels + 1)]
    assert np.all(np.diff(full) > 0)
    assert 0 < full[0] < full[-1] < 90000.0
