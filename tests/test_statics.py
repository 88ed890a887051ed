import datetime as dt
import json
from pathlib import Path
from typing import Any

import eccodes
import netCDF4
import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

from windrow import cli
from windrow.errors import UserError
from windrow.sample.archive import write_sample
from windrow.statics import read_statics
from windrow.testing import TINY_GRIDS, message, message_on, tiny_field

FIRST = dt.datetime(2007, 1, 1)
TINY_DOMAIN = {"south": 49.6, "west": 2.6, "nx": 6, "ny": 5}
SAMPLE_DOMAIN = {"south": 42.0, "west": 3.0, "nx": 40, "ny": 32}
RAMP = np.arange(80.0).reshape(8, 10)
Floats = npt.NDArray[np.float64]


def prepared(tmp_path: Path, root: Path, domain: dict[str, Any], month: str = "2007-01") -> Path:
    """The inventory and the extracted month that the stage needs; returns the former."""
    inventory = tmp_path / f"{month}.json"
    files = json.dumps({"files": "**/*.gr*b", "step_hours": 1})
    options = ["--archive", str(root), "--month", month, "--output", str(inventory)]
    assert cli.main(["inventory", "--settings", files, *options]) == 0
    given = {"domain": domain, "variables": ["2t"], "step_hours": 1, "missing": "mask", "constant": "error"}
    options = ["--archive", str(root), "--inventory", str(inventory), "--output", str(tmp_path / "month.nc")]
    assert cli.main(["extract", "--settings", json.dumps(given), *options]) == 0
    return inventory


def run_statics(tmp_path: Path, root: Path, domain: dict[str, Any], names: list[str], *inventories: Path) -> int:
    settings = json.dumps({"domain": domain, "statics": names})
    options = ["--archive", str(root), "--inventories", *map(str, inventories)]
    options += ["--extracted", str(tmp_path / "month.nc"), "--output", str(tmp_path / "statics.nc")]
    return cli.main(["statics", "--settings", settings, *options])


def tiny_root(tmp_path: Path, *statics: bytes, month: int = 1) -> Path:
    """An archive of two hours of `2t`, with these messages behind them."""
    times = [dt.datetime(2007, month, 1, hour) for hour in (0, 1)]
    parts = [message("2t", time, tiny_field("2t", time)) for time in times]
    root = tmp_path / "archive"
    root.mkdir(exist_ok=True)
    (root / f"{month}.grib").write_bytes(b"".join([*parts, *statics]))
    return root


def with_bitmap(content: bytes, *points: int) -> bytes:
    handle = eccodes.codes_new_from_message(content)
    values = eccodes.codes_get_values(handle)
    eccodes.codes_set(handle, "bitmapPresent", 1)
    values[list(points)] = eccodes.codes_get(handle, "missingValue", float)
    eccodes.codes_set_values(handle, values)
    changed: bytes = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return changed


def by_eccodes(path: Path, short_name: str) -> xr.DataArray:
    with path.open("rb") as stream:
        while (handle := eccodes.codes_grib_new_from_file(stream)) is not None:
            if eccodes.codes_get(handle, "shortName") == short_name:
                values = eccodes.codes_get_values(handle).reshape(48, 56)
                rows, columns = np.linspace(53.7, 39.6, 48), np.linspace(0.6, 17.1, 56)
                return xr.DataArray(values, {"latitude": rows, "longitude": columns}, ("latitude", "longitude"))
    raise AssertionError(short_name)


def test_mask_and_surface_geopotential_of_the_sample_are_what_eccodes_decodes(tmp_path: Path) -> None:
    root = tmp_path / "sample"
    write_sample(root, years=[2007], days=1)
    inventory = prepared(tmp_path, root, SAMPLE_DOMAIN)
    assert run_statics(tmp_path, root, SAMPLE_DOMAIN, ["z", "lsm"], inventory) == 0
    with xr.open_dataset(tmp_path / "statics.nc") as found:
        assert list(found.data_vars) == ["z", "lsm"]
        for name, kind in {"z": "ml", "lsm": "sf"}.items():
            whole = by_eccodes(root / f"2007/01/2007010100_{kind}.grb", name)
            expected = whole.sel(latitude=found.latitude, longitude=found.longitude, method="nearest")
            assert found[name].dtype == np.float32
            np.testing.assert_array_equal(found[name], expected.astype(np.float32))
        assert found["z"].attrs == {
            "units": "m**2 s**-2",
            "standard_name": "geopotential",
            "long_name": "Geopotential",
        }
        assert found["lsm"].attrs["units"] == "1"
        assert found.attrs["Conventions"] == "CF-1.11"


