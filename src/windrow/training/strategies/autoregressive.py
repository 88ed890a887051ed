"""Step by step: the next field is the last one and a change, which the network predicts (py4cast)."""

from __future__ import annotations

import torch
from torch import Tensor

from windrow.config import Experiment
from windrow.experiment import Autoregressive as Settings
from windrow.training.strategies.base import Scene, Strategy
from windrow.training.strategies.given import Given, Unrolled


class Autoregressive(Strategy):
    """At each step the network sees the last fields, the next step's forcings and the statics.

    `diff_ar` adds the prediction as it is; `scaled_ar` multiplies it by the deviation of the one-step differences
    and adds their mean, so that a network whose output has the mean 0 and the deviation 1 makes changes as
    large as they are. With several substeps each makes its part of a time step's change.
    """

    change_mean: Tensor
    change_std: Tensor

    def __init__(self, experiment: Experiment, scene: Scene) -> None:
        super().__init__(experiment, scene)
        settings = experiment.strategy
        assert isinstance(settings, Settings)
        self.history, self.substeps = settings.history, settings.substeps
        scaled = settings.name == "scaled_ar"
        mean = scene.difference_mean if scaled else torch.zeros_like(scene.difference_mean)
        std = scene.difference_std if scaled else torch.ones_like(scene.difference_std)
        self.register_buffer("change_mean", mean / settings.substeps)
        self.register_buffer("change_std", std / settings.substeps)
        count = len(scene.variables)
        self.network = self.network_for(
            experiment,
            scene,
            inputs=self.history * count + scene.forcings + len(scene.statics),
            outputs=count,
        )

    def forward(self, given: Given) -> Unrolled:
        """Forecast."""
        leads = given.leads or self.target_steps
        known = list(given.inputs[:, -self.history :].unbind(1))
        fields = []
        for lead in range(leads):
            forcings = given.forcings[:, self.input_steps + lead]
            field = self.bounded(self._step(known, forcings), given, lead)
            known = [*known[1:], field]
            fields.append(field)
        return Unrolled(torch.stack(fields, dim=1))

    def _step(self, known: list[Tensor], forcings: Tensor) -> Tensor:
        field = known[-1]
        for _ in range(self.substeps):
            change = self.network(self.seen(*known[:-1], field, forcings))
            field = field + change * self.change_std + self.change_mean
        return field
