"""The trained model as a file: settings as text, statistics and weights; nothing is pickled but tensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor, nn

from windrow.configfile import canonical
from windrow.errors import UserError
from windrow.files import written_beside
from windrow.stages import Train
from windrow.training.device import chosen_device
from windrow.training.normalisation import Normalisation
from windrow.training.strategies import unrolled


@dataclass(frozen=True)
class Trained:
    """A model ready to forecast on a device."""

    settings: Train
    normalise: Normalisation
    strategy: nn.Module
    device: torch.device

    def forecast(self, inputs: Tensor, rows: Tensor) -> Tensor:
        """Physical inputs (window, input_steps, variable, y, x) to physical targets (window, lead, target, y, x).

        `rows` (window, step) are the rows of the climatology of all steps, inputs and targets.
        """
        steps = inputs.shape[1]
        variables = self.settings.layout.variables
        places = [variables.index(name) for name in self.settings.experiment.targets]
        with torch.inference_mode():
            normalised = self.strategy(self.normalise(inputs, rows[:, :steps]))
            return self.normalise.inverse(normalised, rows[:, steps:], places)


def save_trained(path: Path, settings: Train, statistics: dict[str, Any], weights: dict[str, Tensor]) -> None:
    """Write a model with the weights of the Lightning module's `normalise` and `strategy`."""
    with written_beside(path) as beside:
        torch.save({"settings": canonical(settings), "statistics": statistics, "weights": weights}, beside)


def load_trained(path: Path) -> Trained:
    """Read a model and bring it to the kind of device that it was trained for.

    Raises
    ------
    UserError
        If the file is not there or is damaged, or the device is not there.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        settings = Train.model_validate_json(content["settings"])
        parts = _parts(settings, content["statistics"], content["weights"])
    except FileNotFoundError:
        raise UserError(f"the model {path} is not there; run the stage train first") from None
    except Exception as problem:
        why = shorten(str(problem), 200)
        raise UserError(f"the model {path} cannot be read ({why}); run the stage train again") from None
    device = chosen_device(settings.experiment.training.accelerator)
    parts.to(device).eval()
    normalise = parts["normalise"]
    assert isinstance(normalise, Normalisation)
    return Trained(settings, normalise, parts["strategy"], device)


def _parts(settings: Train, statistics: dict[str, Any], weights: dict[str, Tensor]) -> nn.ModuleDict:
    variables = settings.layout.variables
    parts = nn.ModuleDict(
        {
            "normalise": Normalisation(statistics, variables, weights.get("normalise.table")),
            "strategy": unrolled(settings.experiment, settings.sequences, variables),
        }
    )
    parts.load_state_dict(weights)
    return parts
