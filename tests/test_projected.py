"""A Lambert and a rotated archive, taken from GRIB to the report."""

import datetime as dt
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import eccodes
import netCDF4
import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
import zarr

from windrow import cli, grid
from windrow.cuts import layout
from windrow.forecasts import open_forecasts
from windrow.shards.reader import ShardReader
from windrow.testing import tiny_config, tiny_field, write_tiny_archive

STEP_HOURS = 6


def config_of(root: Path) -> dict[str, Any]:
    content = tiny_config(root)
    content["source"]["step_hours"] = STEP_HOURS
    content["dataset"]["domain"] = {"first_x": 2, "first_y": 1, "nx": 8, "ny": 6}
    content["sequences"] = {"input_steps": 4, "target_steps": 2, "stride": 4}
    content["shards"] = {"block_steps": 62}
    content["experiments"]["cnn"]["training"]["epochs"] = 1
    return content


@pytest.fixture(scope="module", params=["lambert", "rotated"])
def taken(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, make_tiny: Callable[..., Any]
) -> Any:
    path = tmp_path_factory.mktemp(request.param)
    write_tiny_archive(path / "archive", variables=("2t", "tcc"), step_hours=STEP_HOURS, on=request.param)
    return make_tiny(path, config_of(path / "archive"))


def decoded(taken: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Latitudes, longitudes and values of the first message of 2008, as eccodes has them."""
    with (taken.path / "archive" / "2008" / "01" / "fields.grib").open("rb") as stream:
        handle = eccodes.codes_grib_new_from_file(stream)
    try:
        keys = ("latitudes", "longitudes", "values")
        latitude, longitude, values = (eccodes.codes_get_array(handle, key) for key in keys)
    finally:
        eccodes.codes_release(handle)
    return latitude, (longitude + 180) % 360 - 180, values


def test_an_extracted_month_has_the_value_of_each_place(taken: Any) -> None:
    """Each point is looked for by its latitude and longitude among those of eccodes."""
    latitude, longitude, values = decoded(taken)
    with xr.open_dataset(taken.extracted(2008), decode_coords="all") as month:
        assert month["2t"].dims == ("time", "y", "x")
        assert {"latitude", "longitude", "crs"} <= set(month["2t"].coords)
        first = month["2t"].isel(time=0)
        for one in (first[0, 0], first[5, 7], first[2, 4]):
            away = np.hypot(latitude - one.latitude.item(), longitude - one.longitude.item())
            assert away.min() < 1e-5
            assert one.item() == pytest.approx(values[away.argmin()], abs=1e-4)
        np.testing.assert_allclose(first, tiny_field("2t", dt.datetime(2008, 1, 1))[1:7, 2:10], atol=1e-4)


def test_the_grid_is_the_same_in_all_stores(taken: Any) -> None:
    with netCDF4.Dataset(taken.extracted(2007)) as month, netCDF4.Dataset(taken.path / "climatology.nc") as mean:
        found = grid.read_netcdf(month)
        assert found.shape == (6, 8)
        assert grid.read_netcdf(mean).same_as(found)
        assert mean["2t"].grid_mapping == month["2t"].grid_mapping == "crs"
        assert mean["2t"].dimensions == ("month", "hour", "y", "x")
    shards = zarr.open_group(taken.shards, mode="r")
    assert grid.read_zarr(shards).same_as(found)
    assert dict(shards["data"].attrs)["coordinates"] == "latitude longitude"


def test_the_shards_open_in_xarray_and_hold_the_months(taken: Any) -> None:
    with xr.open_zarr(taken.shards, decode_coords="all") as store, xr.open_dataset(taken.extracted(2009)) as month:
        assert store["data"].dims == ("time", "variable", "y", "x")
        assert store["latitude"].shape == (6, 8)
        at = store["data"].sel(time="2009-01-17T06:00", variable="tcc")
        np.testing.assert_array_equal(at, month["tcc"].sel(time="2009-01-17T06:00"))
    assert cli.main(["check-shards", str(taken.shards)]) == 0
    reader = ShardReader(taken.shards, layout(taken.config))
    assert reader.windows(np.array([0]), 2).shape == (1, 2, 2, 6, 8)


@pytest.mark.skipif(shutil.which("cdo") is None, reason="cdo is not installed")
def test_cdo_reads_the_grid_of_a_month(taken: Any) -> None:
    def cdo(*options: str) -> str:
        return subprocess.run(["cdo", "-s", *options], capture_output=True, text=True, check=True).stdout

    month = str(taken.extracted(2007))
    described = cdo("griddes", month)
    with netCDF4.Dataset(month) as file:
        assert file["crs"].grid_mapping_name in described
    assert "xsize     = 8" in described
    assert "124" in cdo("ntime", month)
    assert "2t" in cdo("sinfov", month)
    table = cdo("outputtab,lat,lon,value", "-seltimestep,1", "-selname,2t", month).splitlines()[1:]
    latitude, longitude, values = np.array([line.split() for line in table], dtype=np.float64).T
    with xr.open_dataset(month) as opened:
        np.testing.assert_allclose(opened.latitude.values.ravel(), latitude, atol=1e-4)
        np.testing.assert_allclose(opened.longitude.values.ravel(), longitude, atol=1e-4)
        np.testing.assert_allclose(opened["2t"][0].values.ravel(), values, rtol=1e-5)


@pytest.fixture(scope="module")
def forecast(taken: Any) -> Path:
    """Where the forecasts lie, after training, forecast, verification and report."""
    path = taken.path
    shards = ("--shards", taken.shards, "--climatology", path / "climatology.nc")
    trained = ("--statistics", path / "statistics.json", "--statics", path / "statics.nc", "--work", path / "work")
    outputs = ("--model", path / "model.pt", "--history", path / "history.json")
    taken.step("train", *shards, *trained, *outputs, experiment="cnn")
    store = path / "forecasts.zarr"
    taken.step(
        "forecast", *shards, "--model", path / "model.pt", "--output", store, experiment="cnn", split="test"
    )
    taken.step("damping", *shards, "--output", path / "damping.json")
    factors = ("--damping", path / "damping.json", "--statistics", path / "statistics.json")
    taken.step("verify", *shards, *factors, "--forecasts", store, "--output", path / "scores.nc")
    inventories = [path / f"{year}.json" for year in (2007, 2008, 2009)]
    taken.step("audit", "--inventories", *inventories, "--output", path / "audit.json")
    files = ("--scores", path / "scores.nc", "--forecasts", store, "--shards", taken.shards)
    files += ("--history", path / "history.json", "--audit", path / "audit.json", "--output", path / "report.html")
    taken.step("report", *files, experiment="cnn", split="test")
    return store


def test_forecasts_lie_on_the_grid_of_the_months(taken: Any, forecast: Path) -> None:
    with netCDF4.Dataset(taken.extracted(2007)) as month:
        assert open_forecasts(forecast).grid.same_as(grid.read_netcdf(month))
    with xr.open_zarr(forecast, decode_coords="all") as store:
        assert store["2t"].dims == ("init_time", "lead_time", "y", "x")
        assert {"latitude", "longitude", "crs"} <= set(store["2t"].coords)


def test_the_report_says_where_it_is(taken: Any, forecast: Path) -> None:
    page = (taken.path / "report.html").read_text(encoding="utf-8")
    with xr.open_dataset(taken.extracted(2007)) as month:
        south, east = float(month.latitude.min()), float(month.longitude.max())
    assert f"{south:.1f}°" in page
    assert f"{east:.1f}°" in page
