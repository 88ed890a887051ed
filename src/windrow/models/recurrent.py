"""What a network that keeps a state from step to step offers to a strategy."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

State = tuple[Tensor, ...]


class Recurrent(nn.Module):
    """A network called as `network(x, state)`, which gives the output and the new state.

    x: (batch, inputs, y, x), the fields of all variables first, then what else the network sees; output: (batch,
    outputs, y, x).

    Attributes
    ----------
    noise_features
        How many standard normal numbers the network takes at each step; 0 for a deterministic network.
    """

    noise_features: int = 0

    @abstractmethod
    def initial_state(self, x: Tensor) -> State:
        """The state before the first field, for fields like x (batch, inputs, y, x)."""

    @abstractmethod
    def forward(self, x: Tensor, state: State, noise: Tensor | None = None) -> tuple[Tensor, State]:
        """Predict from one field, the state and noise (batch, noise_features); without noise its mean is taken."""

    def encode(self, fields: Tensor, noise: Tensor | None = None) -> tuple[Tensor, State]:
        """Read the known fields (batch, step, inputs, y, x), one by one; gives the last output and the state.

        A network that can do a part of it for all steps at once does so here. `noise` is (batch, step, noise_features).
        """
        state = self.initial_state(fields[:, 0])
        for step in range(fields.shape[1]):
            output, state = self(fields[:, step], state, None if noise is None else noise[:, step])
        return output, state

    def divergence(self, state: State) -> Tensor | None:
        """Of a variational network: divergence of its latent variables from the prior, (batch,), summed over steps."""
        return None
