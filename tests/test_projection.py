import importlib.util
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.projection import to_earth, to_plane

CLARKE = {"semi_major_axis": 6378206.4, "semi_minor_axis": 6378206.4 * np.sqrt(1 - 0.00676866)}
INTERNATIONAL = {"semi_major_axis": 6378388.0, "semi_minor_axis": 6378388.0 * np.sqrt(1 - 0.00672267)}
CONE = {"latitude_of_projection_origin": 23.0, "longitude_of_central_meridian": -96.0}
SNYDER: dict[str, tuple[dict[str, Any], tuple[float, float], tuple[float, float]]] = {
    "Lambert, p. 296": (
        {"grid_mapping_name": "lambert_conformal_conic", "standard_parallel": [33.0, 45.0]} | CONE | CLARKE,
        (35, -75),
        (1564649.5, 1894410.9),
    ),
    "Albers, p. 292": (
        {"grid_mapping_name": "albers_conical_equal_area", "standard_parallel": [29.5, 45.5]} | CONE | CLARKE,
        (35, -75),
        (1535925.0, 1885472.7),
    ),
    "Mercator, p. 267": (
        {"grid_mapping_name": "mercator", "longitude_of_projection_origin": -180.0, "standard_parallel": 0.0}
        | CLARKE,
        (35, -75),
        (4139145.6, 11688673.7),
    ),
    "polar stereographic, p. 315": (
        {"grid_mapping_name": "polar_stereographic", "straight_vertical_longitude_from_pole": -100.0}
        | {"standard_parallel": -71.0, "latitude_of_projection_origin": -90.0}
        | INTERNATIONAL,
        (-75, 150),
        (-560526.4, -1540033.6),
    ),
    "Lambert azimuthal, p. 333": (
        {"grid_mapping_name": "lambert_azimuthal_equal_area", "latitude_of_projection_origin": 40.0}
        | {"longitude_of_projection_origin": -100.0}
        | CLARKE,
        (30, -110),
        (-1056814.9, -965932.1),
    ),
}


@pytest.mark.parametrize("example", SNYDER)
def test_the_worked_examples_of_snyder_come_out(example: str) -> None:
    mapping, place, expected = SNYDER[example]
    np.testing.assert_allclose(to_plane(mapping, *place), expected, atol=0.06)
    np.testing.assert_allclose(to_earth(mapping, *expected), place, atol=1e-6)


SPHERE = {"earth_radius": 6371229.0}
EARTH = {"semi_major_axis": 6378137.0, "semi_minor_axis": 6356752.314}
AZIMUTHAL = {"grid_mapping_name": "lambert_azimuthal_equal_area", "longitude_of_projection_origin": 10.0}
POLAR = {"grid_mapping_name": "polar_stereographic", "straight_vertical_longitude_from_pole": 10.0}
POLE = {
    "grid_mapping_name": "rotated_latitude_longitude",
    "grid_north_pole_latitude": 40.0,
    "grid_north_pole_longitude": -170.0,
}
NORTH: list[dict[str, Any]] = [
    SNYDER["Lambert, p. 296"][0] | {"standard_parallel": 46.0, "latitude_of_projection_origin": 46.0},
    SNYDER["Lambert, p. 296"][0],
    SNYDER["Albers, p. 292"][0],
    SNYDER["Albers, p. 292"][0] | {"standard_parallel": [46.0, 46.0]},
    POLAR | {"latitude_of_projection_origin": 90.0, "standard_parallel": 60.0},
    POLAR | {"latitude_of_projection_origin": 90.0, "standard_parallel": 90.0},
    {"grid_mapping_name": "mercator", "longitude_of_projection_origin": 0.0, "standard_parallel": 20.0},
    AZIMUTHAL | {"latitude_of_projection_origin": 52.0},
    AZIMUTHAL | {"latitude_of_projection_origin": 90.0},
    AZIMUTHAL | {"latitude_of_projection_origin": 0.0},
    POLE,
    POLE | {"north_pole_grid_longitude": 25.0},
]
SOUTH: list[dict[str, Any]] = [
    SNYDER["Lambert, p. 296"][0] | {"standard_parallel": [-33.0, -45.0], "latitude_of_projection_origin": -23.0},
    SNYDER["Albers, p. 292"][0] | {"standard_parallel": [-33.0, -45.0], "latitude_of_projection_origin": -23.0},
    POLAR | {"latitude_of_projection_origin": -90.0, "standard_parallel": -71.0},
    AZIMUTHAL | {"latitude_of_projection_origin": -90.0},
]
AXES = {*SPHERE, *EARTH}


