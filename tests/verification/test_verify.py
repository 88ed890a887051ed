import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

from windrow import cli, cuts
from windrow.configfile import validate
from windrow.errors import UserError
from windrow.extracted import hours_since_1900
from windrow.forecasts import create_forecasts
from windrow.grid import grid_of_rows
from windrow.months import first_hour
from windrow.shards.reader import ShardReader
from windrow.statistics import split_hash
from windrow.testing import tiny_config
from windrow.verification.aggregate import read_scores
from windrow.verification.inputs import Sources
from windrow.verification.verify import verify

REAL = Path(__file__).parents[3] / "shared" / "data" / "era5-2mt-2019-03-uk.grib"
README = {"persistence": 8.41, "climatology": 3.77, "day_before": 2.46}
LEADS = 4


def store(
    path: Path,
    tiny: Any,
    inits: np.ndarray[Any, Any],
    offset: float,
    *,
    members: int = 1,
    variables: tuple[str, ...] = ("2t",),
) -> None:
    """Forecasts that are the truth plus an offset; a member has its number on top of that."""
    hours = hours_since_1900(first_hour((2009, 1))) + inits
    with xr.open_dataset(tiny.extracted(2009)) as month:
        values = np.stack([month[name].values for name in variables], axis=1)
        grid = grid_of_rows(month.latitude, month.longitude)
    found = create_forecasts(
        path,
        init_hours=hours,
        lead_hours=np.arange(1, LEADS + 1),
        grid=grid,
        variables={name: {"units": "K"} for name in variables},
        attributes={"experiment": "made", "split_hash": split_hash(tiny.config.splits.train)},
        members=members,
    )
    fields = np.stack([values[init + 1 : init + 1 + LEADS] for init in inits]) + np.float32(offset)
    if members > 1:
        fields = np.stack([fields + np.float32(member) for member in range(members)], axis=1)
    found.write(slice(0, len(inits)), fields)


def verified(tiny: Any, path: Path, **options: Any) -> xr.Dataset:
    """The scores of a store of forecasts; settings of the verification may be others than the tiny config's."""
    settings = {"baselines": ["persistence", "day_before", "climatology"]} | options.pop("settings", {})
    config = validate(tiny.content | {"verification": settings})
    statistics = options.pop("statistics", tiny.path / "statistics.json")
    sources = Sources(path, tiny.shards, tiny.path / "climatology.nc", statistics)
    output = path.with_name("scores.nc")
    verify(cuts.CUTS["verify"](config), sources, output, **options)
    with xr.open_dataset(output, decode_timedelta=False) as opened:
        return opened.load()


def scores_of(tiny: Any, path: Path, inits: np.ndarray[Any, Any], offset: float = 0.5) -> xr.Dataset:
    store(path, tiny, inits, offset)
    return verified(tiny, path)


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
    found = verified(tiny, path)
    assert np.isnan(found.mse_map.sel(forecast="made")[0, 0, 0]).all()
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
            found = scores.mse.sel(forecast=name, lead_time=lead, variable="2t", region="domain", weighting="none")
            np.testing.assert_allclose(found, error, rtol=1e-4)


def test_initial_times_without_the_day_before_are_left_out_for_all(tiny: Any, tmp_path: Path) -> None:
    scores = scores_of(tiny, tmp_path / "forecasts.zarr", np.arange(10, 50))
    assert scores.sizes["init_time"] == 50 - 23
    assert scores.init_time[0].values == np.datetime64("2009-01-01T23:00")
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
    config = validate(tiny.content | {"verification": {"baselines": ["climatology"]}})
    settings = cuts.settings_of("verify", config)
    options = ["--forecasts", str(tmp_path / "forecasts.zarr"), "--shards", str(tiny.shards)]
    options += ["--statistics", str(tiny.path / "statistics.json"), "--climatology", str(path)]
    output = tmp_path / "scores.nc"
    assert cli.main(["verify", "--settings", settings, *options, "--output", str(output)]) == 2
    assert "the climatology has no month 1" in capsys.readouterr().err
    assert not output.exists()


def spoil(path: Path, place: Any, value: float) -> None:
    """Another value at a place of a store of forecasts."""
    group = zarr.open_group(path, mode="r+")
    fields = np.asarray(group["2t"])
    fields[place] = value
    group["2t"][:] = fields


