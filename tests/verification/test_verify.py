from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

from windrow import cli, cuts, stages
from windrow.extracted import hours_since_1900
from windrow.forecasts import create_forecasts
from windrow.grid import grid_of_rows
from windrow.months import first_hour
from windrow.statistics import split_hash
from windrow.testing import tiny_config
from windrow.verification.verify import verify

REAL = Path(__file__).parents[3] / "shared" / "data" / "era5-2mt-2019-03-uk.grib"
README = {"persistence": 8.41, "climatology": 3.77, "day_before": 2.46}
LEADS = 4


def store(path: Path, tiny: Any, inits: np.ndarray[Any, Any], offset: float) -> None:
    """Forecasts that are the truth plus an offset."""
    hours = hours_since_1900(first_hour((2009, 1))) + inits
    with xr.open_dataset(tiny.extracted(2009)) as month:
        values = month["2t"].values
        grid = grid_of_rows(month.latitude, month.longitude)
    found = create_forecasts(
        path,
        init_hours=hours,
        lead_hours=np.arange(1, LEADS + 1),
        grid=grid,
        variables={"2t": {"units": "K"}},
        attributes={"experiment": "made", "split_hash": split_hash(tiny.config.splits.train)},
    )
    fields = np.stack([values[init + 1 : init + 1 + LEADS] for init in inits])[:, :, None]
    found.write(slice(0, len(inits)), fields + np.float32(offset))


def verified(tiny: Any) -> stages.Verify:
    baselines = ("persistence", "day_before", "climatology")
    return stages.Verify(layout=cuts.layout(tiny.config), train=tiny.config.splits.train, baselines=baselines)


def scores_of(tiny: Any, path: Path, inits: np.ndarray[Any, Any], offset: float = 0.5) -> xr.Dataset:
    store(path, tiny, inits, offset)
    return verify(verified(tiny), forecasts=path, shards=tiny.shards, climatology=tiny.path / "climatology.nc")


def test_a_constant_offset_is_the_bias_and_the_root_of_the_mse(tiny: Any, tmp_path: Path) -> None:
    scores = scores_of(tiny, tmp_path / "forecasts.zarr", np.arange(30, 110)).sel(forecast="made")
    np.testing.assert_allclose(scores.bias, 0.5, atol=1e-4)
    np.testing.assert_allclose(scores.mse, 0.25, atol=1e-4)
    assert scores.units.values.tolist() == ["K"]


def test_points_that_the_truth_overwrites_are_not_scored(tiny: Any, tmp_path: Path) -> None:
    path, inits = tmp_path / "forecasts.zarr", np.arange(30, 40)
    store(path, tiny, inits, 0.5)
    group = zarr.open_group(path, mode="r+")
    group.attrs["boundary_width"] = 1
    fields = np.asarray(group["2t"])
    fields[..., 0, :] += 100
    fields[..., :, -1] += 100
    group["2t"][:] = fields
    found = verify(verified(tiny), forecasts=path, shards=tiny.shards, climatology=tiny.path / "climatology.nc")
    np.testing.assert_allclose(found.mse.sel(forecast="made"), 0.25, atol=1e-4)
    whole = scores_of(tiny, tmp_path / "whole.zarr", inits)
    assert (found.mse.sel(forecast="persistence") != whole.mse.sel(forecast="persistence")).any()


def test_baselines_equal_what_xarray_says_of_the_extracted_months(tiny: Any, tmp_path: Path) -> None:
    inits = np.arange(30, 110)
    scores = scores_of(tiny, tmp_path / "forecasts.zarr", inits)
    with xr.open_dataset(tiny.extracted(2009)) as month, xr.open_dataset(tiny.extracted(2007)) as training:
        truth = month["2t"].astype(np.float64).values
        mean = training["2t"].astype(np.float64).groupby("time.hour").mean().values
    for lead in (1, 4):
        valid = inits + lead
        expected = {
            "persistence": truth[inits],
            "day_before": truth[valid - 24],
            "climatology": mean[valid % 24],
        }
        for name, forecast in expected.items():
            error = ((forecast - truth[valid]) ** 2).mean(axis=(1, 2))
            found = scores.mse.sel(forecast=name, lead_time=lead, variable="2t")
            np.testing.assert_allclose(found, error, rtol=1e-4)


def test_initial_times_without_the_day_before_are_left_out_for_all(tiny: Any, tmp_path: Path) -> None:
    scores = scores_of(tiny, tmp_path / "forecasts.zarr", np.arange(10, 50))
    assert scores.sizes["init_time"] == 50 - 23
    assert scores.init_time[0].values == hours_since_1900(first_hour((2009, 1))) + 23
    assert np.isfinite(scores.mse).all()


def test_a_month_without_climatology_is_refused_in_one_sentence(
    tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import netCDF4

    store(tmp_path / "forecasts.zarr", tiny, np.arange(30, 34), 0.0)
    with netCDF4.Dataset(tiny.path / "climatology.nc") as source:
        path = tmp_path / "climatology.nc"
        path.write_bytes((tiny.path / "climatology.nc").read_bytes())
        assert source["month"][:].tolist() == [1]
    with netCDF4.Dataset(path, "a") as file:
        file["month"][:] = 7
    settings = cuts.settings_of("verify", tiny.config)
    options = ["--forecasts", str(tmp_path / "forecasts.zarr"), "--shards", str(tiny.shards)]
    output = tmp_path / "scores.nc"
    assert (
        cli.main(["verify", "--settings", settings, *options, "--climatology", str(path), "--output", str(output)])
        == 2
    )
    assert "the climatology has no month 1" in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.skipif(not REAL.exists(), reason="the ERA5 file is not beside the checkout")
def test_baselines_on_real_era5_have_the_published_errors(tmp_path: Path, make_tiny: Any) -> None:
    content = tiny_config(REAL.parent)
    content["source"]["files"] = REAL.name
    content["dataset"] = {
        "period": [{"years": 2019, "months": 3}],
        "domain": {"south": 50, "west": -10, "nx": 49, "ny": 33},
        "variables": ["2t"],
    }
    content["splits"] = {
        "train": [["2019-03-01", "2019-03-22"]],
        "validation": [["2019-03-23", "2019-03-26"]],
        "test": [["2019-03-27", "2019-03-31"]],
    }
    real = make_tiny(tmp_path, content, train_month="2019-03")
    hours = hours_since_1900(first_hour((2019, 3)))
    starts = np.arange(624, 721)  # of the inputs; the initial time is the last of 12
    path = tmp_path / "forecasts.zarr"
    with xr.open_dataset(real.extracted(2019)) as month:
        grid = grid_of_rows(month.latitude, month.longitude)
    made = create_forecasts(
        path,
        init_hours=hours + starts + 11,
        lead_hours=np.arange(1, 13),
        grid=grid,
        variables={"2t": {}},
        attributes={"experiment": "none", "split_hash": split_hash(real.config.splits.train)},
    )
    made.write(slice(0, len(starts)), np.zeros((len(starts), 12, 1, 33, 49), dtype=np.float32))
    settings = stages.Verify(
        layout=cuts.layout(real.config), train=real.config.splits.train, baselines=tuple(README)
    )
    scores = verify(settings, forecasts=path, shards=real.shards, climatology=real.path / "climatology.nc")
    assert scores.sizes["init_time"] == 97
    found = scores.mse.mean(("init_time", "lead_time", "variable"))
    assert {name: round(float(found.sel(forecast=name)), 2) for name in README} == README
