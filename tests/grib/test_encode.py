import datetime as dt
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import eccodes
import numpy as np
import numpy.typing as npt
import pytest

from windrow.config import Domain, IndexDomain
from windrow.errors import UserError
from windrow.grib.encode import write_grib
from windrow.grib.grid import crop_to, describe_grid
from windrow.grid import Grid, grid_of_rows
from windrow.sample.archive import _template
from windrow.testing import TINY_GRIDS, message, message_on, tiny_field

INIT = dt.datetime(2007, 1, 31, 22)
LEADS = (1, 2, 3)
VALID = [(20070131, 2300), (20070201, 0), (20070201, 100)]
DOMAIN = Domain(south=49.6, west=2.6, nx=6, ny=5)
NORTHWARD = {
    "Ni": 10,
    "Nj": 8,
    "latitudeOfFirstGridPointInDegrees": 49.3,
    "latitudeOfLastGridPointInDegrees": 51.4,
    "longitudeOfFirstGridPointInDegrees": 2.0,
    "longitudeOfLastGridPointInDegrees": 4.7,
    "iDirectionIncrementInDegrees": 0.3,
    "jDirectionIncrementInDegrees": 0.3,
    "jScansPositively": 1,
}
VALUES = np.arange(80.0).reshape(8, 10)


def keyed(content: bytes, **keys: Any) -> bytes:
    """The message with other keys."""
    handle = eccodes.codes_new_from_message(content)
    for key, value in keys.items():
        eccodes.codes_set(handle, key, value)
    changed: bytes = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return changed


def grid_in(template: bytes, domain: Domain | IndexDomain = DOMAIN) -> Grid:
    handle = eccodes.codes_new_from_message(template)
    found = crop_to(describe_grid(handle), domain).grid
    eccodes.codes_release(handle)
    return found


def some_fields(grid: Grid, leads: int = 3) -> npt.NDArray[np.float32]:
    return (270.0 + np.random.default_rng(1).normal(0.0, 8.0, (leads, *grid.shape))).astype(np.float32)


def opened(path: Path) -> Iterator[int]:
    """The messages' handles, one after the other."""
    with path.open("rb") as stream:
        while (handle := eccodes.codes_grib_new_from_file(stream)) is not None:
            yield handle
            eccodes.codes_release(handle)


def keys_of(path: Path, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(eccodes.codes_get(handle, name) for name in names) for handle in opened(path)]


def write(path: Path, templates: dict[str, bytes], fields: dict[str, Any], grid: Grid, **other: Any) -> None:
    given: dict[str, Any] = {"init_time": INIT, "lead_hours": LEADS, **other}
    write_grib(path, templates=templates, fields=fields, grid=grid, **given)


def both_orders() -> dict[str, bytes]:
    return {
        "southward": message("2t", INIT, tiny_field("2t", INIT)),
        "northward": message_on("regular_ll", NORTHWARD, VALUES, time=INIT),
    }


@pytest.mark.parametrize("order", ["southward", "northward"])
def test_a_forecast_is_read_back_with_its_dates_steps_parameters_and_values(tmp_path: Path, order: str) -> None:
    template = both_orders()[order]
    grid, path = grid_in(template), tmp_path / "forecast.grib"
    fields = {"2t": some_fields(grid), "msl": 100.0 * some_fields(grid)}
    write(path, {"2t": template, "msl": keyed(template, paramId=151)}, fields, grid)
    found = keys_of(path, "validityDate", "validityTime", "dataDate", "dataTime", "step", "paramId", "shortName")
    assert found == [
        (*valid, 20070131, 2200, lead, number, name)
        for valid, lead in zip(VALID, LEADS, strict=True)
        for number, name in ((167, "2t"), (151, "msl"))
    ]
    expected = [fields[name][step] for step in range(3) for name in ("2t", "msl")]
    rows, columns = np.meshgrid(grid.latitude, grid.longitude, indexing="ij")
    for handle, field in zip(opened(path), expected, strict=True):
        packed = (field.max() - field.min()) / (2**16 - 1)
        decoded = eccodes.codes_get_values(handle).reshape(5, 6)
        np.testing.assert_allclose(decoded, field, atol=packed + 1e-6 * abs(field).max())
        np.testing.assert_allclose(eccodes.codes_get_array(handle, "latitudes"), rows.ravel(), atol=1e-6)
        np.testing.assert_allclose(eccodes.codes_get_array(handle, "longitudes"), columns.ravel(), atol=1e-6)
        assert eccodes.codes_get(handle, "numberOfMissing") == 0
    assert grid.latitude[0] == pytest.approx({"southward": 50.8, "northward": 49.6}[order])


