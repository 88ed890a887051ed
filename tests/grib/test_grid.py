import contextlib
import itertools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import eccodes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.config import Domain, IndexDomain
from windrow.errors import UserError
from windrow.grib.grid import Crop, crop_to, describe_grid
from windrow.testing import message_on

Floats = npt.NDArray[np.float64]
NX, NY = 7, 5
CDO = shutil.which("cdo")
needs_cdo = pytest.mark.skipif(CDO is None, reason="cdo is not installed")


@contextlib.contextmanager
def opened(message: bytes) -> Iterator[int]:
    handle = eccodes.codes_new_from_message(message)
    try:
        yield handle
    finally:
        eccodes.codes_release(handle)


def described(message: bytes) -> dict[str, Any]:
    with opened(message) as handle:
        return describe_grid(handle)


def decoded(message: bytes, key: str = "values") -> Floats:
    with opened(message) as handle:
        return np.asarray(eccodes.codes_get_array(handle, key))


def cropped(message: bytes, domain: Domain | IndexDomain) -> tuple[Crop, npt.NDArray[np.float32]]:
    crop = crop_to(described(message), domain)
    return crop, crop.of(decoded(message))


def scan_of(nx: int, ny: int, i_negative: int, j_positive: int, j_first: int, alternative: int) -> list[Any]:
    """Row from the south and column from the west of each value of a message, after WMO's flag table 3.4."""
    columns = range(nx - 1, -1, -1) if i_negative else range(nx)
    rows = range(ny) if j_positive else range(ny - 1, -1, -1)
    slow, fast = (columns, rows) if j_first else (rows, columns)
    order = []
    for number, outer in enumerate(slow):
        inner = reversed(fast) if alternative and number % 2 else fast
        order += [(one, outer) if j_first else (outer, one) for one in inner]
    return order


def rows_message(
    flags: tuple[int, int, int, int], edition: int, *, south: float = 40.0, west: float = 10.0, step: float = 0.5
) -> bytes:
    """A grid of rows whose values are 100 times the row from the south plus the column from the west."""
    i_negative, j_positive, j_first, alternative = flags
    north, east = south + (NY - 1) * step, west + (NX - 1) * step
    keys = {
        "Ni": NX,
        "Nj": NY,
        "latitudeOfFirstGridPointInDegrees": south if j_positive else north,
        "latitudeOfLastGridPointInDegrees": north if j_positive else south,
        "longitudeOfFirstGridPointInDegrees": east if i_negative else west,
        "longitudeOfLastGridPointInDegrees": west if i_negative else east,
        "iDirectionIncrementInDegrees": step,
        "jDirectionIncrementInDegrees": step,
        "iScansNegatively": i_negative,
        "jScansPositively": j_positive,
        "jPointsAreConsecutive": j_first,
        **({"alternativeRowScanning": alternative} if edition == 2 else {}),
    }
    values = np.array([100 * row + column for row, column in scan_of(NX, NY, *flags)], dtype=np.float64)
    return message_on("regular_ll", keys, values, edition=edition)


MODES = [(flags, 2) for flags in itertools.product((0, 1), repeat=4)] + [
    ((*flags, 0), 1) for flags in itertools.product((0, 1), repeat=3)
]


@pytest.mark.parametrize(("flags", "edition"), MODES)
@pytest.mark.parametrize(
    "domain",
    [Domain(south=40.5, west=11.0, nx=3, ny=2), IndexDomain(first_x=2, first_y=1, nx=3, ny=2)],
    ids=["corner", "index"],
)
def test_a_domain_is_cut_out_of_every_scanning_mode(
    flags: tuple[int, int, int, int], edition: int, domain: Domain | IndexDomain
) -> None:
    crop, values = cropped(rows_message(flags, edition), domain)
    northward = flags[1] == 1
    assert values.tolist() == [[102, 103, 104], [202, 203, 204]][:: 1 if northward else -1]
    assert crop.points == NX * NY
    assert crop.grid.dimensions == ("latitude", "longitude")
    np.testing.assert_allclose(crop.grid.latitude, [40.5, 41.0][:: 1 if northward else -1])
    np.testing.assert_allclose(crop.grid.longitude, [11.0, 11.5, 12.0])


