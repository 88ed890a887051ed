"""What tells forecasts from the truth: a spectrally normalised convolutional network on videos.

Lee et al. (2018), arXiv 1804.01523: the discriminator of SNGAN (Miyato et al. 2018, arXiv 1802.05957) with its
filters inflated from two to three dimensions.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from windrow.models.channels_last import pad_to_multiple
from windrow.models.single_precision import single_precision

NEGATIVE_SLOPE = 0.1
HALVINGS = 3


class VideoDiscriminator(nn.Module):
    """Scores of parts of a video, high for the truth, and the features of all layers.

    | layer | kernel (step, y, x) | stride | features |
    |---|---|---|---|
    | 0 | 3 3 3 | 1 1 1 | d |
    | 1 | 3 4 4 | 1 2 2 | 2 d |
    | 2 | 3 3 3 | 1 1 1 | 2 d |
    | 3 | 3 4 4 | 1 2 2 | 4 d |
    | 4 | 3 3 3 | 1 1 1 | 4 d |
    | 5 | 3 4 4 | 2 2 2 | 8 d |
    | 6 | 3 3 3 | 1 1 1 | 8 d |
    | scores | 1 1 1 | 1 1 1 | 1 |

    Departures from the authors' implementation: kernels are 3 wide in time on all layers, not 4 on some, and each
    point of the last features has a score, where theirs all make one score. So a video of any length and size fits.
    """

    def __init__(self, outputs: int, features: int) -> None:
        super().__init__()
        widths = [features * factor for factor in (1, 2, 2, 4, 4, 8, 8)]
        strides = [(1, 1, 1), (1, 2, 2), (1, 1, 1), (1, 2, 2), (1, 1, 1), (2, 2, 2), (1, 1, 1)]
        layers: list[nn.Module] = []
        for before, after, stride in zip([outputs, *widths], widths, strides, strict=False):
            width = 2 + stride[-1]
            layers.append(spectral_norm(nn.Conv3d(before, after, (3, width, width), stride=stride, padding=1)))
        self.layers = nn.ModuleList(layers)
        self.scores = spectral_norm(nn.Conv3d(widths[-1], 1, 1))
        self.activation = nn.LeakyReLU(NEGATIVE_SLOPE)

    def forward(self, video: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Score a video (batch, step, outputs, y, x).

        Scores (batch, 1, step / 2, y / 8, x / 8); features of each layer (batch, features, step, y, x).
        """
        if video.device.type != "cpu":
            return self._scored(video)
        # oneDNN corrupts memory in the gradient of convolutions in bfloat16 and three dimensions on the smallest grids
        with single_precision(video.device):
            return self._scored(video.float())

    def _scored(self, video: Tensor) -> tuple[Tensor, list[Tensor]]:
        padded = pad_to_multiple(video.flatten(0, 1), 2**HALVINGS)
        x = padded.view(*video.shape[:2], *padded.shape[1:]).transpose(1, 2)  # (batch, outputs, step, y, x)
        features = []
        for layer in self.layers:
            x = self.activation(layer(x))
            features.append(x)
        scores: Tensor = self.scores(x)
        return scores, features
