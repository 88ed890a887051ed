"""All lead times of the targets at once, from all known fields."""

from __future__ import annotations

import torch

from windrow.config import DirectStrategy, Experiment
from windrow.training.strategies.base import Scene, Strategy
from windrow.training.strategies.given import Given, Unrolled


class Direct(Strategy):
    """The network predicts a block of all steps; it sees the forcings of all forecast steps."""

    def __init__(self, experiment: Experiment, scene: Scene) -> None:
        super().__init__(experiment, scene)
        assert isinstance(experiment.strategy, DirectStrategy)
        self.increment = experiment.strategy.increment
        self.predicted = experiment.targets
        self.places = [scene.variables.index(name) for name in experiment.targets]
        known = self.input_steps * len(scene.variables) + self.target_steps * scene.forcings
        self.network = self.network_for(
            experiment, scene, inputs=known + len(scene.statics), outputs=self.target_steps * len(self.places)
        )

    def forward(self, given: Given) -> Unrolled:
        """Forecast."""
        forcings = given.forcings[:, self.input_steps :]
        # (window, step, feature, y, x) -> (window, step * feature, y, x)
        output = self.network(self.seen(given.inputs.flatten(1, 2), forcings.flatten(1, 2)))
        fields = output.view(len(output), self.target_steps, len(self.places), *output.shape[2:])
        if self.increment:
            fields = fields + given.inputs[:, -1:, self.places]
        if self.boundary_width:
            fields = torch.where(self.boundary, self._truth(given)[:, :, self.places], fields)
        return Unrolled(fields)