@pytest.mark.parametrize("flags", [flags for flags in itertools.product((0, 1), repeat=4) if not flags[3]])
def test_coordinates_are_those_of_eccodes(flags: tuple[int, int, int, int]) -> None:
    message = rows_message(flags, 2)
    crop, _ = cropped(message, IndexDomain(first_x=0, first_y=0, nx=NX, ny=NY))
    latitude, longitude = np.meshgrid(crop.grid.latitude, crop.grid.longitude, indexing="ij")
    np.testing.assert_allclose(decoded(message, "latitudes")[crop.indices], latitude, atol=1e-6)
    np.testing.assert_allclose(decoded(message, "longitudes")[crop.indices], longitude, atol=1e-6)


GLOBAL: dict[str, Any] = {
    "type": "regular_ll",
    "nx": 360,
    "ny": 181,
    "first_latitude": 90.0,
    "last_latitude": -90.0,
    "first_longitude": 0.0,
    "last_longitude": 359.0,
    "x_step": 1.0,
    "y_step": 1.0,
    "x_negative": 0,
    "y_positive": 0,
    "points_in_y_are_consecutive": 0,
    "alternative_rows": 0,
}
FROM_180 = GLOBAL | {"first_longitude": -180.0, "last_longitude": 179.0}
REPEATED = {"nx": 361, "last_longitude": 360.0}


def columns_of(grid: dict[str, Any], **domain: float) -> tuple[list[float], list[float]]:
    """Longitudes that the grid's own columns have, and those that the crop says; both counted from the archive."""
    crop = crop_to(grid, Domain.model_validate(domain))
    own = grid["first_longitude"] + np.arange(grid["nx"]) * 1.0
    return own[crop.indices[0] % grid["nx"]].tolist(), crop.grid.longitude.tolist()


def test_a_domain_is_cut_out_north_to_south_as_the_archive_has_it() -> None:
    crop = crop_to(GLOBAL, Domain(south=50, west=5, nx=3, ny=2))
    assert crop.grid.latitude.tolist() == [51, 50]
    assert crop.grid.longitude.tolist() == [5, 6, 7]
    assert crop.indices.tolist() == [[39 * 360 + 5, 39 * 360 + 6, 39 * 360 + 7], [40 * 360 + x for x in (5, 6, 7)]]


def test_a_grid_from_south_to_north_stays_so() -> None:
    turned = GLOBAL | {"first_latitude": -90.0, "last_latitude": 90.0, "y_positive": 1}
    crop = crop_to(turned, Domain(south=50, west=5, nx=3, ny=2))
    assert crop.grid.latitude.tolist() == [50, 51]
    assert crop.indices[:, 0].tolist() == [140 * 360 + 5, 141 * 360 + 5]


@pytest.mark.parametrize(
    "grid", [GLOBAL, FROM_180, GLOBAL | REPEATED, FROM_180 | {"nx": 361, "last_longitude": 180.0}]
)
@pytest.mark.parametrize("west", [-2.0, 358.0, -180.0, 178.0, 0.0, 179.0])
def test_a_domain_may_cross_the_zero_meridian_and_the_date_line(grid: dict[str, Any], west: float) -> None:
    own, said = columns_of(grid, south=0, west=west, nx=4, ny=1)
    assert said == [west, west + 1, west + 2, west + 3]
    assert [(one - other) % 360 for one, other in zip(own, said, strict=True)] == [0, 0, 0, 0]


