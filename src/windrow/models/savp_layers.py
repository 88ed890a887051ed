"""Layers of SAVP's generator and its encoder of pairs of fields.

Lee et al. (2018), arXiv 1804.01523, and the authors' implementation, with instance normalisation after convolutions.

The latent variables are tiled over the grid and shift the features after their normalisation: a constant that goes
through a convolution before it is taken away by it, except where the padding of the edge shows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from windrow.models.channels_last import pad_to_multiple
from windrow.models.gaussian import LOG_VARIANCE_LIMIT


def instance_norm(features: int) -> nn.GroupNorm:
    """Instance normalisation with weight and bias: groups of one feature, which stay in channels-last order."""
    return nn.GroupNorm(features, features)


class LSTMCell(nn.Module):
    """Hochreiter and Schmidhuber's cell, of vectors; it gives its hidden state and its cell."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.gates = nn.Linear(2 * features, 4 * features)

    def forward(self, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Go one step; all (batch, features)."""
        into, forget, out, new = self.gates(torch.cat([x, hidden], dim=1)).chunk(4, dim=1)
        cell = torch.sigmoid(forget + 1) * cell + torch.sigmoid(into) * torch.tanh(new)
        return torch.sigmoid(out) * torch.tanh(cell), cell


class ShiftedNorm(nn.Module):
    """Instance normalisation, then a shift by the latent variables."""

    def __init__(self, features: int, latent: int) -> None:
        super().__init__()
        self.norm = instance_norm(features)
        self.shift = nn.Linear(latent, features, bias=False)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """Normalise x (batch, features, y, x); z is (batch, latent)."""
        shifted: Tensor = self.norm(x) + self.shift(z)[:, :, None, None]
        return shifted


class Down(nn.Module):
    """A convolution, the mean of 2x2 points, normalisation and ReLU.

    Convolution and mean are one convolution of stride 2 with the kernel's mean over four places: the same numbers, at
    a third of the cost.
    """

    def __init__(self, before: int, after: int, latent: int, *, kernel: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, after, kernel, bias=False)
        self.norm = ShiftedNorm(after, latent)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """Halve the resolution of x (batch, features, y, x)."""
        kernel = self.convolution.weight
        both = functional.avg_pool2d(functional.pad(kernel, (1, 1, 1, 1)), 2, stride=1)
        return functional.relu(self.norm(functional.conv2d(x, both, stride=2, padding=kernel.shape[-1] // 2), z))


class Up(nn.Module):
    """Bilinear interpolation to twice the resolution, a 3x3 convolution, normalisation and ReLU."""

    def __init__(self, before: int, after: int, latent: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.norm = ShiftedNorm(after, latent)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """Double the resolution of x (batch, features, y, x)."""
        finer = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return functional.relu(self.norm(self.convolution(finer), z))


class NormedConvLSTMCell(nn.Module):
    """A convolutional LSTM cell whose gates and cell are normalised; it gives its hidden state and its cell."""

    def __init__(self, features: int, latent: int, *, kernel: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(2 * features, 4 * features, kernel, padding=kernel // 2, bias=False)
        self.gates_norm = ShiftedNorm(4 * features, latent)
        self.cell_norm = instance_norm(features)

    def forward(self, x: Tensor, hidden: Tensor, cell: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Go one step; x, hidden and cell: (batch, features, y, x)."""
        gates = self.gates_norm(self.gates(torch.cat([x, hidden], dim=1)), z)
        into, forget, out, new = gates.chunk(4, dim=1)
        cell = self.cell_norm(torch.sigmoid(forget + 1) * cell + torch.sigmoid(into) * torch.tanh(new))
        return torch.sigmoid(out) * torch.tanh(cell), cell


class PairEncoder(nn.Module):
    """Mean and log-variance of the latent variables that lead from one field to the next.

    Three 4x4 convolutions of stride 2 with e, 2 e and 4 e features, the last two normalised, leaky ReLU; then the mean
    over the grid and a linear layer.
    """

    MULTIPLE = 16  # leaves at least 2x2 points for the last normalisation

    def __init__(self, outputs: int, features: int, latent: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2 * outputs, features, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(features, 2 * features, 4, stride=2, padding=1, bias=False),
            instance_norm(2 * features),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * features, 4 * features, 4, stride=2, padding=1, bias=False),
            instance_norm(4 * features),
            nn.LeakyReLU(0.2),
        )
        self.moments = nn.Linear(4 * features, 2 * latent)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Encode each pair of neighbours of (batch, step, outputs, y, x); gives two of (batch, step - 1, latent)."""
        pairs = torch.cat([frames[:, :-1], frames[:, 1:]], dim=2)  # (batch, step - 1, 2 * outputs, y, x)
        features = self.layers(pad_to_multiple(pairs.flatten(0, 1), self.MULTIPLE)).mean(dim=(2, 3))
        mean, log_variance = self.moments(features).float().unflatten(0, pairs.shape[:2]).chunk(2, dim=-1)
        return mean, log_variance.clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT)
