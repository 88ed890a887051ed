"""A transformer on several scales whose keys and values are taken from coarser fields, and a convolutional decoder.

Xie et al. (2021), arXiv 2105.15203. As in py4cast, the feed-forward blocks have a pointwise layer behind the
depthwise one, two convolutions go before the first scale, and the decoder climbs back to the full resolution.
"""

from __future__ import annotations

from itertools import pairwise
from math import lcm, prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from windrow.models.channels_last import crop_like, keep_channels_last, pad_to_multiple
from windrow.models.convolution import convolution
from windrow.models.grid_size import GridSize
from windrow.models.settings import Segformer

FIRST_STRIDE = 4


class Attention(nn.Module):
    """Every point attends to a field that is coarser by `reduction`."""

    def __init__(self, features: int, *, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(features, features, bias=False)
        self.key_value = nn.Conv2d(features, 2 * features, reduction, stride=reduction, bias=False)
        self.output = nn.Linear(features, features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Attend; x: (batch, y, x, features)."""
        query = self._by_head(self.query(x))
        key, value = self._by_head(self.key_value(x.movedim(-1, 1)).movedim(1, -1)).chunk(2, dim=-1)
        found = functional.scaled_dot_product_attention(query, key, value)
        # (batch, head, point, features per head) to (batch, y, x, features)
        return self.output(found.transpose(1, 2).reshape(x.shape))  # type: ignore[no-any-return]

    def _by_head(self, x: Tensor) -> Tensor:
        """(batch, y, x, features) to (batch, head, point, features per head)."""
        return x.reshape(x.shape[0], -1, self.heads, x.shape[-1] // self.heads).transpose(1, 2)


class FeedForward(nn.Module):
    """Two layers at each point, with a convolution between them that tells the points where they are."""

    def __init__(self, features: int, *, expansion: int) -> None:
        super().__init__()
        hidden = expansion * features
        self.widen = nn.Linear(features, hidden)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.pointwise = nn.Linear(hidden, hidden)
        self.narrow = nn.Linear(hidden, features)

    def forward(self, x: Tensor) -> Tensor:
        """Map; x: (batch, y, x, features)."""
        wide = self.depthwise(self.widen(x).movedim(-1, 1)).movedim(1, -1)
        return self.narrow(functional.gelu(self.pointwise(wide)))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Attention and a feed-forward block, each added to its input."""

    def __init__(self, features: int, *, heads: int, reduction: int, expansion: int) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(features)
        self.attention = Attention(features, heads=heads, reduction=reduction)
        self.before_feed_forward = nn.LayerNorm(features)
        self.feed_forward = FeedForward(features, expansion=expansion)

    def forward(self, x: Tensor) -> Tensor:
        """Map; x: (batch, y, x, features)."""
        x = x + self.attention(self.before_attention(x))
        return x + self.feed_forward(self.before_feed_forward(x))  # type: ignore[no-any-return]


class SegformerNetwork(nn.Module):
    """One call: (batch, inputs, y, x) to (batch, outputs, y, x)."""

    def __init__(self, settings: Segformer, *, inputs: int, outputs: int, grid: GridSize) -> None:
        super().__init__()
        self.downsampling = settings.downsampling
        strides = [FIRST_STRIDE, *[2] * (len(settings.features) - 1)]
        coarse = [settings.downsampling * prod(strides[: scale + 1]) for scale in range(len(strides))]
        self.multiple = lcm(*(a * b for a, b in zip(coarse, settings.reduction, strict=True)))

        width = settings.stem_features
        self.stem = nn.Sequential(*convolution(inputs, width, bias=True), *convolution(width, width, bias=True))
        self.patches = nn.ModuleList(
            nn.Conv2d(before, after, 2 * stride - 1, stride=stride, padding=stride - 1)
            for (before, after), stride in zip(pairwise([width, *settings.features]), strides, strict=True)
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(
                *(
                    Block(features, heads=heads, reduction=reduction, expansion=expansion)
                    for _ in range(settings.layers)
                )
            )
            for features, heads, reduction, expansion in zip(
                settings.features, settings.heads, settings.reduction, settings.expansion, strict=True
            )
        )
        width = settings.decoder_features
        self.alike = nn.ModuleList(nn.Conv2d(features, width, 1) for features in settings.features)
        self.climb = nn.ModuleList(
            nn.Sequential(*convolution(before, after, bias=True))
            for before, after in pairwise([len(strides) * width, width, width // 2, width // 4])
        )
        self.output = nn.Conv2d(width // 4, outputs, 3, padding=1)
        keep_channels_last(self)

    def forward(self, x: Tensor) -> Tensor:
        """Predict all outputs at once."""
        found = pad_to_multiple(x, self.multiple)
        if self.downsampling > 1:
            found = functional.max_pool2d(found, self.downsampling)
        found = self.stem(found)
        scales = []
        for scale, (patches, blocks, alike) in enumerate(zip(self.patches, self.blocks, self.alike, strict=True)):
            # (batch, features, y, x) to (batch, y, x, features) and back: no copy in channels-last order
            found = blocks(patches(found).movedim(1, -1)).movedim(-1, 1)
            scales.append(_enlarged(alike(found), 2**scale))
        found = torch.cat(scales, dim=1)
        for climb, factor in zip(self.climb, (2, 2, self.downsampling), strict=True):
            found = _enlarged(climb(found), factor)
        return crop_like(self.output(found), x)


def _enlarged(x: Tensor, factor: int) -> Tensor:
    return functional.interpolate(x, scale_factor=factor, mode="bilinear") if factor > 1 else x