def test_columns_by_index_may_go_round_a_global_grid() -> None:
    crop = crop_to(FROM_180, IndexDomain(first_x=358, first_y=0, nx=4, ny=1))
    assert crop.indices.tolist() == [[180 * 360 + x for x in (358, 359, 0, 1)]]
    assert crop.grid.longitude.tolist() == [178, 179, 180, 181]


@pytest.mark.parametrize(
    ("change", "domain"),
    [
        ({"nx": 20, "last_longitude": 19.0}, {"south": 0, "west": 18, "nx": 4, "ny": 1}),
        ({"nx": 20, "last_longitude": 19.0}, {"first_x": 18, "first_y": 0, "nx": 4, "ny": 1}),
        ({}, {"south": 89, "west": 0, "nx": 1, "ny": 3}),
        ({}, {"first_x": 0, "first_y": 179, "nx": 1, "ny": 3}),
        ({}, {"first_x": 0, "first_y": 0, "nx": 361, "ny": 1}),
        ({}, {"first_x": 360, "first_y": 0, "nx": 1, "ny": 1}),
    ],
)
def test_a_domain_that_reaches_beyond_the_grid_is_refused(change: dict[str, Any], domain: dict[str, Any]) -> None:
    wanted = IndexDomain(**domain) if "first_x" in domain else Domain(**domain)
    with pytest.raises(UserError, match=r"dataset\.domain: .* are not all inside; the archive's grid has"):
        crop_to(GLOBAL | change, wanted)


def test_a_corner_between_the_points_is_refused_and_the_nearest_named() -> None:
    with pytest.raises(UserError, match=r"51\.4N 0\.3E is not a point of the grid, 51N 0E is the nearest"):
        crop_to(GLOBAL, Domain(south=51.4, west=0.3, nx=1, ny=1))


def test_the_thousandths_of_grib_1_are_no_reason_to_refuse() -> None:
    change = {"nx": 4, "first_longitude": 0.333, "last_longitude": 3.333, "ny": 2}
    change |= {"first_latitude": 51.667, "last_latitude": 50.667}
    crop = crop_to(GLOBAL | change, Domain(south=50.6667, west=1.3333, nx=2, ny=2))
    assert crop.indices.tolist() == [[1, 2], [5, 6]]


def test_a_last_column_in_thousandths_does_not_stretch_a_global_grid() -> None:
    third = GLOBAL | {"nx": 1080, "last_longitude": 359.667, "x_step": 0.333}
    crop = crop_to(third, IndexDomain(first_x=0, first_y=0, nx=1080, ny=1))
    np.testing.assert_allclose(crop.grid.longitude, np.arange(1080) / 3, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"y_positive": 1}, "latitudes run against its direction of scanning"),
        ({"x_step": 0.5}, "0.5 degrees apart, its ends say 1"),
        ({"y_step": 0.5}, "0.5 degrees apart, its ends say 1"),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(change: dict[str, Any], text: str) -> None:
    with pytest.raises(UserError, match=text):
        crop_to(GLOBAL | change, Domain(south=0, west=0, nx=1, ny=1))


