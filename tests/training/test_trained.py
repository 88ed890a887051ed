from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.made import INPUT_STEPS, LENGTH, STATISTICS, physical, settings, surroundings
from windrow.errors import UserError
from windrow.grid import Grid, grid_of_rows
from windrow.stages import Train
from windrow.training.model import ForecastModel
from windrow.training.trained import Described, load_trained, save_trained

INPUTS = {"forcings": ["hour", "solar_zenith"], "statics": ["z", "longitude"]}


DESCRIBED = Described(
    grid_of_rows([50.0, 51.0, 52.0, 53.0], np.arange(5.0)),
    {"2t": {"units": "K", "valid_min": np.float32(-1.5)}, "tcc": {"units": "1", "flags": np.array([1, 2])}},
)


def made(its: Train) -> ForecastModel:
    table = torch.randn(288, 2, 4, 5).numpy() if its.experiment.strategy.anomaly else None
    return ForecastModel(its, surroundings(its, table=table))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A model of no training, with the accelerator set to cpu."""
    its = settings("sequence")
    save_trained(tmp_path / "model.ckpt", its, STATISTICS, made(its).state_dict(), DESCRIBED)
    return tmp_path / "model.ckpt"


@pytest.mark.parametrize("strategy", ["sequence", "direct", "diff_ar", "scaled_ar"])
@pytest.mark.parametrize("anomaly", [False, True])
def test_a_model_that_is_read_forecasts_as_the_one_that_was_written(
    tmp_path: Path, strategy: str, anomaly: bool
) -> None:
    its = settings({"name": strategy, "anomaly": anomaly}, inputs=INPUTS)
    model = made(its)
    save_trained(tmp_path / "model.ckpt", its, STATISTICS, model.state_dict(), DESCRIBED)
    found = load_trained(tmp_path / "model.ckpt")
    assert found.settings == its
    assert not found.model.training
    given = physical(2, INPUT_STEPS), torch.arange(LENGTH).expand(2, -1), torch.randn(2, LENGTH, 8)
    with torch.inference_mode():
        assert found.model.forecast(*given).tensor.equal(model.eval().forecast(*given).tensor)


def test_a_model_for_the_cpu_leaves_the_gpu_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert load_trained(path).device.type == "cpu"


def test_the_file_holds_nothing_but_text_numbers_and_tensors(path: Path) -> None:
    content = torch.load(path, weights_only=True)
    assert set(content) == {"settings", "statistics", "weights", "description", "coordinates"}
    assert isinstance(content["settings"], str)


def test_points_and_attributes_come_back(path: Path) -> None:
    found = load_trained(path).described
    assert found.grid.same_as(DESCRIBED.grid)
    assert found.attributes == {"2t": {"units": "K", "valid_min": -1.5}, "tcc": {"units": "1", "flags": [1, 2]}}


def test_a_projected_grid_comes_back_with_its_mapping(tmp_path: Path) -> None:
    y, x = np.arange(4.0), np.arange(5.0)
    mapping = {"grid_mapping_name": "rotated_latitude_longitude", "grid_north_pole_latitude": np.float64(39.25)}
    grid = Grid(("y", "x"), y, x, y[:, None] + 0.01 * x, x + 0.01 * y[:, None], mapping)
    its = settings("direct")
    save_trained(tmp_path / "model.ckpt", its, STATISTICS, made(its).state_dict(), Described(grid, {}))
    assert load_trained(tmp_path / "model.ckpt").described.grid.same_as(grid)


def test_weights_of_another_network_are_refused(path: Path) -> None:
    content = torch.load(path, weights_only=True)
    content["weights"].popitem()
    torch.save(content, path)
    with pytest.raises(UserError, match=r"cannot be read \(.*\); run the stage train again") as told:
        load_trained(path)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("key", ["settings", "statistics", "weights", "description", "coordinates"])
def test_a_file_that_lacks_something_is_refused(path: Path, key: str) -> None:
    content = torch.load(path, weights_only=True)
    del content[key]
    torch.save(content, path)
    with pytest.raises(UserError, match="cannot be read"):
        load_trained(path)


def test_a_model_without_weights_is_refused(path: Path) -> None:
    content = torch.load(path, weights_only=True)
    torch.save(content | {"weights": {}}, path)
    with pytest.raises(UserError, match="cannot be read"):
        load_trained(path)


@pytest.mark.parametrize("length", [0, 100, -1])
def test_a_file_that_was_cut_is_refused(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UserError, match="cannot be read"):
        load_trained(path)


def test_a_model_that_is_not_there_names_the_stage(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run the stage train first"):
        load_trained(tmp_path / "model.ckpt")