def test_regions_and_areas_are_those_of_xarray(tiny: Any, tmp_path: Path) -> None:
    path, inits = tmp_path / "forecasts.zarr", np.arange(30, 40)
    store(path, tiny, inits, 0.5)
    box = {"south": 50.0, "north": 50.6, "west": 3.0, "east": 3.6}
    scores = verified(tiny, path, settings={"regions": {"box": box}})
    with xr.open_dataset(tiny.extracted(2009)) as month:
        truth = month["2t"].astype(np.float64).load()
    error = truth[inits] - truth[inits + 2].values
    by_area = error.weighted(np.cos(np.deg2rad(error.latitude)))
    inside = error.sel(latitude=slice(50.65, 49.95), longitude=slice(2.95, 3.65))
    assert inside.sizes == {"time": 10, "latitude": 2, "longitude": 2}
    expected = {
        ("domain", "area"): (by_area.mean(("latitude", "longitude")), 1),
        ("box", "none"): ((inside**2).mean(("latitude", "longitude")), 2),
    }
    for (region, weighting), (values, power) in expected.items():
        found = scores["bias" if power == 1 else "mse"].sel(forecast="persistence", lead_time=2, variable="2t")
        np.testing.assert_allclose(found.sel(region=region, weighting=weighting), values, rtol=1e-4, atol=1e-5)


