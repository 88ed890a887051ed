"""How a network's prediction becomes a forecast of all lead times, on normalised fields.

A strategy is called with inputs (batch, input_steps, variable, y, x) and returns (batch, target_steps, target,
y, x). It owns the network, which it asks for one step or for all.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from windrow.config import DirectStrategy, Experiment, Sequences, SequenceStrategy
from windrow.models import build
from windrow.models.recurrent import Recurrent, State


class Sequence(nn.Module):
    """Read the input fields one by one, then feed each prediction of all variables back (AMBS)."""

    def __init__(self, experiment: Experiment, sequences: Sequences, variables: tuple[str, ...]) -> None:
        super().__init__()
        self.increment = experiment.strategy.increment
        self.target_steps = sequences.target_steps
        self.targets = [variables.index(name) for name in experiment.targets]
        network = build(experiment.model, inputs=len(variables), outputs=len(variables))
        assert isinstance(network, Recurrent)
        self.network = network

    def forward(self, inputs: Tensor) -> Tensor:
        """Forecast from the input fields."""
        state = self.network.initial_state(inputs[:, 0])
        for step in range(inputs.shape[1]):
            field, state = self._step(inputs[:, step], state)
        forecasts = [field]
        while len(forecasts) < self.target_steps:
            field, state = self._step(field, state)
            forecasts.append(field)
        return torch.stack(forecasts, dim=1)[:, :, self.targets]

    def _step(self, field: Tensor, state: State) -> tuple[Tensor, State]:
        output, state = self.network(field, state)
        return (field + output if self.increment else output), state


class Direct(nn.Module):
    """All lead times of the targets at once, from all input fields."""

    def __init__(self, experiment: Experiment, sequences: Sequences, variables: tuple[str, ...]) -> None:
        super().__init__()
        self.increment = experiment.strategy.increment
        self.target_steps = sequences.target_steps
        self.targets = [variables.index(name) for name in experiment.targets]
        self.network = build(
            experiment.model,
            inputs=sequences.input_steps * len(variables),
            outputs=sequences.target_steps * len(self.targets),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Forecast from the input fields."""
        output: Tensor = self.network(inputs.flatten(1, 2)).unflatten(1, (self.target_steps, len(self.targets)))
        return output + inputs[:, -1:, self.targets] if self.increment else output


def unrolled(experiment: Experiment, sequences: Sequences, variables: tuple[str, ...]) -> nn.Module:
    """The strategy and its network that an experiment asks for."""
    kinds = {SequenceStrategy: Sequence, DirectStrategy: Direct}
    return kinds[type(experiment.strategy)](experiment, sequences, variables)
