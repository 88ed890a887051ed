import json
from pathlib import Path
from typing import Any

import pytest
import torch

from windrow import cuts, stages
from windrow.errors import UserError
from windrow.training.normalisation import Normalisation
from windrow.training.strategies import unrolled
from windrow.training.trained import load_trained, save_trained


@pytest.fixture
def model(tiny: Any, tmp_path: Path) -> Path:
    """A model that was trained, with the accelerator set to cpu, for no epoch."""
    content = json.loads(json.dumps(tiny.content))
    content["experiments"]["convlstm"]["training"]["accelerator"] = "cpu"
    config = type(tiny)(tiny.path, content).config
    settings = stages.Train.model_validate_json(cuts.settings_of("train", config, experiment="convlstm"))
    statistics = json.loads((tiny.path / "statistics.json").read_text())
    variables = settings.layout.variables
    parts = {
        "normalise": Normalisation(statistics, variables),
        "strategy": unrolled(settings.experiment, settings.sequences, variables),
    }
    save_trained(tmp_path / "model.ckpt", settings, statistics, torch.nn.ModuleDict(parts).state_dict())
    return tmp_path / "model.ckpt"


def test_a_model_for_the_cpu_leaves_the_gpu_alone(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert load_trained(model).device.type == "cpu"


def test_weights_of_another_network_are_refused(model: Path) -> None:
    content = torch.load(model, weights_only=True)
    content["weights"].popitem()
    torch.save(content, model)
    with pytest.raises(UserError, match=r"cannot be read \(.*\); run the stage train again") as told:
        load_trained(model)
    assert "\n" not in str(told.value)


def test_a_model_without_weights_is_refused(model: Path) -> None:
    content = torch.load(model, weights_only=True)
    torch.save(content | {"weights": {}}, model)
    with pytest.raises(UserError, match="cannot be read"):
        load_trained(model)


def test_a_model_that_is_not_there_names_the_stage(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run the stage train first"):
        load_trained(tmp_path / "model.ckpt")
