import datetime as dt
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from windrow.config import IndexDomain
from windrow.errors import UserError
from windrow.extracted import hours_since_1900
from windrow.grib.encode import write_grib
from windrow.grib.grid import crop_to, describe_grid
from windrow.grid import PROJECTED, Grid, grid_of_rows
from windrow.testing import TINY_GRIDS, message, message_on
from windrow.verification.external import ExternalForecasts, common_samples, open_external
from windrow.verification_settings import External

LATITUDE, LONGITUDE = np.array([51.4, 51.1, 50.8, 50.5]), np.array([2.0, 2.3, 2.6, 2.9, 3.2])  # of the archive
GRID = grid_of_rows([50.8, 51.1], [2.3, 2.6, 2.9])  # the dataset's, the other way up
START = dt.datetime(2009, 1, 5)
INITS = hours_since_1900(START) + np.array([0, 12, 24])
LEADS = np.array([3, 6])
AHEAD = LEADS * np.timedelta64(1, "h")


def values(inits: int = 3, leads: int = 2, shape: tuple[int, int] = (4, 5)) -> np.ndarray:
    """Different at each place: (init, lead, y, x)."""
    return 280 + np.arange(inits * leads * shape[0] * shape[1], dtype=np.float32).reshape(inits, leads, *shape) / 8


def archive(**coordinates: Any) -> xr.Dataset:
    """As windrow's own forecasts are: CF, initial time by lead time."""
    times = np.datetime64(START, "ns") + np.array([0, 12, 24]) * np.timedelta64(1, "h")
    return xr.Dataset(
        {"t2m": (("start", "ahead", "lat", "lon"), values(), {"units": "K"})},
        coords={
            "start": ("start", times, {"standard_name": "forecast_reference_time"}),
            "ahead": ("ahead", np.array([3.0, 6.0]), {"standard_name": "forecast_period", "units": "hours"}),
            "lat": ("lat", LATITUDE, {"standard_name": "latitude"}),
            "lon": ("lon", LONGITUDE, {"standard_name": "longitude"}),
        }
        | coordinates,
    )


def opened(
    files: Path | str, *, grid: Grid = GRID, names: dict[str, str] | None = None, unit: str = "K"
) -> ExternalForecasts:
    settings = External(files=str(files), variables={"2t": "t2m"} if names is None else names)
    return open_external("ifs", settings, grid=grid, variables=("2t",), units={"2t": unit})


def of_domain(fields: np.ndarray) -> np.ndarray:
    """The rows and columns of `GRID`, from the south, with an axis for the variable."""
    return fields[:, :, None, 2:0:-1, 1:4]


def test_fields_of_the_domain_are_taken_out_of_a_larger_archive_that_runs_the_other_way(tmp_path: Path) -> None:
    archive().to_netcdf(tmp_path / "a.nc")
    found = opened(tmp_path / "*.nc")
    np.testing.assert_array_equal(found.fields(INITS[[2, 0]], LEADS), of_domain(values()[[2, 0]]))
    assert found.covers(INITS, LEADS).all()


def test_packed_values_and_points_without_a_value_are_read_as_they_mean(tmp_path: Path) -> None:
    made = archive()
    made["t2m"][1, 0, 1, 2] = np.nan
    packed = {"dtype": "int16", "scale_factor": 0.125, "add_offset": 290.0, "_FillValue": -1000}
    made.to_netcdf(tmp_path / "a.nc", encoding={"t2m": packed})
    expected = values()
    expected[1, 0, 1, 2] = np.nan
    np.testing.assert_allclose(opened(tmp_path / "a.nc").fields(INITS, LEADS), of_domain(expected), rtol=1e-6)


def test_longitudes_may_run_from_0_to_360_and_across_the_meridian(tmp_path: Path) -> None:
    archive(lon=("lon", np.array([0.0, 0.3, 359.1, 359.4, 359.7]), {"standard_name": "longitude"})).to_netcdf(
        tmp_path / "a.nc"
    )
    found = opened(tmp_path / "a.nc", grid=grid_of_rows([50.8, 51.1], [-0.6, -0.3, 0.0, 0.3]))
    expected = values()[:, :, None, 2:0:-1][..., [3, 4, 0, 1]]
    np.testing.assert_array_equal(found.fields(INITS, LEADS), expected)