@pytest.mark.parametrize("edition", [1, 2])
@pytest.mark.parametrize("j_positive", [0, 1])
def test_gaussian_latitudes_are_the_roots_of_the_legendre_polynomial(edition: int, j_positive: int) -> None:
    roots = np.degrees(np.arcsin(np.polynomial.legendre.leggauss(64)[0]))  # from the south
    ends = roots[[0, -1]] if j_positive else roots[[-1, 0]]
    keys = {
        "Ni": 128,
        "Nj": 64,
        "N": 32,
        "latitudeOfFirstGridPointInDegrees": ends[0],
        "latitudeOfLastGridPointInDegrees": ends[1],
        "longitudeOfLastGridPointInDegrees": 357.188 if edition == 1 else 357.1875,
        "iDirectionIncrementInDegrees": 2.812,
        "jScansPositively": j_positive,
    }
    order = np.arange(64) if j_positive else np.arange(63, -1, -1)
    values = np.repeat(order, 128) * 1000.0 + np.tile(np.arange(128), 64)
    message = message_on("regular_gg", keys, values, edition=edition)
    by_corner, cut = cropped(message, Domain(south=round(roots[40], 3), west=-2.8125, nx=3, ny=2))
    wanted = np.array([[40127, 40000, 40001], [41127, 41000, 41001]])
    np.testing.assert_allclose(cut, wanted if j_positive else wanted[::-1], atol=0.01)  # 24 bits
    np.testing.assert_allclose(np.sort(by_corner.grid.latitude), roots[40:42], atol=1e-9)
    by_index, _ = cropped(message, IndexDomain(first_x=0, first_y=40, nx=128, ny=2))
    np.testing.assert_allclose(by_index.grid.latitude, by_corner.grid.latitude)
    np.testing.assert_allclose(by_index.grid.longitude, np.arange(128) * 2.8125)
    with pytest.raises(UserError, match="is not a point of the grid"):
        cropped(message, Domain(south=0, west=0, nx=1, ny=1))


def test_a_cut_out_of_a_gaussian_grid_keeps_its_own_rows() -> None:
    roots = np.degrees(np.arcsin(np.polynomial.legendre.leggauss(64)[0]))[::-1]
    keys = {"Ni": 4, "Nj": 3, "N": 32, "iDirectionIncrementInDegrees": 2.8125}
    keys |= {"latitudeOfFirstGridPointInDegrees": roots[10], "latitudeOfLastGridPointInDegrees": roots[12]}
    keys |= {"longitudeOfFirstGridPointInDegrees": 0.0, "longitudeOfLastGridPointInDegrees": 8.4375}
    message = message_on("regular_gg", keys, np.arange(12.0))
    crop, _ = cropped(message, IndexDomain(first_x=0, first_y=0, nx=4, ny=3))
    np.testing.assert_allclose(crop.grid.latitude, roots[10:13], atol=1e-9)
    np.testing.assert_allclose(crop.grid.longitude, [0, 2.8125, 5.625, 8.4375], atol=1e-6)
    grid = described(message)
    for change in ({"n": 0}, {"n": 10**9}, {"ny": 60}, {"last_latitude": 0.0}):
        with pytest.raises(UserError, match="the archive's grid cannot be read"):
            crop_to(grid | change, IndexDomain(first_x=0, first_y=0, nx=1, ny=1))


FIRST = {"Nx": 20, "Ny": 15, "latitudeOfFirstGridPointInDegrees": 45.5, "longitudeOfFirstGridPointInDegrees": 2.25}
STEPS = {"DxInMetres": 25000, "DyInMetres": 26000}
PROJECTED: dict[str, tuple[str, dict[str, Any], str]] = {
    "lambert, one parallel": (
        "lambert",
        FIRST | STEPS | {"LoVInDegrees": 4.0, "Latin1InDegrees": 46.0, "Latin2InDegrees": 46.0},
        "lambert_conformal_conic",
    ),
    "lambert, two parallels": (
        "lambert",
        FIRST | STEPS | {"LoVInDegrees": 4.0, "Latin1InDegrees": 40.0, "Latin2InDegrees": 50.0},
        "lambert_conformal_conic",
    ),
    "lambert in the south": (
        "lambert",
        FIRST
        | STEPS
        | {"latitudeOfFirstGridPointInDegrees": -45.5, "projectionCentreFlag": 128}
        | {"LoVInDegrees": 4.0, "Latin1InDegrees": -40.0, "Latin2InDegrees": -50.0},
        "lambert_conformal_conic",
    ),
    "polar in the north": (
        "polar_stereographic",
        FIRST | STEPS | {"orientationOfTheGridInDegrees": 10.0, "LaDInDegrees": 70.0},
        "polar_stereographic",
    ),
    "polar in the south": (
        "polar_stereographic",
        FIRST
        | STEPS
        | {"latitudeOfFirstGridPointInDegrees": -70.5, "projectionCentreFlag": 128}
        | {"orientationOfTheGridInDegrees": 350.0, "LaDInDegrees": -60.0},
        "polar_stereographic",
    ),
    "mercator": (
        "mercator",
        {"Ni": 20, "Nj": 15, "DiInMetres": 25000, "DjInMetres": 26000, "LaDInDegrees": 20.0}
        | {"latitudeOfFirstGridPointInDegrees": 15.5, "longitudeOfFirstGridPointInDegrees": 178.25},
        "mercator",
    ),
    "azimuthal": (
        "lambert_azimuthal_equal_area",
        FIRST
        | {"xDirectionGridLengthInMetres": 25000, "yDirectionGridLengthInMetres": 26000}
        | {"standardParallelInDegrees": 52.0, "centralLongitudeInDegrees": 10.0},
        "lambert_azimuthal_equal_area",
    ),
}
SHAPES = {"sphere": {"shapeOfTheEarth": 6}, "stated": {"shapeOfTheEarth": 1}, "ellipsoid": {"shapeOfTheEarth": 5}}
SHAPES["stated"] |= {"scaleFactorOfRadiusOfSphericalEarth": 0, "scaledValueOfRadiusOfSphericalEarth": 6371200}
WHOLE = IndexDomain(first_x=0, first_y=0, nx=20, ny=15)


