"""A convolutional LSTM cell followed by a 1x1 convolution.

Shi et al. (2015), arXiv 1506.04214, without peepholes, as in AMBS; each gate is squashed once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from windrow.models.channels_last import keep_channels_last
from windrow.models.grid_size import GridSize
from windrow.models.lstm_gates import through_gates
from windrow.models.recurrent import Recurrent, State
from windrow.models.settings import ConvLSTM

FEATURE_MULTIPLES = {"cuda": 8}  # of what tensor cores read at once; other devices take any number


class ConvLSTMNetwork(Recurrent):
    """One step: `forward(x, state)` gives the output and the new state.

    x: (batch, inputs, y, x); output: (batch, outputs, y, x); state: hidden and cell, (batch, features, y, x).

    The few inputs go through one convolution together with the hidden state. A convolution of their own, of all
    known steps at once, took longer on a CPU: it has few features to work on and writes as many as the other.
    """

    def __init__(self, settings: ConvLSTM, *, inputs: int, outputs: int, grid: GridSize) -> None:
        super().__init__()
        self.inputs, self.features = inputs, settings.features
        self.gates = nn.Conv2d(
            inputs + settings.features, 4 * settings.features, settings.kernel, padding=settings.kernel // 2
        )
        self.output = nn.Conv2d(settings.features, outputs, 1)
        keep_channels_last(self)

    def initial_state(self, x: Tensor) -> State:
        """Zeros of the state's shape."""
        batch, _, ny, nx = x.shape
        zeros = x.new_zeros(batch, ny, nx, self.features).permute(0, 3, 1, 2)
        return zeros, zeros

    def forward(self, x: Tensor, state: State, noise: Tensor | None = None) -> tuple[Tensor, State]:
        """Predict from one field and the state."""
        hidden, cell = state
        return self._predicted(self._convolved([x, hidden], self.gates.weight), cell)

    def encode(self, fields: Tensor, noise: Tensor | None = None) -> tuple[Tensor, State]:
        """Read the known fields (batch, step, inputs, y, x); at the first there is no hidden state to convolve."""
        first = fields[:, 0]
        _, cell = self.initial_state(first)
        output, state = self._predicted(self._convolved([first], self.gates.weight[:, : self.inputs]), cell)
        for step in range(1, fields.shape[1]):
            output, state = self(fields[:, step], state)
        return output, state

    def _convolved(self, parts: list[Tensor], weight: Tensor) -> Tensor:
        """What the gates are made of: (batch, 4 * features, y, x)."""
        missing = -weight.shape[1] % FEATURE_MULTIPLES.get(weight.device.type, 1)
        if missing:
            parts = [*parts, parts[0].new_zeros(()).expand(len(parts[0]), missing, *parts[0].shape[2:])]
            weight = functional.pad(weight, (0, 0, 0, 0, 0, missing))
        together = torch.cat([part.contiguous(memory_format=torch.channels_last) for part in parts], dim=1)
        return functional.conv2d(
            together.contiguous(memory_format=torch.channels_last),
            weight.contiguous(memory_format=torch.channels_last),
            self.gates.bias,
            padding=self.gates.padding,
        )

    def _predicted(self, gates: Tensor, cell: Tensor) -> tuple[Tensor, State]:
        hidden, cell = through_gates(gates, cell)
        return self.output(hidden), (hidden, cell)
