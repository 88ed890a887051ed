"""A convolutional LSTM cell followed by a 1x1 convolution.

Shi et al. (2015), arXiv 1506.04214, without peepholes, as in AMBS; each gate is squashed once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from windrow.models.grid_size import GridSize
from windrow.models.recurrent import Recurrent, State
from windrow.models.settings import ConvLSTM


class ConvLSTMNetwork(Recurrent):
    """One step: `forward(x, state)` gives the output and the new state.

    x: (batch, inputs, y, x); output: (batch, outputs, y, x); state: hidden and cell, (batch, features, y, x).
    """

    def __init__(self, settings: ConvLSTM, *, inputs: int, outputs: int, grid: GridSize) -> None:
        super().__init__()
        self.features = settings.features
        self.gates = nn.Conv2d(
            inputs + settings.features, 4 * settings.features, settings.kernel, padding=settings.kernel // 2
        )
        self.output = nn.Conv2d(settings.features, outputs, 1)

    def initial_state(self, x: Tensor) -> State:
        """Zeros of the state's shape."""
        zeros = x.new_zeros(x.shape[0], self.features, *x.shape[2:])
        return zeros, zeros

    def forward(self, x: Tensor, state: State, noise: Tensor | None = None) -> tuple[Tensor, State]:
        """Predict from one field and the state."""
        hidden, cell = state
        together = torch.cat([x, hidden], dim=1).contiguous(memory_format=torch.channels_last)
        into, forget, out, new = self.gates(together).chunk(4, dim=1)
        cell = torch.sigmoid(forget) * cell + torch.sigmoid(into) * torch.tanh(new)
        hidden = torch.sigmoid(out) * torch.tanh(cell)
        return self.output(hidden), (hidden, cell)