def test_maps_are_means_over_the_initial_times(tiny: Any, tmp_path: Path) -> None:
    inits = np.arange(30, 110)
    scores = scores_of(tiny, tmp_path / "forecasts.zarr", inits).sel(forecast="persistence", lead_time=3)
    with xr.open_dataset(tiny.extracted(2009)) as month:
        truth = month["2t"].astype(np.float64).values
    error = truth[inits] - truth[inits + 3]
    np.testing.assert_allclose(scores.bias_map[0], error.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(scores.mse_map[0], (error**2).mean(axis=0), rtol=1e-5)


def test_the_scores_depend_neither_on_the_threads_nor_on_a_cluster(tiny: Any, tmp_path: Path) -> None:
    from distributed import LocalCluster

    path = tmp_path / "forecasts.zarr"
    store(path, tiny, np.arange(30, 430), 0.5)
    alone = verified(tiny, path)
    xr.testing.assert_identical(verified(tiny, path, threads=3), alone)
    options = {"processes": False, "protocol": "tcp://", "dashboard_address": ":0"}  # by TCP everything is pickled
    with LocalCluster(n_workers=1, threads_per_worker=2, **options) as cluster:
        xr.testing.assert_identical(verified(tiny, path, dask=cluster.scheduler_address), alone)


def test_the_scores_do_not_depend_on_how_many_variables_are_scored_at_once(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "forecasts.zarr"
    store(path, tiny, np.arange(30, 430), 0.5, members=3, variables=("2t", "tcc"))
    together = verified(tiny, path)
    assert together.sizes["variable"] == 2
    monkeypatch.setattr("windrow.verification.verify._VARIABLES_AT_ONCE", 1)
    columns: list[tuple[int, ...]] = []
    read = ShardReader.read
    with monkeypatch.context() as patched:
        patched.setattr(
            ShardReader,
            "read",
            lambda self, first, out, of: (columns.append(tuple(of)), read(self, first, out, of)),
        )
        xr.testing.assert_identical(verified(tiny, path), together)
    assert set(columns) == {(0,), (1,)}  # no more is read than is scored together
    xr.testing.assert_identical(verified(tiny, path, threads=3), together)


def test_a_point_that_one_forecast_lacks_is_left_out_for_all(tiny: Any, tmp_path: Path) -> None:
    path, inits = tmp_path / "forecasts.zarr", np.arange(30, 40)
    whole = scores_of(tiny, path, inits)
    spoil(path, (4, 1, 2, 3), np.nan)
    found = verified(tiny, path)
    assert found.missing.sel(variable="2t").values.tolist() == [1, 0, 0, 0]
    changed = (found.mse != whole.mse).sel(
        forecast="persistence", region="domain", weighting="none", variable="2t"
    )
    assert np.argwhere(changed.values).tolist() == [[4, 1]]
    with xr.open_dataset(tiny.extracted(2009)) as month:
        truth = month["2t"].astype(np.float64).values
    error = (truth[inits[4]] - truth[inits[4] + 2]) ** 2
    expected = (error.sum() - error[2, 3]) / (error.size - 1)
    mse = found.mse.sel(forecast="persistence", region="domain", weighting="none", variable="2t")
    assert float(mse[4, 1]) == pytest.approx(expected, rel=1e-4)
    assert found.spectrum_samples.values.tolist() == [[10, 9, 10, 10]]
    with pytest.raises(UserError, match="not numbers, because the forecasts diverged"):
        read_scores(tmp_path / "scores.nc")


def test_an_ensemble_is_scored_by_its_mean_and_by_its_members(tiny: Any, tmp_path: Path) -> None:
    path = tmp_path / "forecasts.zarr"
    store(path, tiny, np.arange(30, 40), -0.5, members=3)  # errors of -0.5, 0.5 and 1.5
    scores = verified(tiny, path)
    ours = scores.sel(forecast="made", region="domain", weighting="area")
    np.testing.assert_allclose(ours.bias, 0.5, atol=1e-4)
    np.testing.assert_allclose(ours.crps, 2.5 / 3 - (1 + 1 + 2) / 6, atol=1e-4)
    np.testing.assert_allclose(ours.spread, 1.0, atol=1e-4)
    points = 10 * 5 * 6
    assert ours.rank_histogram[0].values.tolist() == [[0, points, 0, 0]] * LEADS
    held = scores.sel(forecast="persistence")
    np.testing.assert_array_equal(held.crps, held.mae)
    assert held.spread.isnull().all()


def test_an_archive_without_some_lead_times_takes_nothing_from_the_others(tiny: Any, tmp_path: Path) -> None:
    path, inits = tmp_path / "forecasts.zarr", np.arange(30, 40)
    whole = scores_of(tiny, path, inits)
    with xr.open_dataset(tiny.extracted(2009)) as month:
        truth = month["2t"].load()
    fields = np.stack([truth.values[init + 1 : init + 3] for init in inits]) + np.float32(1)
    archive = xr.Dataset(
        {"2t": (("init_time", "lead_time", "latitude", "longitude"), fields, {"units": "K"})},
        coords={
            "init_time": ("init_time", truth.time.values[inits], {"standard_name": "forecast_reference_time"}),
            "lead_time": ("lead_time", [1.0, 2.0], {"standard_name": "forecast_period", "units": "hours"}),
            "latitude": truth.latitude,
            "longitude": truth.longitude,
        },
    )
    archive.to_netcdf(tmp_path / "other.nc")
    found = verified(tiny, path, settings={"external": {"other": {"files": str(tmp_path / "*er.nc")}}})
    assert found.forecast.values.tolist() == ["made", "persistence", "day_before", "climatology", "other"]
    other = found.sel(forecast="other")
    np.testing.assert_allclose(other.mse.sel(lead_time=[1, 2]), 1.0, atol=1e-4)
    late = {"lead_time": [3, 4]}
    for name in ("mse", "acc", "ssim", "psnr", "gradient_ratio", "bias_map", "coherence", "fss_error"):
        assert other[name].sel(late).isnull().all(), name
    assert other.hits.sel(late).sum() == 0
    assert other.conditional_count_truth.sel(late).sum() == 0
    assert found.power.sel(field="other").sel(late).isnull().all()
    assert found.power.sel(field="truth").notnull().all()
    for name in ("mse", "ssim", "hits", "coherence", "conditional_truth"):
        np.testing.assert_array_equal(found[name].sel(forecast=whole.forecast), whole[name])


def test_the_range_of_values_is_that_of_the_training_split_unless_it_is_set(tiny: Any, tmp_path: Path) -> None:
    path = tmp_path / "forecasts.zarr"
    scores = scores_of(tiny, path, np.arange(30, 34))
    with xr.open_dataset(tiny.extracted(2007)) as training:
        expected = float(training["2t"].max() - training["2t"].min())
    assert float(scores.data_range[0]) == pytest.approx(expected, rel=1e-6)
    chosen = verified(tiny, path, settings={"data_range": {"2t": 5.0}})
    np.testing.assert_allclose(chosen.psnr.sel(forecast="made"), 20.0, atol=1e-2)  # 10 log10(25 / 0.25)


def test_without_thresholds_there_are_no_scores_of_events(tiny: Any, tmp_path: Path) -> None:
    path = tmp_path / "forecasts.zarr"
    store(path, tiny, np.arange(30, 34), 0.5)
    found = verified(tiny, path, settings={"thresholds": []})
    assert not {"hits", "fss_error", "threshold", "threshold_value"} & set(found.variables)
    assert np.isfinite(found.conditional_truth).any()


def test_inputs_that_are_missing_or_of_another_split_are_refused(tiny: Any, tmp_path: Path) -> None:
    path = tmp_path / "forecasts.zarr"
    store(path, tiny, np.arange(30, 34), 0.5)
    with pytest.raises(UserError, match="damped_persistence needs --damping; run the stage damping first"):
        verified(tiny, path, settings={"baselines": ["damped_persistence"]})
    other = tiny.content | {"splits": tiny.content["splits"] | {"train": [["2007-01-02", "2007-01-31"]]}}
    with pytest.raises(UserError, match="comes from a model of another training split; run the stage forecast"):
        verified(dataclasses.replace(tiny, content=other), path)
    statistics = tmp_path / "statistics.json"
    for content, message in (
        ({"split_hash": "another"}, "is of another training split; run the stage statistics again"),
        (
            {"split_hash": split_hash(tiny.config.splits.train), "variables": {}},
            "has no 2t; run the stage statistics",
        ),
    ):
        statistics.write_text(json.dumps(content))
        with pytest.raises(UserError, match=message):
            verified(tiny, path, statistics=statistics)


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
    scores = verified(real, path, settings={"baselines": list(README)})
    assert scores.sizes["init_time"] == 97
    found = scores.mse.sel(region="domain", weighting="none").mean(("init_time", "lead_time", "variable"))
    assert {name: round(float(found.sel(forecast=name)), 2) for name in README} == README