def test_a_forecast_is_no_analysis_and_none_of_the_archives_experiments(tmp_path: Path) -> None:
    for edition, template in {1: both_orders()["southward"], 2: both_orders()["northward"]}.items():
        path = tmp_path / f"{edition}.grib"
        write(path, {"2t": template}, {"2t": some_fields(grid_in(template))}, grid_in(template))
        for handle in opened(path):
            assert eccodes.codes_get(handle, "edition") == edition
            assert not eccodes.codes_is_defined(handle, "experimentVersionNumber")
            if edition == 2:
                assert eccodes.codes_get(handle, "typeOfProcessedData", str) == "fc"
                assert eccodes.codes_get(handle, "typeOfGeneratingProcess", int) == 2


@pytest.mark.skipif(not shutil.which("cdo"), reason="CDO is not installed")
@pytest.mark.parametrize("order", ["southward", "northward"])
def test_cdo_reads_the_same_times_names_points_and_values(tmp_path: Path, order: str) -> None:
    template = both_orders()[order]
    grid, path = grid_in(template), tmp_path / "forecast.grib"
    fields = some_fields(grid)
    write(path, {"2t": template}, {"2t": fields}, grid, bits=24)
    seen = subprocess.run(["cdo", "-s", "sinfon", path], check=True, capture_output=True, text=True).stdout
    for wanted in ("points=30 (6x5)", "2007-01-31 23:00:00", "2007-02-01 01:00:00", "2.6 to 4.1 by 0.3"):
        assert wanted in seen
    assert {"southward": "50.8 to 49.6 by -0.3", "northward": "49.6 to 50.8 by 0.3"}[order] in seen
    table = subprocess.run(
        ["cdo", "-s", "outputtab,lat,lon,value:12", path], check=True, capture_output=True, text=True
    ).stdout
    lines = [line.split() for line in table.splitlines() if not line.startswith("#")]
    rows, columns = np.meshgrid(grid.latitude, grid.longitude, indexing="ij")
    expected = np.stack([np.tile(rows.ravel(), 3), np.tile(columns.ravel(), 3), fields.ravel()], axis=1)
    np.testing.assert_allclose(np.array(lines, dtype=float), expected, atol=2e-3)


@pytest.mark.parametrize("edition", [1, 2])
def test_a_variable_on_a_pressure_level_comes_from_a_message_on_a_model_level(
    tmp_path: Path, edition: int
) -> None:
    handle = _template(130, level=3)
    eccodes.codes_set_values(handle, np.zeros(48 * 56))
    template = keyed(eccodes.codes_get_message(handle), edition=edition)
    eccodes.codes_release(handle)
    grid, path = grid_in(template, Domain(south=42.0, west=3.0, nx=4, ny=3)), tmp_path / "forecast.grib"
    write(path, {"t850": template}, {"t850": some_fields(grid)}, grid)
    names = ("shortName", "paramId", "typeOfLevel", "level", "step", "PVPresent", "edition")
    assert keys_of(path, *names) == [("t", 130, "isobaricInhPa", 850, lead, 0, edition) for lead in LEADS]


def test_a_message_on_the_pressure_level_itself_is_kept(tmp_path: Path) -> None:
    template = message("2t", INIT, VALUES, level=("isobaricInhPa", 850))
    template = keyed(template, indicatorOfParameter=130)
    write(tmp_path / "f.grib", {"t850": template}, {"t850": some_fields(grid_in(template))}, grid_in(template))
    assert keys_of(tmp_path / "f.grib", "shortName", "level") == [("t", 850)] * 3