def on(mapping: dict[str, Any], earth: dict[str, float]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in AXES} | earth


CASES = [
    (on(mapping, earth), sign)
    for sign, kind in ((1, NORTH), (-1, SOUTH))
    for mapping in kind
    for earth in (SPHERE, EARTH)
]

# In a process of its own: the PROJ of pyproj does not get on with the one of eccodes.
WITH_PYPROJ = """
import json, sys
import pyproj
found = []
for mapping, latitude, longitude in json.load(sys.stdin):
    system = pyproj.CRS.from_cf(mapping)
    transformer = pyproj.Transformer.from_crs(system.source_crs, system, always_xy=True)
    found.append([list(map(float, values)) for values in transformer.transform(longitude, latitude)])
json.dump(found, sys.stdout)
"""


@pytest.mark.skipif(importlib.util.find_spec("pyproj") is None, reason="pyproj is not installed")
def test_every_projection_agrees_with_proj() -> None:
    rng = np.random.default_rng(1)
    latitude, longitude = rng.uniform(20, 85, 100), rng.uniform(-60, 80, 100)
    asked = [(mapping, (sign * latitude).tolist(), longitude.tolist()) for mapping, sign in CASES]
    run = subprocess.run(
        [sys.executable, "-c", WITH_PYPROJ], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    for (mapping, sign), (x, y) in zip(CASES, json.loads(run.stdout), strict=True):
        np.testing.assert_allclose(to_plane(mapping, sign * latitude, longitude), (y, x), atol=1e-6)
        np.testing.assert_allclose(to_earth(mapping, y, x), (sign * latitude, longitude), atol=1e-10)


@given(case=st.sampled_from(CASES), latitude=st.floats(15, 89.9), longitude=st.floats(-170, 170))
def test_a_point_comes_back_from_the_plane(
    case: tuple[dict[str, Any], int], latitude: float, longitude: float
) -> None:
    mapping, sign = case
    found_latitude, found_longitude = to_earth(mapping, *to_plane(mapping, sign * latitude, longitude))
    assert found_latitude == pytest.approx(sign * latitude, abs=1e-7)
    assert (found_longitude - longitude + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)


def test_what_lies_outside_of_a_projection_is_not_a_number() -> None:
    mapping = on(AZIMUTHAL | {"latitude_of_projection_origin": 0.0}, SPHERE)
    assert np.isnan(to_earth(mapping, 0.0, 2.1 * 6371229.0)[0])


def test_the_centre_of_an_azimuthal_projection_is_its_origin() -> None:
    mapping = on(AZIMUTHAL | {"latitude_of_projection_origin": 52.0}, EARTH)
    np.testing.assert_allclose(to_earth(mapping, 0.0, 0.0), (52, 10))


@pytest.mark.parametrize(
    "mapping",
    [
        {"grid_mapping_name": "sinusoidal"} | SPHERE,
        POLE | {"earth_radius": -1.0},
        POLE | {"semi_major_axis": 1.0, "semi_minor_axis": 2.0},
    ],
)
def test_no_possible_projection_is_refused(mapping: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is not known|half axes"):
        to_plane(mapping, 0.0, 0.0)