def test_the_first_message_of_the_first_month_that_has_the_field_is_taken(tmp_path: Path) -> None:
    hour = dt.timedelta(hours=1)
    tiny_root(tmp_path)
    later = [message("z", dt.datetime(2007, 2, 1) + i * hour, RAMP + 100 * i) for i in (1, 0)]
    root = tiny_root(tmp_path, *later, month=2)
    second = prepared(tmp_path, root, TINY_DOMAIN, "2007-02")
    first = prepared(tmp_path, root, TINY_DOMAIN)
    assert run_statics(tmp_path, root, TINY_DOMAIN, ["z"], first, second) == 0
    np.testing.assert_allclose(read_statics(tmp_path / "statics.nc").fields["z"], RAMP[2:7, 2:8], atol=1e-2)


def test_a_message_without_any_value_is_passed_over(tmp_path: Path) -> None:
    empty = with_bitmap(message("z", FIRST, RAMP), *range(80))
    root = tiny_root(tmp_path, empty, message("z", FIRST + dt.timedelta(hours=1), RAMP))
    inventory = prepared(tmp_path, root, TINY_DOMAIN)
    assert run_statics(tmp_path, root, TINY_DOMAIN, ["z"], inventory) == 0
    np.testing.assert_allclose(read_statics(tmp_path / "statics.nc").fields["z"], RAMP[2:7, 2:8], atol=1e-2)


def test_without_names_the_file_holds_the_grid_alone(tmp_path: Path) -> None:
    root = tiny_root(tmp_path)
    assert run_statics(tmp_path, root, TINY_DOMAIN, [], prepared(tmp_path, root, TINY_DOMAIN)) == 0
    found = read_statics(tmp_path / "statics.nc")
    assert found.fields == {}
    np.testing.assert_allclose(found.grid.latitude, [50.8, 50.5, 50.2, 49.9, 49.6])
    np.testing.assert_allclose(found.grid.longitude, [2.6, 2.9, 3.2, 3.5, 3.8, 4.1])


def test_on_a_projected_grid_a_field_names_its_mapping(tmp_path: Path) -> None:
    root, domain = tmp_path / "archive", {"first_x": 2, "first_y": 1, "nx": 6, "ny": 5}
    root.mkdir()
    parts = [("2t", tiny_field("2t", FIRST)), ("lsm", RAMP)]
    (root / "a.grib").write_bytes(
        b"".join(message_on(*TINY_GRIDS["lambert"], values, variable=name) for name, values in parts)
    )
    assert run_statics(tmp_path, root, domain, ["lsm"], prepared(tmp_path, root, domain)) == 0
    with netCDF4.Dataset(tmp_path / "statics.nc") as file:
        assert file["lsm"].dimensions == ("y", "x")
        assert file["lsm"].grid_mapping == "crs"
        assert file["crs"].grid_mapping_name == "lambert_conformal_conic"
    found = read_statics(tmp_path / "statics.nc")
    assert list(found.fields) == ["lsm"]
    np.testing.assert_allclose(found.fields["lsm"], RAMP[1:6, 2:8], atol=1e-4)
    assert found.grid.mapping["longitude_of_central_meridian"] == 4.0


def test_fields_that_are_missing_are_all_named_with_what_the_archive_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tiny_root(tmp_path, message("lsm", FIRST, RAMP))
    assert (
        run_statics(tmp_path, root, TINY_DOMAIN, ["z", "lsm", "sdor"], prepared(tmp_path, root, TINY_DOMAIN)) == 2
    )
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "windrow statics: dataset.statics: 2007-01 of the archive has no z; it has 2t, lsm",
        "dataset.statics: 2007-01 of the archive has no sdor; it has 2t, lsm",
    ]
    assert not (tmp_path / "statics.nc").exists()


def test_a_field_on_another_grid_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coarse = {"Ni": 10, "Nj": 8, "latitudeOfFirstGridPointInDegrees": 49.6, "jScansPositively": 1}
    coarse |= {"latitudeOfLastGridPointInDegrees": 53.1, "longitudeOfFirstGridPointInDegrees": 2.6}
    coarse |= {"longitudeOfLastGridPointInDegrees": 7.1}
    coarse |= {"iDirectionIncrementInDegrees": 0.5, "jDirectionIncrementInDegrees": 0.5}
    root = tiny_root(tmp_path, message_on("regular_ll", coarse, RAMP, variable="lsm"))
    assert run_statics(tmp_path, root, TINY_DOMAIN, ["lsm"], prepared(tmp_path, root, TINY_DOMAIN)) == 2
    assert "lsm in 1.grib lies on another grid than the variables" in capsys.readouterr().err


def test_a_point_without_a_value_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tiny_root(tmp_path, with_bitmap(message("lsm", FIRST, RAMP), 33))
    assert run_statics(tmp_path, root, TINY_DOMAIN, ["lsm"], prepared(tmp_path, root, TINY_DOMAIN)) == 2
    assert "lsm in 1.grib has points without a value" in capsys.readouterr().err
    assert not (tmp_path / "statics.nc").exists()


def test_a_file_that_is_not_there_names_its_stage(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run the stage statics again"):
        read_statics(tmp_path / "statics.nc")
