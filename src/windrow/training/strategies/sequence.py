"""Read the known fields one by one, then feed each prediction of all variables back: the way of AMBS."""

from __future__ import annotations

import torch
from torch import Tensor

from windrow.config import Experiment, SequenceStrategy
from windrow.models.recurrent import Recurrent
from windrow.training.strategies.base import Scene, Strategy
from windrow.training.strategies.given import Given, Unrolled


class Sequence(Strategy):
    """For networks that keep a state; at each step it sees a field, the next step's forcings and the statics."""

    def __init__(self, experiment: Experiment, scene: Scene) -> None:
        super().__init__(experiment, scene)
        assert isinstance(experiment.strategy, SequenceStrategy)
        self.increment = experiment.strategy.increment
        count = len(scene.variables)
        network = self.network_for(
            experiment, scene, inputs=count + scene.forcings + len(scene.statics), outputs=count
        )
        assert isinstance(network, Recurrent)
        self.network = network

    def forward(self, given: Given) -> Unrolled:
        """Forecast."""
        steps, leads = self.input_steps, given.leads or self.target_steps
        noise = given.noise
        output, state = self.network.encode(self._seen_at_once(given), None if noise is None else noise[:, :steps])
        field = self._next(given.inputs[:, -1], output, given, 0)
        fields = [field]
        for lead in range(1, leads):
            field = self._fed(field, given, lead)
            output, state = self.network(
                self.seen(field, given.forcings[:, steps + lead]),
                state,
                None if noise is None else noise[:, steps + lead - 1],
            )
            field = self._next(field, output, given, lead)
            fields.append(field)
        return Unrolled(torch.stack(fields, dim=1), self.network.divergence(state))

    def _seen_at_once(self, given: Given) -> Tensor:
        """All known steps: (window, input_steps, input, y, x)."""
        forcings = given.forcings[:, 1 : self.input_steps + 1]
        if not forcings.shape[2] and not len(self.statics):
            return given.inputs
        flat = self.seen(given.inputs.flatten(0, 1), forcings.flatten(0, 1))
        return flat.view(*given.inputs.shape[:2], *flat.shape[1:])

    def _next(self, field: Tensor, output: Tensor, given: Given, lead: int) -> Tensor:
        return self.bounded(field + output if self.increment else output, given, lead)

    def _fed(self, field: Tensor, given: Given, lead: int) -> Tensor:
        """What is fed back: the prediction, or the truth where the window is taught."""
        if given.taught is None or given.truth is None:
            return field
        taught = given.taught[:, lead - 1, None, None, None]
        return torch.where(taught, given.truth[:, lead - 1], field)