def one_init(place: int) -> xr.Dataset:
    return archive().isel(start=place)


def valid_times(place: int) -> xr.Dataset:
    """A file per initial time, along the valid times, as CDO leaves it."""
    made = one_init(place)
    made = made.assign_coords(time=("ahead", made["start"].values + AHEAD, {"standard_name": "time"}))
    return made.swap_dims(ahead="time").drop_vars("ahead")


def with_time_alone(place: int) -> xr.Dataset:
    """Along the lead time, with the valid times and without the initial one."""
    times = one_init(place)["start"].values + AHEAD
    return one_init(place).drop_vars("start").assign_coords(time=("ahead", times))


def as_cfgrib(place: int) -> xr.Dataset:
    """`time` is the initial time, `step` the lead time, `valid_time` along it, and the level a scalar."""
    made = one_init(place).rename(start="time", ahead="step")
    made["time"].attrs["standard_name"] = "time"
    valid = ("step", made["time"].values + AHEAD, {"standard_name": "time"})
    return made.assign_coords(valid_time=valid, heightAboveGround=2.0)


def as_weatherbench(place: int) -> xr.Dataset:
    names = {"start": "time", "ahead": "prediction_timedelta", "lat": "latitude", "lon": "longitude"}
    made = archive().isel(start=[place]).rename(names)
    for name in made.coords:
        made[name].attrs.pop("standard_name", None)
    return made.transpose("time", "prediction_timedelta", "longitude", "latitude")


@pytest.mark.parametrize("form", [one_init, valid_times, with_time_alone, as_cfgrib, as_weatherbench])
def test_a_file_per_initial_time_in_many_forms(form: Any, tmp_path: Path) -> None:
    for place in range(3):
        form(place).to_netcdf(tmp_path / f"{place}.nc")
    found = opened(tmp_path / "*.nc")
    assert found.covers(INITS, LEADS).tolist() == [True, True, True]
    np.testing.assert_array_equal(found.fields(INITS, LEADS), of_domain(values()))


def test_lead_times_of_one_initial_time_may_lie_in_several_files(tmp_path: Path) -> None:
    for place in range(2):
        archive().isel(ahead=place).expand_dims(realization=1).to_netcdf(tmp_path / f"{place}.nc")
    np.testing.assert_array_equal(opened(tmp_path / "*.nc").fields(INITS, LEADS), of_domain(values()))


def test_lead_times_that_the_archive_lacks_are_no_numbers(tmp_path: Path) -> None:
    archive().to_netcdf(tmp_path / "a.nc")
    found = opened(tmp_path / "a.nc")
    leads = np.array([1, 3, 5])
    assert found.lead_hours(leads).tolist() == [3]
    fields = found.fields(INITS[:1], leads)
    assert np.isnan(fields[:, [0, 2]]).all()
    np.testing.assert_array_equal(fields[:, [1]], of_domain(values()[:1, :1]))
    assert not found.covers(INITS, np.array([1, 2])).any()


def test_initial_times_that_an_archive_lacks_are_left_out_for_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive().to_netcdf(tmp_path / "a.nc")
    made = archive()
    made.isel(start=[0, 1], ahead=[0]).to_netcdf(tmp_path / "b0.nc")
    made.isel(start=[1], ahead=[1]).to_netcdf(tmp_path / "b1.nc")
    both = [opened(tmp_path / "a.nc"), opened(tmp_path / "b*.nc")]
    asked = np.array([*INITS, INITS[-1] + 12])
    assert common_samples(both[:1], asked, LEADS).tolist() == [True, True, True, False]
    assert "ifs lacks 1 of 4 initial times, which are left out for all" in capsys.readouterr().out
    assert common_samples(both, asked, LEADS).tolist() == [False, True, False, False]
    assert common_samples([], asked, LEADS).all()
    with pytest.raises(
        UserError, match=r"verification.external.ifs has none of the 1 initial times .* bring these"
    ):
        common_samples(both, asked[3:], LEADS)
    with pytest.raises(UserError, match="have no initial time in common"):
        common_samples([_only(tmp_path, 0), _only(tmp_path, 1)], asked, LEADS)