@pytest.mark.parametrize("order", ["southward", "northward"])
def test_points_that_are_no_numbers_are_left_out_by_a_bitmap(tmp_path: Path, order: str) -> None:
    template = both_orders()[order]
    grid, path = grid_in(template), tmp_path / "forecast.grib"
    fields = some_fields(grid)
    fields[0, 1, 2] = np.nan
    fields[2] = np.nan
    write(path, {"2t": template}, {"2t": fields}, grid)
    assert keys_of(path, "bitmapPresent", "numberOfMissing") == [(1, 1), (0, 0), (1, 30)]
    first = next(opened(path))
    eccodes.codes_set(first, "missingValue", -1.0)
    decoded = eccodes.codes_get_values(first).reshape(5, 6)
    assert np.argwhere(decoded == -1.0).tolist() == [[1, 2]]
    decoded[1, 2] = np.nan
    np.testing.assert_allclose(decoded, fields[0], atol=1e-3)


GAUSSIAN = {
    "Ni": 128,
    "Nj": 64,
    "N": 32,
    "latitudeOfFirstGridPointInDegrees": 87.8638,
    "latitudeOfLastGridPointInDegrees": -87.8638,
    "longitudeOfFirstGridPointInDegrees": 0.0,
    "longitudeOfLastGridPointInDegrees": 357.1875,
    "iDirectionIncrementInDegrees": 2.8125,
}
MERCATOR = {
    "Ni": 10,
    "Nj": 8,
    "latitudeOfFirstGridPointInDegrees": 20.0,
    "longitudeOfFirstGridPointInDegrees": 300.0,
    "latitudeOfLastGridPointInDegrees": 24.8,
    "longitudeOfLastGridPointInDegrees": 306.9,
    "LaDInDegrees": 20.0,
    "DiInMetres": 80000,
    "DjInMetres": 80000,
    "jScansPositively": 1,
    "shapeOfTheEarth": 6,
}
POLAR = {
    "Nx": 10,
    "Ny": 8,
    "latitudeOfFirstGridPointInDegrees": 50.0,
    "longitudeOfFirstGridPointInDegrees": 350.0,
    "LaDInDegrees": 60.0,
    "orientationOfTheGridInDegrees": 10.0,
    "DxInMetres": 80000,
    "DyInMetres": 80000,
    "jScansPositively": 1,
    "shapeOfTheEarth": 6,
}
OTHER_GRIDS = {
    "gaussian": ("regular_gg", GAUSSIAN, (64, 128)),
    "lambert": (*TINY_GRIDS["lambert"], (8, 10)),
    "rotated": (*TINY_GRIDS["rotated"], (8, 10)),
    "mercator": ("mercator", MERCATOR, (8, 10)),
    "polar": ("polar_stereographic", POLAR, (8, 10)),
}


@pytest.mark.parametrize("name", OTHER_GRIDS)
def test_part_of_a_grid_of_another_kind_has_the_points_that_eccodes_gives_the_whole(
    tmp_path: Path, name: str
) -> None:
    kind, keys, shape = OTHER_GRIDS[name]
    template = message_on(kind, keys, np.arange(float(np.prod(shape))).reshape(shape), time=INIT)
    grid, path = grid_in(template, IndexDomain(first_x=2, first_y=1, nx=6, ny=5)), tmp_path / "forecast.grib"
    fields = some_fields(grid)
    write(path, {"2t": template}, {"2t": fields}, grid)
    rows = slice(58, 63) if name == "gaussian" else slice(1, 6)  # the Gaussian rows run southward
    whole = eccodes.codes_new_from_message(template)
    for handle, field in zip(opened(path), fields, strict=True):
        for key in ("latitudes", "longitudes"):
            expected = eccodes.codes_get_array(whole, key).reshape(shape)[rows, 2:8]
            np.testing.assert_allclose(eccodes.codes_get_array(handle, key), expected.ravel(), atol=3e-5)
        np.testing.assert_allclose(eccodes.codes_get_values(handle), field.ravel(), atol=1e-3)
    eccodes.codes_release(whole)
    assert keys_of(path, "gridType", "step") == [(kind, lead) for lead in LEADS]


