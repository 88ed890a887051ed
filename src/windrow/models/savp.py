"""Stochastic adversarial video prediction: a generator, an encoder of latent variables and two discriminators.

Lee et al. (2018), arXiv 1804.01523, with CDNA transforms as in AMBS. Fields are normalised anomalies, so the
synthesized field has no sigmoid.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from windrow.models.cdna import apply_kernels, normalised_kernels
from windrow.models.channels_last import crop_like, keep_channels_last, pad_to_multiple
from windrow.models.discriminators import VideoDiscriminator
from windrow.models.grid_size import GridSize
from windrow.models.recurrent import Recurrent, State
from windrow.models.savp_layers import Down, LSTMCell, NormedConvLSTMCell, PairEncoder, Up, instance_norm
from windrow.models.settings import SAVP

BACKGROUNDS = 3  # the last field, the first field, the synthesized field


class SAVPNetwork(Recurrent):
    """One step: `forward(x, state, noise)` gives the output and the new state; noise is z of the step, (batch, latent).

    With f features, 2 scales, T transforms with kernels k wide, i inputs, o outputs:

    | layer | reads | result |
    |---|---|---|
    | LSTM cell | z | z, `latent` |
    | 5x5 convolution, mean of 2x2, LSTM | x and the first field, i + o | f, y / 2 |
    | 3x3 convolution, mean of 2x2, LSTM | f | 2 f, y / 4 |
    | interpolation, 3x3 convolution, LSTM | 2 f | f, y / 2 |
    | interpolation, 3x3 convolution | f and the f of the same scale on the way down | f, y |
    | linear | all 2 f features of the coarsest grid | T kernels, k x k |
    | two 3x3 convolutions | f | f and f, y |
    | 3x3 convolution | the first of them | synthesized field, o |
    | 3x3 convolution, softmax | the second and all T + 3 fields | T + 3 masks, y |

    The output is the sum of the T transformed fields, the last, the first and the synthesized field, each times its
    mask. The LSTMs are convolutional; the latent variables shift the features of all layers but the last three.

    State: the first field, hidden and cell of the LSTM of z, then of each convolutional LSTM.

    Attributes
    ----------
    discriminators
        `gan` judges forecasts with latent variables from the prior, `vae_gan` those from the posterior.
    """

    def __init__(self, settings: SAVP, *, inputs: int, outputs: int, grid: GridSize) -> None:
        super().__init__()
        latent, features, scales = settings.latent, settings.features, settings.scales
        self.noise_features = latent
        self.outputs, self.transforms, self.kernel = outputs, settings.transforms, settings.kernel
        coarsening = 2**scales
        # normalisation needs more than one point
        self.multiple = coarsening * (1 if min(grid.ny, grid.nx) > coarsening else 2)
        coarsest = -(-grid.ny // self.multiple) * -(-grid.nx // self.multiple) * (self.multiple // coarsening) ** 2

        self.latent_cell = LSTMCell(latent)
        down = [features * 2**scale for scale in range(scales)]
        up = [*reversed(down[:-1]), features]
        self.down = nn.ModuleList(
            Down(before, after, latent, kernel=3 if scale else 5)
            for scale, (before, after) in enumerate(zip([inputs + outputs, *down], down, strict=False))
        )
        skips = [0, *reversed(down[:-1])]
        self.up = nn.ModuleList(
            Up(before + skip, after, latent)
            for before, skip, after in zip([down[-1], *up], skips, up, strict=False)
        )
        self.cell_features = [*down, *up[:-1]]
        self.cells = nn.ModuleList(
            NormedConvLSTMCell(width, latent, kernel=settings.cell_kernel) for width in self.cell_features
        )
        self.kernels = nn.Linear(down[-1] * coarsest, settings.transforms * settings.kernel**2)
        self.heads = nn.Sequential(
            nn.Conv2d(features, 2 * features, 3, padding=1, bias=False),
            instance_norm(2 * features),
            nn.ReLU(),
        )
        self.synthesis = nn.Conv2d(features, outputs, 3, padding=1)
        fields = settings.transforms + BACKGROUNDS
        self.masks = nn.Sequential(nn.Conv2d(features + fields * outputs, fields, 3, padding=1), nn.Softmax(dim=1))
        self.encoder = PairEncoder(outputs, settings.encoder_features, latent)
        self.discriminators = nn.ModuleDict(
            {name: VideoDiscriminator(outputs, settings.discriminator_features) for name in ("gan", "vae_gan")}
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                keep_channels_last(module)  # not the discriminators, whose convolutions have three dimensions

    def initial_state(self, x: Tensor) -> State:
        """The first field, and zeros."""
        first = pad_to_multiple(x[:, : self.outputs], self.multiple)
        batch, _, ny, nx = first.shape
        scales = [*range(1, len(self.down) + 1), *range(len(self.up) - 1, 0, -1)]
        cells = [
            x.new_zeros(batch, features, ny >> scale, nx >> scale)
            for features, scale in zip(self.cell_features, scales, strict=True)
        ]
        latent = x.new_zeros(batch, self.noise_features)
        return (first, latent, latent, *(zeros for zeros in cells for _ in range(2)))

    def forward(self, x: Tensor, state: State, noise: Tensor | None = None) -> tuple[Tensor, State]:
        """Predict from one field (batch, inputs, y, x), the state and z; without z the prior's mean is taken."""
        first, hidden, cell, *cells = state
        z = x.new_zeros(x.shape[0], self.noise_features) if noise is None else noise
        hidden, cell = self.latent_cell(z, hidden, cell)
        padded = pad_to_multiple(x, self.multiple)
        finest, coarsest, cells = self._features(torch.cat([padded, first], dim=1), hidden, cells)
        output = self._composed(padded[:, : self.outputs], first, finest, coarsest)
        return crop_like(output, x), (first, hidden, cell, *cells)

    def _features(self, x: Tensor, z: Tensor, state: list[Tensor]) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Features on the finest and on the coarsest grid, and the new states of the cells."""
        new: list[Tensor] = []
        on_the_way: list[Tensor] = []
        for down in self.down:
            x = self._cell(down(x, z), z, state, new)
            on_the_way.append(x)
        coarsest = on_the_way.pop()
        for up in self.up:
            x = up(x, z)
            if on_the_way:
                x = torch.cat([self._cell(x, z, state, new), on_the_way.pop()], dim=1)
        return x, coarsest, new

    def _cell(self, x: Tensor, z: Tensor, state: list[Tensor], new: list[Tensor]) -> Tensor:
        """Let the next cell, the first without a new state, go one step."""
        place = len(new)
        hidden, cell = self.cells[place // 2](x, *state[place : place + 2], z)
        new += [hidden, cell]
        result: Tensor = hidden
        return result

    def _composed(self, last: Tensor, first: Tensor, finest: Tensor, coarsest: Tensor) -> Tensor:
        departures = self.kernels(coarsest.flatten(1)).view(-1, self.transforms, self.kernel, self.kernel)
        transformed = apply_kernels(last, normalised_kernels(departures))
        for_synthesis, for_masks = self.heads(finest).chunk(2, dim=1)
        others = torch.stack([last, first, self.synthesis(for_synthesis)], dim=1)
        fields = torch.cat([transformed, others], dim=1)  # (batch, transforms + 3, outputs, y, x)
        masks = self.masks(torch.cat([for_masks, fields.flatten(1, 2)], dim=1))
        composed: Tensor = (masks[:, :, None] * fields).sum(1)
        return composed

    def posterior(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of z of each step from the truth.

        frames: (batch, step, outputs, y, x); both results: (batch, step - 1, latent).
        """
        moments: tuple[Tensor, Tensor] = self.encoder(frames)
        return moments

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of the generator and of the encoder, which are trained together."""
        for name, parameter in self.named_parameters():
            if not name.startswith("discriminators."):
                yield parameter

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """Those of both discriminators."""
        return self.discriminators.parameters()