def _only(path: Path, place: int) -> ExternalForecasts:
    archive().isel(start=[place]).to_netcdf(path / f"only{place}.nc")
    return opened(path / f"only{place}.nc")


def test_an_archive_travels_to_other_processes(tmp_path: Path) -> None:
    archive().to_netcdf(tmp_path / "a.nc")
    found = pickle.loads(pickle.dumps(opened(tmp_path / "a.nc")))
    np.testing.assert_array_equal(found.fields(INITS, LEADS), of_domain(values()))


def grib(path: Path, fields: np.ndarray, *, init: int = 0, leads: tuple[int, ...] = (3, 6)) -> None:
    write_grib(
        path,
        templates={"2t": message("2t", START, np.zeros((8, 10)))},
        init_time=START + dt.timedelta(hours=12 * init),
        lead_hours=leads,
        fields={"2t": fields},
        grid=grid_of_rows(LATITUDE, LONGITUDE),
        bits=24,
    )


def test_fields_are_taken_out_of_grib_by_step(tmp_path: Path) -> None:
    for place in range(3):
        grib(tmp_path / f"{place}.grib", values()[place], init=place)
    found = opened(tmp_path / "*.grib", names={})
    assert found.covers(np.array([*INITS, 0]), LEADS).tolist() == [True, True, True, False]
    np.testing.assert_allclose(found.fields(INITS[[1, 0]], LEADS), of_domain(values()[[1, 0]]), rtol=1e-6)
    assert np.isnan(found.fields(INITS, np.array([3, 4]))[:, 1]).all()


def test_projected_points_are_found_in_grib_and_in_netcdf(tmp_path: Path) -> None:
    kind, keys = TINY_GRIDS["lambert"]
    field = 280 + np.arange(80.0).reshape(8, 10)
    content = message_on(kind, keys, field, time=START)
    (tmp_path / "a.grib").write_bytes(content)
    described = _described(content)
    grid = crop_to(described, IndexDomain(first_x=2, first_y=3, nx=4, ny=3)).grid
    found = opened(tmp_path / "a.grib", names={}, grid=grid).fields(INITS[:1], np.array([0]))
    np.testing.assert_allclose(found[0, 0, 0], field[3:6, 2:6], rtol=1e-6)
    whole = crop_to(described, IndexDomain(first_x=0, first_y=0, nx=10, ny=8)).grid
    points = {"latitude": (("y", "x"), whole.latitude), "longitude": (("y", "x"), whole.longitude)}
    made = xr.Dataset(
        {"2t": (("y", "x"), field, {"units": "K"})},
        coords={"init_time": np.datetime64(START, "ns"), "lead_time": np.timedelta64(3, "h")} | points,
    )
    made.isel(y=slice(None, None, -1)).to_netcdf(tmp_path / "a.nc")
    read = opened(tmp_path / "a.nc", names={}, grid=grid).fields(INITS[:1], np.array([3]))
    np.testing.assert_allclose(read[0, 0, 0], field[3:6, 2:6])
    shifted = Grid(PROJECTED, grid.y, grid.x, grid.latitude + 0.1, grid.longitude, grid.mapping)
    for name in ("a.nc", "a.grib"):
        with pytest.raises(UserError, match="does not have the points of the dataset; interpolate"):
            opened(tmp_path / name, names={}, grid=shifted)


def _described(content: bytes) -> dict[str, Any]:
    import eccodes

    handle = eccodes.codes_new_from_message(content)
    try:
        return describe_grid(handle)
    finally:
        eccodes.codes_release(handle)


def test_an_archive_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"verification.external.ifs.files: .*/\*.nc matches no file; bring the archive"
    ):
        opened(tmp_path / "*.nc")