def assert_where_eccodes_says(message: bytes, crop: Crop, *, degrees: float) -> None:
    latitude, longitude = (decoded(message, key)[crop.indices] for key in ("latitudes", "longitudes"))
    east = (longitude - crop.grid.longitude + 180) % 360 - 180
    np.testing.assert_allclose(crop.grid.latitude, latitude, atol=degrees)
    np.testing.assert_allclose(east * np.cos(np.radians(latitude)), 0, atol=degrees)


@pytest.mark.parametrize("kind", PROJECTED)
@pytest.mark.parametrize("shape", ["sphere", "stated"])
def test_points_of_a_projection_lie_where_eccodes_says(kind: str, shape: str) -> None:
    """Scanned northward and eastward: of the other modes eccodes ignores the flags on most projections."""
    grid_type, keys, name = PROJECTED[kind]
    message = message_on(grid_type, keys | SHAPES[shape] | {"jScansPositively": 1}, np.arange(300.0))
    crop, values = cropped(message, IndexDomain(first_x=3, first_y=2, nx=5, ny=4))
    assert_where_eccodes_says(message, crop, degrees=1e-9)
    np.testing.assert_allclose(values[:, 0], [43, 63, 83, 103], atol=1e-3)
    assert crop.grid.dimensions == ("y", "x")
    assert crop.grid.mapping["grid_mapping_name"] == name
    assert crop.grid.mapping["earth_radius"] == {"sphere": 6371229.0, "stated": 6371200.0}[shape]
    np.testing.assert_allclose(np.diff(crop.grid.x), 25000)
    np.testing.assert_allclose(np.diff(crop.grid.y), 26000)


@pytest.mark.parametrize(
    "kind", ["lambert, one parallel", "lambert, two parallels", "polar in the north", "mercator"]
)
def test_grib_1_gives_the_same_points(kind: str) -> None:
    grid_type, keys, _ = PROJECTED[kind]
    known = {key: value for key, value in keys.items() if kind == "mercator" or key != "LaDInDegrees"}
    message = message_on(grid_type, known | {"jScansPositively": 1}, np.arange(300.0), edition=1)
    crop, _ = cropped(message, WHOLE)
    assert_where_eccodes_says(message, crop, degrees=1e-9)


