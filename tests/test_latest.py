import datetime as dt
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import eccodes
import netCDF4
import numpy as np
import pytest

from windrow import cli
from windrow.config import AnyDomain, Domain, IndexDomain
from windrow.errors import UserError
from windrow.grib.encode import write_grib
from windrow.grib.grid import crop_to, describe_grid
from windrow.grid import Grid, grid_of_rows
from windrow.latest import LatestInputs, newest_inputs
from windrow.sample.archive import write_sample
from windrow.stages import Layout
from windrow.testing import TINY_GRIDS, message, message_on, tiny_field, write_tiny_archive

FIRST = dt.datetime(2009, 1, 1)
HOUR = dt.timedelta(hours=1)
DOMAIN = Domain(south=49.6, west=2.6, nx=6, ny=5)
GRID = grid_of_rows([50.8, 50.5, 50.2, 49.9, 49.6], [2.6, 2.9, 3.2, 3.5, 3.8, 4.1])
POINT = {"cell_methods": "time: point"}
TRAINED = {"2t": {"units": "K", **POINT}, "tcc": {"units": "1", **POINT}}
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


def layout(variables: tuple[str, ...] = ("2t", "tcc"), step_hours: int = 1, ny: int = 5, nx: int = 6) -> Layout:
    origin = dt.datetime(2007, 1, 1)
    return Layout(origin=origin, step_hours=step_hours, block_steps=372, variables=variables, ny=ny, nx=nx)


def newest(*paths: Path, steps: int = 3, **other: Any) -> LatestInputs:
    given: dict[str, Any] = {"layout": layout(), "grid": GRID, "domain": DOMAIN, "attributes": TRAINED} | other
    return newest_inputs(paths, input_steps=steps, **given)


def told(*paths: Path, **other: Any) -> list[str]:
    with pytest.raises(UserError) as problem:
        newest(*paths, **other)
    return str(problem.value).splitlines()


def at(hour: float, *names: str) -> bytes:
    """Messages of these variables, by default both."""
    time = FIRST + hour * HOUR
    return b"".join(message(name, time, tiny_field(name, time)) for name in names or ("2t", "tcc"))


def filed(path: Path, parts: Iterable[bytes]) -> Path:
    path.write_bytes(b"".join(parts))
    return path


def keyed(content: bytes, **keys: Any) -> bytes:
    handle = eccodes.codes_new_from_message(content)
    for key, value in keys.items():
        eccodes.codes_set(handle, key, value)
    changed: bytes = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return changed


def with_bitmap(content: bytes, *points: int) -> bytes:
    handle = eccodes.codes_new_from_message(content)
    values = eccodes.codes_get_values(handle)
    eccodes.codes_set(handle, "bitmapPresent", 1)
    values[list(points)] = eccodes.codes_get(handle, "missingValue", float)
    eccodes.codes_set_values(handle, values)
    changed: bytes = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return changed


def keys_of(content: bytes, *names: str) -> list[Any]:
    handle = eccodes.codes_new_from_message(content)
    found = [eccodes.codes_get(handle, name) for name in names]
    eccodes.codes_release(handle)
    return found


def assert_tiny(found: LatestInputs, hours: Iterable[int]) -> None:
    times = [FIRST + hour * HOUR for hour in hours]
    assert found.times == times
    assert found.fields.dtype == np.float32
    expected = [[tiny_field(name, time)[2:7, 2:8] for name in ("2t", "tcc")] for time in times]
    np.testing.assert_allclose(found.fields, np.array(expected), atol=12 / 2**16)  # of 16-bit packing


def test_the_last_hours_of_an_archive_are_cropped_to_the_domain(tmp_path: Path) -> None:
    write_tiny_archive(tmp_path, months=[(2009, 1)])
    found = newest(tmp_path / "2009" / "01" / "fields.grib", steps=6)
    assert found.fields.shape == (6, 2, 5, 6)
    assert_tiny(found, range(738, 744))
    assert found.attributes["2t"]["units"] == "K"
    assert found.attributes["tcc"]["cell_methods"] == "time: point"
    keys = ("shortName", "dataDate", "dataTime")
    assert keys_of(found.templates["tcc"], *keys) == ["tcc", 20090131, 2300]


