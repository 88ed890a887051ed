"""A U-Net: an encoder that halves the resolution and doubles the features, a decoder that goes back.

Ronneberger, Fischer and Brox (2015), arXiv 1505.04597; with padded convolutions, so that the grid is kept, and with
normalisation before each ReLU, as in py4cast.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from windrow.models.channels_last import crop_like, keep_channels_last, pad_to_multiple
from windrow.models.convolution import double_convolution
from windrow.models.grid_size import GridSize
from windrow.models.settings import UNet


class UNetNetwork(nn.Module):
    """One call: (batch, inputs, y, x) to (batch, outputs, y, x)."""

    def __init__(self, settings: UNet, *, inputs: int, outputs: int, grid: GridSize) -> None:
        super().__init__()
        self.stride = 2**settings.scales
        widths = [settings.features * 2**scale for scale in range(settings.scales + 1)]
        self.encoder = nn.ModuleList(
            double_convolution(before, after, settings.norm) for before, after in pairwise([inputs, *widths])
        )
        finer = widths[-2::-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * width, width, 2, stride=2) for width in finer)
        self.decoder = nn.ModuleList(double_convolution(2 * width, width, settings.norm) for width in finer)
        self.output = nn.Conv2d(settings.features, outputs, 1)
        keep_channels_last(self)

    def forward(self, x: Tensor) -> Tensor:
        """Predict all outputs at once."""
        # batch normalisation needs more than one value: the coarsest scale of a tiny grid has two points
        found = self.encoder[0](pad_to_multiple(x, self.stride, least=2 * self.stride))
        skipped = []
        for block in list(self.encoder)[1:]:
            skipped.append(found)
            found = block(functional.max_pool2d(found, 2))  # half of y and x, twice the features
        for up, block in zip(self.up, self.decoder, strict=True):
            found = block(torch.cat([up(found), skipped.pop()], dim=1))  # twice y and x, half of the features
        return crop_like(self.output(found), x)