REFUSED = {
    "other points": (
        archive(lat=("lat", LATITUDE + 0.1)),
        "a.nc does not have the points of the dataset; interpolate",
    ),
    "too few points": (archive().isel(lat=[0, 1]), "does not have the points of the dataset; interpolate"),
    "other units": (
        archive().assign(t2m=archive()["t2m"].assign_attrs(units="degC")),
        "is in 'degC' and not in 'K'",
    ),
    "no units": (archive().assign(t2m=(archive()["t2m"].dims, values())), "has no units; give it those"),
    "other variable": (archive().rename(t2m="t"), "a.nc has no t2m, but t; say its name there in `variables`"),
    "members": (archive().expand_dims(number=2), "has the dimension number as well; leave one field of it"),
    "no lead": (archive().isel(ahead=0, drop=True), "does not say from when and how far ahead"),
    "no init": (archive().isel(start=0, drop=True), "does not say from when and how far ahead"),
    "two inits": (
        archive().isel(start=0, drop=True).assign_coords(time=("ahead", [np.datetime64(START, "ns")] * 2)),
        "does not say from when and how far ahead",
    ),
    "plain numbers": (
        archive(ahead=("ahead", [3, 6], {"standard_name": "forecast_period"})),
        "its lead times as durations",
    ),
    "no points": (archive().drop_vars(["lat", "lon"]), "it has no latitude and longitude"),
    "a line of points": (
        archive()
        .isel(lat=0, drop=True)
        .assign_coords(lat=("lon", LONGITUDE))
        .drop_vars("lon")
        .assign_coords(longitude=("lon", LONGITUDE)),
        "its points lie along 1 dimensions",
    ),
}


@pytest.mark.parametrize(("made", "message"), REFUSED.values(), ids=REFUSED)
def test_files_that_do_not_fit_are_refused(made: xr.Dataset, message: str, tmp_path: Path) -> None:
    made.to_netcdf(tmp_path / "a.nc")
    with pytest.raises(UserError, match=message):
        opened(tmp_path / "a.nc")


def test_a_variable_that_does_not_change_with_the_initial_time_is_refused(tmp_path: Path) -> None:
    made = archive()
    made["t2m"] = made["t2m"].isel(start=0, drop=True)
    made.to_netcdf(tmp_path / "a.nc")
    with pytest.raises(UserError, match="does not run along start; take another variable"):
        opened(tmp_path / "a.nc")


def test_files_that_are_neither_netcdf_nor_grib_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.nc").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"a.nc cannot be read as netCDF or GRIB"):
        opened(tmp_path / "a.nc")


def test_a_field_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    for name in ("a.nc", "b.nc"):
        archive().to_netcdf(tmp_path / name)
    with pytest.raises(UserError, match="both have the lead time 3 h from 2009-01-05T00; leave one of them out"):
        opened(tmp_path / "*.nc")
    for name in ("a.grib", "b.grib"):
        grib(tmp_path / name, values()[0])
    with pytest.raises(UserError, match=r"b.grib has 2t of 2009-01-05 03:00:00 3 h ahead, which is there before"):
        opened(tmp_path / "*.grib", names={})


def test_grib_of_other_points_units_and_variables_is_refused(tmp_path: Path) -> None:
    grib(tmp_path / "a.grib", values()[0])
    with pytest.raises(UserError, match=r"verification.external.ifs: 2t does not have the points"):
        opened(tmp_path / "a.grib", names={}, grid=grid_of_rows([50.7, 51.0], [2.3, 2.6]))
    with pytest.raises(UserError, match=r"2t of a.grib is in 'K' and not in 'degC'"):
        opened(tmp_path / "a.grib", names={}, unit="degC")
    with pytest.raises(UserError, match="the files have no t2m, but 2t; say its name there"):
        opened(tmp_path / "a.grib")


@pytest.mark.parametrize(("ours", "theirs"), [("m s**-1", "m s-1"), ("K", "kelvin"), ("1", "(0 - 1)")])
def test_units_may_be_spelt_in_two_ways(ours: str, theirs: str, tmp_path: Path) -> None:
    archive().assign(t2m=archive()["t2m"].assign_attrs(units=theirs)).to_netcdf(tmp_path / "a.nc")
    assert opened(tmp_path / "a.nc", unit=ours).covers(INITS, LEADS).all()
