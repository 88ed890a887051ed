"""Members of ensembles, by generative networks of no training on the tiny dataset."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from windrow import cuts, stages
from windrow.climatology import read_climatology
from windrow.configfile import canonical
from windrow.errors import UserError
from windrow.forecasting import forecast_split, member_noise
from windrow.forecasts import open_forecasts
from windrow.training.model import ForecastModel, surroundings_of
from windrow.training.trained import Described, save_trained

NETWORKS = {
    "vae": {"name": "vae", "features": 2, "latent": 3},
    "savp": {
        "name": "savp",
        "features": 2,
        "encoder_features": 2,
        "discriminator_features": 2,
        "latent": 3,
        "scales": 1,
    },
    "convlstm": {"name": "convlstm", "features": 2, "kernel": 3},
}


class Case:
    """A model on the tiny dataset that a split can be forecast with."""

    def __init__(self, tiny: Any, path: Path, network: str) -> None:
        self.path, self.tiny = path, tiny
        content = copy.deepcopy(tiny.content)
        experiment = content["experiments"]["convlstm"]
        experiment["model"] = NETWORKS[network]
        experiment["training"] = {"accelerator": "cpu", "batch_size": 8}
        content["experiments"] = {"drawn": experiment}
        config = type(tiny)(tiny.path, content).config
        its = stages.Train.model_validate_json(cuts.settings_of("train", config, experiment="drawn"))
        found = read_climatology(tiny.path / "climatology.nc", its.train)
        statistics = json.loads((tiny.path / "statistics.json").read_text())
        torch.manual_seed(1)
        model = ForecastModel(its, surroundings_of(its, statistics, found.grid, archived={}))
        described = Described(found.grid, found.attributes)
        save_trained(path / "model.ckpt", its, statistics, model.state_dict(), described)
        text = cuts.settings_of("forecast", config, experiment="drawn", split="test")
        self.settings = stages.Forecast.model_validate_json(text)

    def forecast(self, name: str, **changed: Any) -> Path:
        output = self.path / name
        places = {"shards": self.tiny.shards, "climatology": self.tiny.path / "climatology.nc"}
        settings = self.settings.model_copy(update=changed)
        forecast_split(settings, **places, model=self.path / "model.ckpt", threads=1, output=output)
        return output


@pytest.mark.parametrize("network", ["vae", "savp"])
def test_members_differ_and_do_not_depend_on_the_batches(network: str, tiny: Any, tmp_path: Path) -> None:
    case = Case(tiny, tmp_path, network)
    found = open_forecasts(case.forecast("a.zarr", members=3))
    assert found.member_count == 3
    members = found.members(slice(None))
    assert members.shape == (3, len(found.init_hours), 4, 1, 5, 6)
    assert np.isfinite(members).all()
    assert (np.ptp(members, axis=0).max(axis=(1, 2, 3, 4)) > 0).all()
    other = open_forecasts(case.forecast("b.zarr", members=3, batch_size=5)).members(slice(None))
    np.testing.assert_allclose(other, members, rtol=1e-6)
    fewer = open_forecasts(case.forecast("c.zarr", members=2)).members(slice(None))
    np.testing.assert_allclose(fewer, members[:2], rtol=1e-6)


def test_a_member_is_the_forecast_with_the_noise_of_its_initial_time(tiny: Any, tmp_path: Path) -> None:
    case = Case(tiny, tmp_path, "vae")
    found = open_forecasts(case.forecast("a.zarr", members=2))
    plain = open_forecasts(case.forecast("b.zarr"))
    assert plain.member_count == 1
    assert plain.members(slice(0, 5)).shape == (1, 5, 4, 1, 5, 6)
    assert not np.allclose(plain.fields(slice(None)), found.fields(slice(None)), rtol=1e-6)
    shape = (case.settings.sequences.input_steps + 4 - 1, 3)
    noise = member_noise(np.array([10, 10, 22, -7]), np.array([0, 1, 0, 0]), shape)
    assert noise.shape == (4, *shape)
    torch.testing.assert_close(noise[:1], member_noise(np.array([10]), np.array([0]), shape))
    assert len({round(float(one.sum()), 6) for one in noise}) == 4


def test_the_noise_is_standard_normal() -> None:
    noise = member_noise(np.arange(200), np.zeros(200, dtype=np.int64), (10, 16)).numpy()
    assert abs(noise.mean()) < 4 / np.sqrt(noise.size)
    assert noise.var() == pytest.approx(1.0, abs=4 * np.sqrt(2 / noise.size))


def test_the_store_of_an_ensemble_is_cf_and_its_forecast_the_mean(tiny: Any, tmp_path: Path) -> None:
    store = Case(tiny, tmp_path, "vae").forecast("a.zarr", members=10)
    found = open_forecasts(store)
    with xr.open_zarr(store) as opened:
        assert opened["2t"].dims == ("init_time", "member", "lead_time", "latitude", "longitude")
        assert opened["member"].attrs["standard_name"] == "realization"
        assert opened["2t"].encoding["chunks"] == (4, 10, 4, 5, 6)
        expected = opened["2t"].astype(np.float64).mean("member")
        np.testing.assert_allclose(found.fields(slice(3, 9))[:, :, 0], expected[3:9], rtol=1e-6)
    assert found.chunk_inits == 4


def test_members_of_a_network_that_draws_nothing_are_refused(tiny: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"draws no random numbers, .* its 2 members .* set forecast.members to 1"):
        Case(tiny, tmp_path, "convlstm").forecast("a.zarr", members=2)
    assert not (tmp_path / "a.zarr").exists()


def test_two_processes_share_the_chunks_and_write_what_one_does(tiny: Any, tmp_path: Path) -> None:
    case = Case(tiny, tmp_path, "convlstm")
    alone = case.forecast("alone.zarr")
    assert len(open_forecasts(alone).init_hours) > open_forecasts(alone).chunk_inits
    places = {"shards": tiny.shards, "climatology": tiny.path / "climatology.nc", "model": tmp_path / "model.ckpt"}
    options = [f"--{name}={path}" for name, path in places.items()]
    settings = ("--settings", canonical(case.settings))
    command = [sys.executable, "-m", "windrow", "forecast", *settings, *options, "--threads=2", "--devices=2"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "shared.zarr")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("forecasts of 4 steps") == 1
    written = [path.relative_to(alone) for path in sorted(alone.rglob("*")) if path.is_file()]
    assert written == [
        path.relative_to(tmp_path / "shared.zarr")
        for path in sorted((tmp_path / "shared.zarr").rglob("*"))
        if path.is_file()
    ]
    for path in written:
        assert (alone / path).read_bytes() == (tmp_path / "shared.zarr" / path).read_bytes(), path