def test_the_ellipsoid_of_grib_1_is_that_of_1965() -> None:
    grid_type, keys, _ = PROJECTED["lambert, two parallels"]
    flags = {"earthIsOblate": 1, "jScansPositively": 1}
    message = message_on(grid_type, keys | flags, np.arange(300.0), edition=1)
    crop, _ = cropped(message, WHOLE)
    assert crop.grid.mapping["semi_major_axis"] == 6378160
    assert_where_eccodes_says(message, crop, degrees=1e-9)


@pytest.mark.parametrize("flags", list(itertools.product((0, 1), repeat=4)))
@pytest.mark.parametrize("kind", ["lambert, two parallels", "polar in the south", "azimuthal"])
def test_a_projected_field_is_the_same_in_every_scanning_mode(kind: str, flags: tuple[int, int, int, int]) -> None:
    """The plainest mode is compared with eccodes above; here its first point moves to the corner of the mode."""
    grid_type, keys, _ = PROJECTED[kind]
    plain = message_on(grid_type, keys | SHAPES["sphere"] | {"jScansPositively": 1}, np.arange(300.0))
    whole, _ = cropped(plain, WHOLE)
    i_negative, j_positive, j_first, alternative = flags
    corner = 14 * (1 - j_positive), 19 * i_negative
    moved = keys | {
        "latitudeOfFirstGridPointInDegrees": whole.grid.latitude[corner],
        "longitudeOfFirstGridPointInDegrees": whole.grid.longitude[corner] % 360,
        "iScansNegatively": i_negative,
        "jScansPositively": j_positive,
        "jPointsAreConsecutive": j_first,
        "alternativeRowScanning": alternative,
    }
    values = np.array([20 * row + column for row, column in scan_of(20, 15, *flags)], dtype=np.float64)
    message = message_on(grid_type, moved | SHAPES["sphere"], values)
    domain = IndexDomain(first_x=3, first_y=2, nx=5, ny=4)
    (crop, cut), (expected, expected_values) = cropped(message, domain), cropped(plain, domain)
    rows = slice(None, None, 1 if j_positive else -1)
    np.testing.assert_allclose(cut, expected_values[rows], atol=1e-3)
    np.testing.assert_allclose(crop.grid.latitude, expected.grid.latitude[rows], atol=3e-6)  # header: 1e-6
    np.testing.assert_allclose(crop.grid.longitude, expected.grid.longitude[rows], atol=6e-6)
    np.testing.assert_allclose(crop.grid.x, expected.grid.x, atol=1)
    np.testing.assert_allclose(crop.grid.y, expected.grid.y[rows], atol=1)


ROTATED = {
    "Ni": 20,
    "Nj": 15,
    "iDirectionIncrementInDegrees": 0.5,
    "jDirectionIncrementInDegrees": 0.5,
    "latitudeOfFirstGridPointInDegrees": -3.0,
    "latitudeOfLastGridPointInDegrees": 4.0,
    "longitudeOfFirstGridPointInDegrees": 355.0,
    "longitudeOfLastGridPointInDegrees": 4.5,
    "latitudeOfSouthernPoleInDegrees": -40.0,
    "longitudeOfSouthernPoleInDegrees": 10.0,
    "jScansPositively": 1,
}


@pytest.mark.parametrize("edition", [1, 2])
def test_points_of_a_rotated_grid_lie_where_eccodes_says(edition: int) -> None:
    message = message_on("rotated_ll", ROTATED, np.arange(300.0), edition=edition)
    crop, values = cropped(message, IndexDomain(first_x=9, first_y=5, nx=3, ny=2))
    assert_where_eccodes_says(message, crop, degrees=3e-6)  # eccodes rounds them to 1e-6
    assert crop.grid.x.tolist() == [-0.5, 0, 0.5]
    assert crop.grid.y.tolist() == [-0.5, 0]
    assert crop.grid.mapping["grid_north_pole_latitude"] == 40
    assert crop.grid.mapping["grid_north_pole_longitude"] == -170
    np.testing.assert_allclose(values, [[109, 110, 111], [129, 130, 131]], atol=1e-3)


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("rotated_ll", ROTATED | {"angleOfRotationInDegrees": 25.0}),
        ("mercator", PROJECTED["mercator"][1] | {"orientationOfTheGridInDegrees": 25.0}),
    ],
)
def test_a_grid_that_is_turned_is_refused(kind: str, keys: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="is turned by 25 degrees, which programs read in different ways; convert"):
        cropped(message_on(kind, keys, np.arange(300.0)), WHOLE)


