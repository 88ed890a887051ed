import datetime as dt
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr

from windrow.testing import tiny_field

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
    import eccodes

    from windrow.config import Domain
    from windrow.grib.decode import read_field
    from windrow.grib.grid import crop_to
    from windrow.grib.inventory import scan

    grids: dict[str, dict[str, Any]] = {}
    found = list(scan([REAL], REAL.parent, grids))
    assert len(found) == 744
    crop = crop_to(grids[found[0].grid], Domain(south=50, west=-10, nx=49, ny=33))
    chosen = found[333]
    with REAL.open("rb") as stream:
        for _ in range(334):
            handle = eccodes.codes_grib_new_from_file(stream)
    values = eccodes.codes_get_values(handle).reshape(33, 49).astype(np.float32)
    eccodes.codes_release(handle)
    np.testing.assert_array_equal(read_field(REAL.parent, chosen.file, chosen.offset, chosen.length, crop), values)


def with_bitmap(content: bytes, point: int) -> bytes:
    import eccodes

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
    from windrow import cli, stages
    from windrow.configfile import validate
    from windrow.testing import message, tiny_config, write_tiny_archive

    write_tiny_archive(tmp_path / "archive", months=[(2007, 1)], variables=("2t", "tcc"))
    path = tmp_path / "archive" / "2007" / "01" / "fields.grib"
    first = dt.datetime(2007, 1, 1)
    whole = message("2t", first, tiny_field("2t", first))
    path.write_bytes(with_bitmap(whole, point) + path.read_bytes()[len(whole) :])
    config = validate(tiny_config(tmp_path / "archive"))
    inventory, output = tmp_path / "inventory.json", tmp_path / "month.nc"
    options = ["--settings", stages.settings_of("inventory", config), "--month", "2007-01"]
    assert cli.main(["inventory", *options, "--output", str(inventory)]) == 0
    options = ["--settings", stages.settings_of("extract", config), "--inventory", str(inventory)]
    assert cli.main(["extract", *options, "--output", str(output)]) == code
    assert output.exists() == (code == 0)
    assert ("2t at 2007-01-01T00:00:00 has points without a value" in capsys.readouterr().err) == (code == 2)
