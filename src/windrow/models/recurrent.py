"""What a network that keeps a state from step to step offers to a strategy."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

State = tuple[Tensor, ...]


class Recurrent(nn.Module):
    """A network called as `network(x, state)`, which gives the output and the new state."""

    @abstractmethod
    def initial_state(self, x: Tensor) -> State:
        """The state before the first field, for fields like x (batch, variable, y, x)."""

    @abstractmethod
    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Predict from one field and the state."""