def test_a_projected_grid_asks_for_a_domain_by_index() -> None:
    grid_type, keys, _ = PROJECTED["lambert, one parallel"]
    with pytest.raises(UserError, match=r"\(lambert\) has no rows .*; give first_x and first_y .*20 x 15 points"):
        cropped(message_on(grid_type, keys, np.arange(300.0)), Domain(south=46, west=3, nx=1, ny=1))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"x_step": 0.0}, "0 x 26000 m apart"),
        ({"y_step": -1e100}, "m apart"),
        ({"first_latitude": -90.0}, "first point is not on its projection"),
        ({"earth_radius": -1.0}, "an Earth with half axes of -1"),
    ],
)
def test_a_projection_of_no_possible_numbers_is_refused(change: dict[str, Any], text: str) -> None:
    grid_type, keys, _ = PROJECTED["lambert, two parallels"]
    grid = described(message_on(grid_type, keys | SHAPES["sphere"], np.arange(300.0)))
    change |= {"mapping": grid["mapping"] | change}
    with pytest.raises(UserError, match=f"the archive's grid cannot be read: .*{text}"):
        crop_to(grid | change, WHOLE)


@pytest.mark.parametrize(
    ("sample", "kind", "tool"),
    [
        ("reduced_gg_pl_32_grib1", "reduced_gg", "cdo -setgridtype,regular"),
        ("reduced_gg_pl_32_grib2", "reduced_gg", "cdo -setgridtype,regular"),
        ("sh_ml_grib1", "sh", "cdo -sp2gpl"),
        ("sh_ml_grib2", "sh", "cdo -sp2gpl"),
        ("reduced_ll_sfc_grib2", "reduced_ll", "cdo -remapbil"),
        ("rotated_gg_ml_grib2", "rotated_gg", "cdo -remapbil"),
    ],
)
def test_other_grids_are_refused_with_a_tool_that_converts_them(sample: str, kind: str, tool: str) -> None:
    handle = eccodes.codes_grib_new_from_samples(sample)
    grid = describe_grid(handle)
    eccodes.codes_release(handle)
    assert grid == {"type": kind}
    with pytest.raises(UserError, match=f"grid type {kind} cannot be cropped; .*`{tool}"):
        crop_to(grid, WHOLE)


@pytest.mark.parametrize("kind", ["unstructured_grid", "healpix", "space_view"])
def test_grids_of_grib_2_alone_are_refused_too(kind: str) -> None:
    handle = eccodes.codes_grib_new_from_samples("GRIB2")
    eccodes.codes_set(handle, "gridType", kind)
    grid = describe_grid(handle)
    eccodes.codes_release(handle)
    with pytest.raises(UserError, match=f"grid type {kind} cannot be cropped; .*`mir`|CDO 2.3"):
        crop_to(grid, WHOLE)


def test_rows_and_columns_that_are_not_the_points_are_damage() -> None:
    message = bytearray(rows_message((0, 0, 0, 0), 2))
    place = bytes(message).index((35).to_bytes(4, "big"))  # numberOfDataPoints
    message[place + 3] = 36
    with pytest.raises(ValueError, match="a grid of 7 x 5 with 36 points"):
        described(bytes(message))