def test_a_domain_across_the_zero_meridian_goes_on_eastward(tmp_path: Path) -> None:
    keys = {
        **NORTHWARD,
        "Ni": 36,
        "Nj": 3,
        "iDirectionIncrementInDegrees": 10.0,
        "jDirectionIncrementInDegrees": 10.0,
    }
    keys |= {"latitudeOfFirstGridPointInDegrees": 30.0, "latitudeOfLastGridPointInDegrees": 50.0}
    keys |= {"longitudeOfFirstGridPointInDegrees": 0.0, "longitudeOfLastGridPointInDegrees": 350.0}
    template = message_on("regular_ll", keys, np.arange(108.0), time=INIT)
    grid = grid_in(template, Domain(south=30.0, west=-20.0, nx=5, ny=3))
    write(tmp_path / "f.grib", {"2t": template}, {"2t": some_fields(grid)}, grid)
    ends = ("longitudeOfFirstGridPointInDegrees", "longitudeOfLastGridPointInDegrees")
    assert keys_of(tmp_path / "f.grib", *ends)[0] == (340.0, 20.0)
    longitudes = eccodes.codes_get_array(next(opened(tmp_path / "f.grib")), "longitudes")
    assert (longitudes[:5] % 360.0).tolist() == [340, 350, 0, 10, 20]


@pytest.mark.parametrize("edition", [1, 2])
def test_an_accumulation_ends_at_its_lead_time(tmp_path: Path, edition: int) -> None:
    template = keyed(message("2t", INIT, VALUES), edition=edition, stepType="accum", stepRange="0-1", paramId=228)
    grid = grid_in(template)
    write(tmp_path / "f.grib", {"tp": template}, {"tp": some_fields(grid)}, grid)
    found = keys_of(tmp_path / "f.grib", "shortName", "stepType", "stepRange", "validityDate", "validityTime")
    assert found == [
        ("tp", "accum", f"{lead - 1}-{lead}", *valid) for lead, valid in zip(LEADS, VALID, strict=True)
    ]


def test_an_accumulation_that_begins_before_the_forecast_is_refused(tmp_path: Path) -> None:
    template = keyed(message("2t", INIT, VALUES), edition=2, stepType="accum", stepRange="0-3", paramId=228)
    grid = grid_in(template)
    with pytest.raises(UserError, match="tp stands for 3 h, and GRIB cannot say that 1 h after the start"):
        write(tmp_path / "f.grib", {"tp": template}, {"tp": some_fields(grid)}, grid)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("indicator", [0, 1, 10])
def test_an_analysis_of_any_time_range_and_long_steps_keep_their_times(tmp_path: Path, indicator: int) -> None:
    template = keyed(message("2t", INIT, VALUES), timeRangeIndicator=indicator)
    grid = grid_in(template)
    write(tmp_path / "f.grib", {"2t": template}, {"2t": some_fields(grid)}, grid, lead_hours=(6, 240, 301))
    found = keys_of(tmp_path / "f.grib", "validityDate", "validityTime", "stepRange")
    assert found == [(20070201, 400, "6"), (20070210, 2200, "240"), (20070213, 1100, "301")]


@pytest.mark.parametrize("packing", ["grid_ccsds", "grid_second_order", "grid_ieee", "grid_complex"])
def test_a_message_of_any_packing_serves_as_a_template(tmp_path: Path, packing: str) -> None:
    template = keyed(both_orders()["northward"], packingType=packing)
    grid = grid_in(template)
    fields = some_fields(grid)
    write(tmp_path / "f.grib", {"2t": template}, {"2t": fields}, grid)
    assert keys_of(tmp_path / "f.grib", "packingType", "bitsPerValue") == [("grid_simple", 16)] * 3
    np.testing.assert_allclose(
        eccodes.codes_get_values(next(opened(tmp_path / "f.grib"))), fields[0].ravel(), atol=1e-3
    )


