"""A half U-Net: the same width on all scales, whose features are added at full resolution and decoded once.

Lu et al. (2022), doi 10.3389/fninf.2022.911679, with the ghost modules of Han et al. (2020), arXiv 1911.11907, where
they are asked for.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from windrow.models.channels_last import crop_like, keep_channels_last, pad_to_multiple
from windrow.models.convolution import Norm, double_convolution, normalisation
from windrow.models.grid_size import GridSize
from windrow.models.settings import HalfUNet


class GhostModule(nn.Module):
    """Half of the features by a convolution, the other half from those by one cheap 3x3 filter each."""

    def __init__(self, before: int, after: int, norm: Norm = "batch") -> None:
        super().__init__()
        half = after // 2
        self.convolution = nn.Conv2d(before, half, 3, padding=1, bias=False)
        self.cheap = nn.Conv2d(half, half, 3, padding=1, groups=half, bias=False)
        self.norm = normalisation(norm, after)

    def forward(self, x: Tensor) -> Tensor:
        """From (batch, before, y, x) to (batch, after, y, x)."""
        dear = self.convolution(x)
        return functional.relu(self.norm(torch.cat([dear, self.cheap(dear)], dim=1)))


class HalfUNetNetwork(nn.Module):
    """One call: (batch, inputs, y, x) to (batch, outputs, y, x)."""

    def __init__(self, settings: HalfUNet, *, inputs: int, outputs: int, grid: GridSize) -> None:
        super().__init__()
        self.stride = 2**settings.scales
        width = settings.features

        def block(before: int) -> nn.Sequential:
            if settings.ghost:
                return nn.Sequential(
                    GhostModule(before, width, settings.norm), GhostModule(width, width, settings.norm)
                )
            return double_convolution(before, width, settings.norm)

        self.encoder = nn.ModuleList(block(before) for before in [inputs, *[width] * settings.scales])
        self.decoder = block(width)
        self.output = nn.Conv2d(width, outputs, 1, bias=False)
        keep_channels_last(self)

    def forward(self, x: Tensor) -> Tensor:
        """Predict all outputs at once."""
        # batch normalisation needs more than one value: the coarsest scale of a tiny grid has two points
        found = self.encoder[0](pad_to_multiple(x, self.stride, least=2 * self.stride))
        together = found
        for scale, block in enumerate(list(self.encoder)[1:], start=1):
            found = block(functional.max_pool2d(found, 2))  # half of y and x
            together = together + functional.interpolate(found, scale_factor=2**scale, mode="bilinear")
        return crop_like(self.output(self.decoder(together)), x)
