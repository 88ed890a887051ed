"""A variational autoencoder from each field to the next.

Kingma and Welling (2014), arXiv 1312.6114, with the layers of AMBS: three 3x3 convolutions with strides 2, 1, 2 to the
latent variables, and their mirror image back. The last layer is linear, since fields are normalised anomalies.
"""

from __future__ import annotations

from torch import Tensor, nn

from windrow.models.channels_last import crop_like, keep_channels_last, pad_to_multiple
from windrow.models.gaussian import LOG_VARIANCE_LIMIT, divergence_from_unit, draw
from windrow.models.grid_size import GridSize
from windrow.models.recurrent import Recurrent, State
from windrow.models.settings import VAE

STRIDE = 4


class VAENetwork(Recurrent):
    """One step: `forward(x, state)` gives the output and the new state; the state is the divergence so far, (batch,).

    | layer | result, on a grid of ny x nx (multiples of 4) |
    |---|---|
    | 3x3 convolution, stride 2 | features, ny / 2 x nx / 2 |
    | 3x3 convolution | features, ny / 2 x nx / 2 |
    | 3x3 convolution, stride 2 | features, ny / 4 x nx / 4 |
    | linear | mean and log-variance of `latent` variables |
    | linear | features, ny / 4 x nx / 4 |
    | 3x3 transposed convolution, stride 2 | features, ny / 2 x nx / 2 |
    | 3x3 transposed convolution | features, ny / 2 x nx / 2 |
    | 3x3 transposed convolution, stride 2 | outputs, ny x nx |
    """

    def __init__(self, settings: VAE, *, inputs: int, outputs: int, grid: GridSize) -> None:
        super().__init__()
        features = settings.features
        self.noise_features = settings.latent
        coarse = (features, -(-grid.ny // STRIDE), -(-grid.nx // STRIDE))
        numbers = coarse[0] * coarse[1] * coarse[2]
        self.encoder = nn.Sequential(
            nn.Conv2d(inputs, features, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(features, features, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(features, features, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(numbers, 2 * settings.latent),
        )
        self.decoder = nn.Sequential(
            nn.Linear(settings.latent, numbers),
            nn.ReLU(inplace=True),
            nn.Unflatten(1, coarse),
            nn.ConvTranspose2d(features, features, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(features, features, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(features, outputs, 3, stride=2, padding=1, output_padding=1),
        )
        keep_channels_last(self)

    def initial_state(self, x: Tensor) -> State:
        """No divergence."""
        return (x.new_zeros(x.shape[0]),)

    def forward(self, x: Tensor, state: State, noise: Tensor | None = None) -> tuple[Tensor, State]:
        """Predict from one field."""
        mean, log_variance = self._posterior(x)
        (divergence,) = state
        output = self._decoded(mean, log_variance, noise, x)
        return output, (divergence + divergence_from_unit(mean, log_variance),)

    def encode(self, fields: Tensor, noise: Tensor | None = None) -> tuple[Tensor, State]:
        """Read the known fields (batch, step, inputs, y, x) all at once; only the last one makes the output."""
        known = fields.shape[:2]
        mean, log_variance = (part.view(*known, -1) for part in self._posterior(fields.flatten(0, 1)))
        last = None if noise is None else noise[:, -1]
        output = self._decoded(mean[:, -1], log_variance[:, -1], last, fields[:, -1])
        return output, (divergence_from_unit(mean, log_variance).sum(1),)

    def divergence(self, state: State) -> Tensor:
        """Of the latent variables from the unit normal distribution, (batch,), summed over steps."""
        return state[0]

    def _posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.encoder(pad_to_multiple(x, STRIDE)).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT)

    def _decoded(self, mean: Tensor, log_variance: Tensor, noise: Tensor | None, x: Tensor) -> Tensor:
        latent = mean if noise is None else draw(mean, log_variance, noise)
        return crop_like(self.decoder(latent), x)