@settings(derandomize=True, deadline=None, max_examples=300)
@given(kind=st.sampled_from(["rows", *PROJECTED, "rotated"]), place=st.integers(0, 120), byte=st.integers(0, 255))
def test_a_damaged_grid_ends_in_one_sentence_or_in_a_crop_of_the_size_asked_for(
    kind: str, place: int, byte: int
) -> None:
    if kind == "rows":
        message = bytearray(rows_message((0, 1, 0, 0), 2))
    elif kind == "rotated":
        message = bytearray(message_on("rotated_ll", ROTATED, np.arange(300.0)))
    else:
        message = bytearray(message_on(*PROJECTED[kind][:2], np.arange(300.0)))
    message[16 + place] = byte  # after the section that says the edition and the length
    with contextlib.suppress(UserError, ValueError, eccodes.CodesInternalError), opened(bytes(message)) as handle:
        grid = describe_grid(handle)
        crop = crop_to(grid, IndexDomain(first_x=1, first_y=1, nx=2, ny=2))
        assert crop.indices.shape == crop.grid.shape == (2, 2)
        assert 0 <= crop.indices.min() <= crop.indices.max() < crop.points
        assert np.isfinite(crop.grid.latitude).all()


def cdo(*options: str) -> str:
    assert CDO
    return subprocess.run([CDO, "-s", *options], capture_output=True, text=True, check=True).stdout


@needs_cdo
@pytest.mark.parametrize("kind", ["rows", "lambert, two parallels", "polar in the north"])
def test_a_crop_by_index_is_that_of_cdo(kind: str, tmp_path: Path) -> None:
    if kind == "rows":
        message, (nx, ny) = rows_message((0, 1, 0, 0), 2), (NX, NY)
    else:
        grid_type, keys, _ = PROJECTED[kind]
        message, (nx, ny) = message_on(grid_type, keys | {"jScansPositively": 1}, np.arange(300.0)), (20, 15)
    (tmp_path / "in.grib").write_bytes(message)
    box = f"-selindexbox,3,{nx - 1},2,{ny - 2}"  # counted from 1
    table = cdo("outputtab,lat,lon,value", box, str(tmp_path / "in.grib")).splitlines()[1:]
    latitude, longitude, values = np.array([line.split() for line in table], dtype=np.float64).T
    crop, cut = cropped(message, IndexDomain(first_x=2, first_y=1, nx=nx - 3, ny=ny - 3))
    np.testing.assert_allclose(cut.ravel(), values, rtol=1e-5)  # as many digits as CDO prints
    own = np.broadcast_arrays(crop.grid.latitude[:, None], crop.grid.longitude) if kind == "rows" else None
    own_latitude, own_longitude = own or (crop.grid.latitude, crop.grid.longitude)
    np.testing.assert_allclose(np.ravel(own_latitude), latitude, atol=1e-4)
    np.testing.assert_allclose(np.ravel(own_longitude), longitude, atol=1e-4)


@needs_cdo
def test_the_pole_of_a_rotated_grid_is_that_of_cdo(tmp_path: Path) -> None:
    message = message_on("rotated_ll", ROTATED, np.arange(300.0))
    (tmp_path / "in.grib").write_bytes(message)
    found = dict(
        line.split(" = ") for line in cdo("griddes", str(tmp_path / "in.grib")).splitlines() if " = " in line
    )
    found = {key.strip(): value for key, value in found.items()}
    mapping = crop_to(described(message), WHOLE).grid.mapping
    assert float(found["grid_north_pole_latitude"]) == mapping["grid_north_pole_latitude"]
    assert float(found["grid_north_pole_longitude"]) == mapping["grid_north_pole_longitude"]
    table = cdo("outputtab,lat,lon", str(tmp_path / "in.grib")).splitlines()[1:]
    latitude, longitude = np.array([line.split() for line in table], dtype=np.float64).T
    grid = crop_to(described(message), WHOLE).grid
    np.testing.assert_allclose(grid.latitude.ravel(), latitude, atol=1e-4)
    np.testing.assert_allclose(grid.longitude.ravel(), longitude, atol=1e-4)
