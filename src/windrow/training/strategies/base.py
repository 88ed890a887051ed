"""What all strategies have in common: what the network sees, and the boundary."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from windrow.config import Experiment, Sequences, known_steps
from windrow.models import GridSize, build
from windrow.training.boundary import boundary_mask
from windrow.training.strategies.given import Given, Unrolled


@dataclass(frozen=True)
class Scene:
    """What strategies are made for: variables, windows, statics (static, y, x), number of forcings.

    `difference_mean` and `difference_std` (variable, 1, 1) are those of the normalised one-step differences;
    `graphs` is where graphs on the grid are kept.
    """

    variables: tuple[str, ...]
    sequences: Sequences
    statics: Tensor
    forcings: int
    difference_mean: Tensor
    difference_std: Tensor
    graphs: Path | None = None

    @property
    def grid(self) -> GridSize:
        """The size of the domain."""
        ny, nx = self.statics.shape[1:]
        return GridSize(int(ny), int(nx), self.graphs)


class Strategy(nn.Module):
    """Turns a network that predicts a step, or a block of them, into a forecast of all lead times.

    Attributes
    ----------
    predicted
        Names of the variables that it forecasts.
    """

    statics: Tensor
    boundary: Tensor

    def __init__(self, experiment: Experiment, scene: Scene) -> None:
        super().__init__()
        self.variables = scene.variables
        self.target_steps = scene.sequences.target_steps
        self.input_steps = known_steps(scene.sequences)
        self.predicted: tuple[str, ...] = scene.variables
        self.boundary_width = experiment.strategy.boundary_width
        self.register_buffer("statics", scene.statics)
        mask = boundary_mask(scene.grid.ny, scene.grid.nx, self.boundary_width)
        self.register_buffer("boundary", mask, persistent=False)

    @abstractmethod
    def forward(self, given: Given) -> Unrolled:
        """Forecast."""

    @property
    def noise_shape(self) -> tuple[int, int] | None:
        """Steps and features of the noise of one window, if the network takes noise."""
        features = getattr(self.network, "noise_features", 0)
        return (self.input_steps + self.target_steps - 1, features) if features else None

    def network_for(self, experiment: Experiment, scene: Scene, *, inputs: int, outputs: int) -> nn.Module:
        """The experiment's network for so many fields and what else it sees of a step."""
        return build(experiment.model, inputs=inputs, outputs=outputs, grid=scene.grid)

    def seen(self, *fields: Tensor) -> Tensor:
        """Fields (window, feature, y, x) and the statics, as one."""
        statics = self.statics.expand(fields[0].shape[0], *self.statics.shape)
        parts = [part for part in (*fields, statics) if part.shape[1]]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def bounded(self, field: Tensor, given: Given, lead: int) -> Tensor:
        """The field (window, variable, y, x) with the truth of this lead, counted from 0, on the boundary."""
        if not self.boundary_width:
            return field
        return torch.where(self.boundary, self._truth(given)[:, lead], field)

    def _truth(self, given: Given) -> Tensor:
        if given.truth is None:
            raise ValueError("a strategy with a boundary needs the truth on it")
        return given.truth