def test_files_in_any_order_and_one_named_twice_are_one_archive(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    late = filed(tmp_path / "late.grib", [at(2)])
    early = filed(tmp_path / "other" / "early.grib", [at(1, "tcc"), at(0), at(1, "2t")])
    assert_tiny(newest(late, early, tmp_path / "other" / ".." / "late.grib"), [0, 1, 2])


def test_the_newest_whole_run_is_taken(tmp_path: Path) -> None:
    path = filed(tmp_path / "a.grib", [at(hour) for hour in (0, 1, 2, 3, 5, 6)] + [at(4, "2t"), at(7, "tcc")])
    assert_tiny(newest(path, steps=2), [5, 6])
    assert_tiny(newest(path, steps=3), [1, 2, 3])


def test_without_a_whole_run_the_newest_times_that_are_missing_are_named(tmp_path: Path) -> None:
    path = filed(tmp_path / "a.grib", [at(0), at(1), at(2, "2t"), at(3)])
    run = "the given files have no 3 consecutive times, 1 h apart, with all variables: of the last 3"
    assert told(path) == [f"{run} tcc lacks 2009-01-01T02:00:00; give more files"]
    assert told(filed(tmp_path / "b.grib", [at(0), at(1)])) == [
        f"{run} 2t lacks 2008-12-31T23:00:00; give more files",
        f"{run} tcc lacks 2008-12-31T23:00:00; give more files",
    ]


def test_a_message_without_any_value_is_as_good_as_none(tmp_path: Path) -> None:
    empty = with_bitmap(at(3, "tcc"), *range(80))
    path = filed(tmp_path / "a.grib", [at(0), at(1), at(2), at(3, "2t"), empty])
    assert_tiny(newest(path), [0, 1, 2])


def test_steps_of_a_forecast_count_by_their_valid_time(tmp_path: Path) -> None:
    parts = []
    for name in ("2t", "tcc"):
        for hour in (1, 2, 3):
            time = FIRST + hour * HOUR
            parts.append(keyed(message(name, time, tiny_field(name, time)), dataTime=0, stepRange=str(hour)))
    assert_tiny(newest(filed(tmp_path / "a.grib", parts)), [1, 2, 3])


def test_times_lie_on_the_step_of_the_training(tmp_path: Path) -> None:
    path = filed(tmp_path / "a.grib", [at(hour) for hour in range(12)])
    assert_tiny(newest(path, layout=layout(step_hours=3)), [3, 6, 9])
    path = filed(tmp_path / "b.grib", [at(1.5), at(2.5)])
    assert told(path, layout=layout(step_hours=3)) == [
        "the given files have 2t, tcc, but at no time that lies a multiple of 3 h from 00:00, as those of the "
        "training; give files with such times"
    ]


def northward(name: str, hour: int) -> bytes:
    time = FIRST + hour * HOUR
    return message_on("regular_ll", NORTHWARD, tiny_field(name, time)[::-1], variable=name, time=time)


def test_rows_that_run_the_other_way_are_turned(tmp_path: Path) -> None:
    found = newest(filed(tmp_path / "a.grib", [northward(name, hour) for hour in range(3) for name in TRAINED]))
    assert_tiny(found, [0, 1, 2])


def test_variables_in_different_orders_of_rows_are_not_mixed(tmp_path: Path) -> None:
    path = filed(
        tmp_path / "a.grib", [part for hour in range(3) for part in (at(hour, "2t"), northward("tcc", hour))]
    )
    (problem,) = told(path)
    assert problem.startswith("2t and tcc lie on different grids in the given files; interpolate them")


def test_a_projected_grid_is_cut_by_index(tmp_path: Path) -> None:
    domain = IndexDomain(first_x=2, first_y=1, nx=6, ny=5)
    parts = {
        (name, hour): message_on(
            *TINY_GRIDS["lambert"],
            tiny_field(name, FIRST + hour * HOUR),
            variable=name,
            time=FIRST + hour * HOUR,
        )
        for hour in range(3)
        for name in TRAINED
    }
    found = newest(filed(tmp_path / "a.grib", parts.values()), domain=domain, grid=grid_in(parts["2t", 0], domain))
    np.testing.assert_allclose(found.fields[1, 0], tiny_field("2t", FIRST + HOUR)[1:6, 2:8], atol=1e-4)


def grid_in(content: bytes, domain: AnyDomain) -> Grid:
    handle = eccodes.codes_new_from_message(content)
    found = crop_to(describe_grid(handle), domain).grid
    eccodes.codes_release(handle)
    return found


def test_all_that_differs_from_the_training_is_said_at_once(tmp_path: Path) -> None:
    path = filed(tmp_path / "a.grib", [at(hour) for hour in range(3)])
    problems = told(
        path,
        layout=layout(("2t", "tcc", "msl", "t850")),
        attributes={"2t": {"units": "degC"}, "tcc": {"units": "1", "cell_methods": "time: mean"}},
        grid=grid_of_rows([50.8, 50.5, 50.2, 49.9, 49.6], [3.6, 3.9, 4.2, 4.5, 4.8, 5.1]),
    )
    assert problems == [
        "the given files: the archive has no msl; it has 2t, tcc",
        "the given files: the archive has no t850; it has 2t, tcc",
        "2t has the units 'K' in the given files and had 'degC' in training",
        "tcc has the cell method 'time: point' in the given files and had 'time: mean' in training",
        "2t lies on another grid in the given files than in training: its points are 6 x 5 from 49.6N 2.6E to 50.8N "
        "4.1E, those of the training 6 x 5 from 49.6N 3.6E to 50.8N 5.1E; interpolate it to that grid",
    ]


def test_a_domain_that_is_not_in_the_files_is_refused(tmp_path: Path) -> None:
    path = filed(tmp_path / "a.grib", [at(hour) for hour in range(3)])
    (problem,) = told(path, domain=Domain(south=60.1, west=2.6, nx=6, ny=5))
    assert "are not all inside; the archive's grid has 10 x 8 points from 49.3N 2E to 51.4N 4.7E" in problem


def test_a_field_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = filed(tmp_path / "a.grib", [at(0), at(1), at(1, "tcc"), at(2)])
    assert told(path) == [
        "the given files have tcc more than once at 2009-01-01T01:00:00; leave out the file of one of them"
    ]


def test_a_point_without_a_value_is_refused(tmp_path: Path) -> None:
    holed = with_bitmap(at(1, "tcc"), 3 * 10 + 4)
    path = filed(tmp_path / "a.grib", [at(0), at(1, "2t"), holed, at(2)])
    (problem,) = told(path)
    assert problem.startswith("tcc at 2009-01-01T01:00:00 has points without a value in the given files")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = filed(tmp_path / "a.grib", [at(0), at(1), at(2)[:-9]])
    (problem,) = told(path)
    assert problem.startswith("a.grib is truncated or damaged at byte")


SAMPLE_DOMAIN = Domain(south=42.0, west=3.0, nx=5, ny=4)
SAMPLE_GRID = grid_of_rows([42.9, 42.6, 42.3, 42.0], [3.0, 3.3, 3.6, 3.9, 4.2])
SAMPLE_TRAINED = {"2t": TRAINED["2t"], "t850": TRAINED["2t"]}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample")
    write_sample(root, years=[2007], days=1)
    return root


def sample_inputs() -> dict[str, Any]:
    return {
        "layout": layout(("2t", "t850"), ny=4, nx=5),
        "grid": SAMPLE_GRID,
        "domain": SAMPLE_DOMAIN,
        "attributes": SAMPLE_TRAINED,
    }


def test_a_variable_on_a_pressure_level_is_that_of_extract_and_goes_back_into_grib(
    sample: Path, tmp_path: Path
) -> None:
    found = newest(*sample.glob("2007/01/*.grb"), **sample_inputs())
    assert found.times == [dt.datetime(2007, 1, 1, hour) for hour in (21, 22, 23)]
    inventory, month = tmp_path / "inventory.json", tmp_path / "month.nc"
    options = ["--archive", str(sample), "--month", "2007-01", "--output", str(inventory)]
    files = json.dumps({"files": "**/*.grb", "step_hours": 1})
    assert cli.main(["inventory", "--settings", files, *options]) == 0
    given = {"domain": SAMPLE_DOMAIN.model_dump(), "variables": ["2t", "t850"], "step_hours": 1}
    given |= {"missing": "mask", "constant": "error"}
    options = ["--archive", str(sample), "--inventory", str(inventory), "--output", str(month)]
    assert cli.main(["extract", "--settings", json.dumps(given), *options]) == 0
    with netCDF4.Dataset(month) as file:
        for place, name in enumerate(("2t", "t850")):
            np.testing.assert_array_equal(found.fields[:, place], file[name][-3:])
            assert {key: file[name].getncattr(key) for key in found.attributes[name]} == found.attributes[name]
    write_grib(
        tmp_path / "forecast.grib",
        templates=found.templates,
        init_time=found.times[-1],
        lead_hours=[1],
        fields={"t850": found.fields[-1:, 1]},
        grid=SAMPLE_GRID,
    )
    keys = ("shortName", "level", "typeOfLevel", "validityDate", "validityTime")
    written = keys_of((tmp_path / "forecast.grib").read_bytes(), *keys)
    assert written == ["t", 850, "isobaricInhPa", 20070102, 0]


def test_model_levels_that_are_needed_and_missing_are_named(sample: Path, tmp_path: Path) -> None:
    paths = []
    for hour in (21, 22, 23):
        surface, levels = (sample / f"2007/01/20070101{hour}_{kind}.grb" for kind in ("sf", "ml"))
        content = levels.read_bytes()
        length = len(content) // 7  # lnsp, z and five levels, of one length each
        paths += [surface, filed(tmp_path / levels.name, [content[: 3 * length], content[6 * length :]])]
    (problem,) = told(*paths, **sample_inputs())
    assert problem.startswith("t at 850 hPa needs t on model levels 2-4, which the archive lacks")
