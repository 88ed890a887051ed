"""The trained model as a file: settings and descriptions as text, numbers as tensors; no code is pickled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor

from windrow.configfile import canonical
from windrow.errors import UserError
from windrow.files import written_beside
from windrow.grid import Grid
from windrow.stages import Train
from windrow.training.device import chosen_device
from windrow.training.model import ForecastModel, empty_surroundings

_COORDINATES = ("y", "x", "latitude", "longitude")


@dataclass(frozen=True)
class Described:
    """What the fields are: their points, and the CF attributes of each variable."""

    grid: Grid
    attributes: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Trained:
    """A model ready to forecast on a device."""

    settings: Train
    model: ForecastModel
    device: torch.device
    described: Described


def save_trained(
    path: Path, settings: Train, statistics: dict[str, Any], weights: dict[str, Tensor], described: Described
) -> None:
    """Write a model with its weights."""
    content = {
        "settings": canonical(settings),
        "statistics": statistics,
        "weights": weights,
        "description": _as_text(described),
        "coordinates": {name: torch.from_numpy(getattr(described.grid, name)) for name in _COORDINATES},
    }
    with written_beside(path) as beside:
        torch.save(content, beside)


def load_trained(path: Path, *, device: torch.device | None = None, graphs: Path | None = None) -> Trained:
    """Read a model and bring it to the kind of device that it was trained for, or to a given one.

    Parameters
    ----------
    graphs
        Where graphs on the grid are kept.

    Raises
    ------
    UserError
        If the file is not there or is damaged, or the device is not there.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        settings = Train.model_validate_json(content["settings"])
        weights = content["weights"]
        model = ForecastModel(settings, empty_surroundings(settings, content["statistics"], weights, graphs))
        model.load_state_dict(weights)
        described = _described(content)
    except FileNotFoundError:
        raise UserError(f"the model {path} is not there; run the stage train first") from None
    except Exception as problem:
        why = shorten(str(problem), 200)
        raise UserError(f"the model {path} cannot be read ({why}); run the stage train again") from None
    found = device or chosen_device(settings.experiment.training.accelerator)
    return Trained(settings, model.to(found).eval(), found, described)


def _as_text(described: Described) -> str:
    grid = described.grid
    plain = {"dimensions": grid.dimensions, "mapping": grid.mapping, "attributes": described.attributes}
    return json.dumps(plain, sort_keys=True, default=lambda value: value.tolist())  # NumPy's numbers and arrays


def _described(content: dict[str, Any]) -> Described:
    plain = json.loads(content["description"])
    coordinates = {name: content["coordinates"][name].numpy() for name in _COORDINATES}
    grid = Grid(dimensions=tuple(plain["dimensions"]), mapping=plain["mapping"], **coordinates)
    return Described(grid, plain["attributes"])
