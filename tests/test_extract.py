import datetime as dt
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import eccodes
import netCDF4
import numpy as np
import pytest
import xarray as xr

from windrow import cli, cuts
from windrow.config import Domain
from windrow.configfile import validate
from windrow.grib.decode import Fields, Place
from windrow.grib.grid import crop_to
from windrow.grib.headers import Kinds
from windrow.grib.inventory import scan
from windrow.sample.archive import write_sample
from windrow.testing import message, tiny_config, tiny_field, write_tiny_archive

REAL = Path(__file__).parents[2] / "shared" / "data" / "era5-2mt-2019-03-uk.grib"


def test_an_extracted_month_holds_the_cropped_fields_of_the_archive(tiny: Any) -> None:
    with xr.open_dataset(tiny.extracted(2008)) as month:
        assert dict(month.sizes) == {"time": 744, "latitude": 5, "longitude": 6}
        assert list(month.data_vars) == ["2t", "tcc"]
        np.testing.assert_allclose(month.latitude, [50.8, 50.5, 50.2, 49.9, 49.6])
        np.testing.assert_allclose(month.longitude, [2.6, 2.9, 3.2, 3.5, 3.8, 4.1])
        expected = tiny_field("2t", dt.datetime(2008, 1, 17, 5))[2:7, 2:8]
        found = month["2t"].sel(time="2008-01-17T05:00")
        np.testing.assert_allclose(found, expected, atol=12 / 2**16)  # half a step of 16-bit packing


def test_an_extracted_month_carries_cf_attributes(tiny: Any) -> None:
    with netCDF4.Dataset(tiny.extracted(2007)) as month:
        assert month.Conventions == "CF-1.11"
        assert month["2t"].units == "K"
        assert month["time"].standard_name == "time"
        assert month["latitude"].units == "degrees_north"
        assert '"variables":["2t","tcc"]' in month.windrow_settings


@pytest.mark.skipif(not REAL.exists(), reason="the ERA5 file is not beside the checkout")
def test_a_real_field_is_what_eccodes_decodes(tmp_path: Path) -> None:
    found = list(scan([REAL], REAL.parent, kinds := Kinds()))
    assert len(found) == 744
    chosen = found[333]
    crop = crop_to(kinds.grids[chosen.kind.grid], Domain(south=50, west=-10, nx=49, ny=33))
    with REAL.open("rb") as stream:
        for _ in range(334):
            handle = eccodes.codes_grib_new_from_file(stream)
    values = eccodes.codes_get_values(handle).reshape(33, 49).astype(np.float32)
    eccodes.codes_release(handle)
    with Fields(REAL.parent, {}, crop.indices, crop.points) as fields:
        read = fields.read(Place(chosen.file, chosen.offset, chosen.length)).astype(np.float32)
    np.testing.assert_array_equal(read, values)


def with_bitmap(content: bytes, point: int) -> bytes:
    handle = eccodes.codes_new_from_message(content)
    values = eccodes.codes_get_values(handle)
    values[point] = 9999.0
    eccodes.codes_set(handle, "bitmapPresent", 1)
    eccodes.codes_set(handle, "missingValue", 9999.0)
    eccodes.codes_set_values(handle, values)
    changed: bytes = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return changed


@pytest.mark.parametrize(("point", "code"), [(2 * 10 + 2, 2), (0, 0)], ids=["inside", "outside"])
def test_a_point_without_a_value_is_refused_if_it_lies_in_the_domain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], point: int, code: int
) -> None:
    write_tiny_archive(tmp_path / "archive", months=[(2007, 1)], variables=("2t", "tcc"))
    path = tmp_path / "archive" / "2007" / "01" / "fields.grib"
    first = dt.datetime(2007, 1, 1)
    whole = message("2t", first, tiny_field("2t", first))
    path.write_bytes(with_bitmap(whole, point) + path.read_bytes()[len(whole) :])
    config = validate(tiny_config(tmp_path / "archive"))
    inventory, output = tmp_path / "inventory.json", tmp_path / "month.nc"
    archive = ["--archive", str(tmp_path / "archive")]
    options = ["--settings", cuts.settings_of("inventory", config), "--month", "2007-01", *archive]
    assert cli.main(["inventory", *options, "--output", str(inventory)]) == 0
    options = ["--settings", cuts.settings_of("extract", config), "--inventory", str(inventory), *archive]
    assert cli.main(["extract", *options, "--output", str(output)]) == code
    assert output.exists() == (code == 0)
    assert ("2t at 2007-01-01T00:00:00 has points without a value" in capsys.readouterr().err) == (code == 2)