@pytest.mark.parametrize("order", ["southward", "northward"])
def test_a_message_with_a_bitmap_serves_as_a_template_without_its_holes(tmp_path: Path, order: str) -> None:
    template = keyed(both_orders()[order], bitmapPresent=1)
    handle = eccodes.codes_new_from_message(template)
    eccodes.codes_set_values(
        handle, np.where(VALUES < 40.0, eccodes.codes_get(handle, "missingValue"), 1.0).ravel()
    )
    template = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    grid = grid_in(template)
    fields = some_fields(grid)
    write(tmp_path / "f.grib", {"2t": template}, {"2t": fields}, grid)
    assert keys_of(tmp_path / "f.grib", "bitmapPresent", "bitsPerValue") == [(0, 16)] * 3
    decoded = eccodes.codes_get_values(next(opened(tmp_path / "f.grib")))
    np.testing.assert_allclose(decoded, fields[0].ravel(), atol=1e-3)


@pytest.mark.parametrize("flags", [(1, 0, 0, 0), (0, 1, 1, 0), (1, 1, 0, 1)])
def test_a_template_of_any_scanning_mode_serves(tmp_path: Path, flags: tuple[int, ...]) -> None:
    names = ("iScansNegatively", "jScansPositively", "jPointsAreConsecutive", "alternativeRowScanning")
    keys = {**NORTHWARD, **dict(zip(names, flags, strict=True))}
    if flags[0]:
        keys |= {"longitudeOfFirstGridPointInDegrees": 4.7, "longitudeOfLastGridPointInDegrees": 2.0}
    if not flags[1]:
        keys |= {"latitudeOfFirstGridPointInDegrees": 51.4, "latitudeOfLastGridPointInDegrees": 49.3}
    template = message_on("regular_ll", keys, VALUES, time=INIT)
    grid = grid_in(template)
    fields = some_fields(grid)
    write(tmp_path / "f.grib", {"2t": template}, {"2t": fields}, grid)
    assert keys_of(tmp_path / "f.grib", *names)[0] == (0, flags[1], 0, 0)
    handle = next(opened(tmp_path / "f.grib"))
    rows, columns = np.meshgrid(grid.latitude, grid.longitude, indexing="ij")
    np.testing.assert_allclose(eccodes.codes_get_array(handle, "latitudes"), rows.ravel(), atol=1e-6)
    np.testing.assert_allclose(eccodes.codes_get_array(handle, "longitudes"), columns.ravel(), atol=1e-6)
    np.testing.assert_allclose(eccodes.codes_get_values(handle), fields[0].ravel(), atol=1e-3)


def reduced_gaussian() -> bytes:
    handle = eccodes.codes_grib_new_from_samples("reduced_gg_pl_32_grib2")
    content: bytes = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return keyed(content, paramId=167)


LAMBERT_GRID = grid_in(message_on(*TINY_GRIDS["lambert"], VALUES), IndexDomain(first_x=0, first_y=0, nx=6, ny=5))
REFUSED = {
    "no template": ({}, grid_in(both_orders()["southward"]), "no GRIB message to copy the keys of 2t from"),
    "reduced": (
        {"2t": reduced_gaussian()},
        grid_in(both_orders()["southward"]),
        "grid type reduced_gg .* there are regular_ll, regular_gg, rotated_ll, lambert, albers",
    ),
    "another parameter": (
        {"2t": keyed(both_orders()["southward"], paramId=151)},
        grid_in(both_orders()["southward"]),
        "2t cannot be written as a copy of a message of msl",
    ),
    "another projection": (
        {"2t": both_orders()["southward"]},
        LAMBERT_GRID,
        "no part of that of the given message of 2t",
    ),
    "no message": ({"2t": b"GRIB"}, LAMBERT_GRID, "2t cannot be written as GRIB: eccodes says"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_written_is_refused_and_leaves_no_file(tmp_path: Path, case: str) -> None:
    templates, grid, text = REFUSED[case]
    with pytest.raises(UserError, match=text):
        write(tmp_path / "f.grib", templates, {"2t": some_fields(grid)}, grid)
    assert not list(tmp_path.iterdir())


def test_a_grid_of_other_rows_than_evenly_spaced_is_refused(tmp_path: Path) -> None:
    grid = grid_of_rows([50.0, 50.3, 51.0], [2.0, 2.3])
    with pytest.raises(UserError, match="no part of that of the given message"):
        write(tmp_path / "f.grib", {"2t": both_orders()["northward"]}, {"2t": some_fields(grid)}, grid)
