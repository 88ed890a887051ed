"""What `make run` and `make era5-uk` must have made; each part skips until its command has run."""

from pathlib import Path

import pytest
import xarray as xr

from windrow.configfile import read_config
from windrow.naming import dataset_name
from windrow.verification.aggregate import aggregate, read_scores

ROOT = Path(__file__).parents[2]


def mean_squared_errors(config: str, experiment: str) -> xr.DataArray:
    dataset = dataset_name(read_config(ROOT / "config" / config).dataset)
    path = ROOT / "results" / dataset / experiment / "test" / "scores.nc"
    if not path.exists():
        pytest.skip(f"{config} has not been run here")
    return aggregate(read_scores(path))["mse"].squeeze("variable")


def test_the_samples_convlstm_beats_every_baseline_from_2_h_on() -> None:
    mse = mean_squared_errors("sample.yaml", "convlstm").sel(lead_time=slice(2, None))
    baselines = mse.sel(forecast=["persistence", "day_before", "climatology"])
    assert mse.sizes["lead_time"] == 11
    assert (mse.sel(forecast="convlstm") < baselines.min("forecast")).all()


def test_the_samples_day_before_is_a_good_forecast() -> None:
    mse = mean_squared_errors("sample.yaml", "convlstm").mean("lead_time")
    assert mse.sel(forecast="day_before") < mse.sel(forecast="persistence")
    assert mse.sel(forecast="day_before") < mse.sel(forecast="climatology")


@pytest.mark.parametrize("experiment", ["cnn", "cnn_stepwise", "convlstm", "halfunet"])
def test_on_real_era5_the_models_beat_climatology(experiment: str) -> None:
    mse = mean_squared_errors("era5-uk.yaml", experiment).mean("lead_time")
    assert round(float(mse.sel(forecast="climatology")), 2) == 3.77
    assert float(mse.sel(forecast=experiment)) < 3.77


def test_on_real_era5_the_best_model_beats_the_day_before() -> None:
    mse = mean_squared_errors("era5-uk.yaml", "cnn").mean("lead_time")
    assert round(float(mse.sel(forecast="day_before")), 2) == 2.46
    assert float(mse.sel(forecast="cnn")) < 2.4


@pytest.mark.parametrize("experiment", list(read_config(ROOT / "config" / "architectures.yaml").experiments))
def test_every_architecture_beats_both_persistences_from_3_h_on(experiment: str) -> None:
    mse = mean_squared_errors("architectures.yaml", experiment).sel(lead_time=slice(3, None))
    assert mse.sizes["lead_time"] == 10
    assert (mse.sel(forecast=experiment) < mse.sel(forecast=["persistence", "day_before"]).min("forecast")).all()