def extract(tmp_path: Path, root: Path, month: str, **settings: object) -> int:
    inventory = tmp_path / "inventory.json"
    files = json.dumps({"files": "**/*.gr*b", "step_hours": 1})
    options = ["--archive", str(root), "--month", month, "--output", str(inventory)]
    assert cli.main(["inventory", "--settings", files, *options]) == 0
    given = {"variables": ["t850"], "step_hours": 1, "missing": "mask", "constant": "error", **settings}
    options = ["--archive", str(root), "--inventory", str(inventory), "--output", str(tmp_path / "month.nc")]
    return cli.main(["extract", "--settings", json.dumps(given), *options])


SAMPLE_DOMAIN = {"south": 42.0, "west": 3.0, "nx": 40, "ny": 32}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample")
    write_sample(root, years=[2007], days=1)
    return root


@pytest.mark.skipif(not shutil.which("cdo"), reason="CDO is not installed")
def test_t850_of_the_sample_is_what_cdo_interpolates(sample: Path, tmp_path: Path) -> None:
    assert extract(tmp_path, sample, "2007-01", domain=SAMPLE_DOMAIN) == 0
    levels = sorted(sample.glob("2007/01/*_ml.grb"))
    whole = tmp_path / "all.grb"
    whole.write_bytes(b"".join(path.read_bytes() for path in levels))
    pressure = tmp_path / "850.nc"
    subprocess.run(["cdo", "-s", "-f", "nc4", "-ml2pl,85000", "-selname,t,lnsp,z", whole, pressure], check=True)
    with xr.open_dataset(tmp_path / "month.nc") as ours, xr.open_dataset(pressure) as theirs:
        expected = theirs["t"].squeeze().sel(lat=ours.latitude, lon=ours.longitude, method="nearest")
        assert ours["t850"].shape == (24, 32, 40)
        np.testing.assert_allclose(ours["t850"], expected, atol=1e-3)  # of 0.01 K asked
        assert ours["t850"].attrs["long_name"] == "Temperature at 850 hPa"


def test_levels_that_are_missing_at_an_hour_are_a_gap(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "archive"
    shutil.copytree(sample, root)
    path = root / "2007" / "01" / "2007010105_ml.grb"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 7 * 6])  # seven messages of one length
    assert extract(tmp_path, root, "2007-01", domain=SAMPLE_DOMAIN, missing="error") == 2
    assert "t850 is missing at 2007-01-01T05:00:00" in capsys.readouterr().err
    assert extract(tmp_path, root, "2007-01", domain=SAMPLE_DOMAIN) == 0
    with netCDF4.Dataset(tmp_path / "month.nc") as file:
        assert file["t850"].shape[0] == 23


def test_an_accumulation_says_so_in_its_cell_method(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    root.mkdir()
    parts = []
    for hour in range(3):
        time = dt.datetime(2007, 1, 1, hour)
        handle = eccodes.codes_new_from_message(message("2t", time, tiny_field("2t", time)))
        for key, value in {"edition": 2, "stepType": "accum", "stepRange": "0-1", "shortName": "tp"}.items():
            eccodes.codes_set(handle, key, value)
        parts.append(eccodes.codes_get_message(handle))
        eccodes.codes_release(handle)
    (root / "a.grib").write_bytes(b"".join(parts))
    domain = {"south": 49.6, "west": 2.6, "nx": 6, "ny": 5}
    assert extract(tmp_path, root, "2007-01", domain=domain, variables=["tp"]) == 0
    with netCDF4.Dataset(tmp_path / "month.nc") as file:
        assert file["tp"].cell_methods == "time: sum (comment: over the 1 h up to the time)"
        first = (dt.datetime(2007, 1, 1, 1) - dt.datetime(1900, 1, 1)) // dt.timedelta(hours=1)
        assert file["time"][:].tolist() == [first, first + 1, first + 2]
