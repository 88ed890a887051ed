"""A convolution with what always follows it: normalisation and ReLU."""

from __future__ import annotations

from typing import Literal

from torch import nn

Norm = Literal["batch", "group"]
GROUP = 16  # features of a group, which did best in Wu and He (2018), arXiv 1803.08494


def normalisation(norm: Norm, features: int) -> nn.Module:
    """Batch normalisation, or by groups of features within each sample; both have two parameters per feature."""
    if norm == "batch":
        return nn.BatchNorm2d(features)
    return nn.GroupNorm(features // GROUP if features % GROUP == 0 else 1, features)


def convolution(before: int, after: int, norm: Norm = "batch", *, bias: bool = False) -> list[nn.Module]:
    """A 3x3 convolution, normalisation and ReLU; without a bias, since normalisation would take it away."""
    return [
        nn.Conv2d(before, after, 3, padding=1, bias=bias),
        normalisation(norm, after),
        nn.ReLU(inplace=True),
    ]


def double_convolution(before: int, after: int, norm: Norm = "batch") -> nn.Sequential:
    """Two of them, as on each scale of a U-Net."""
    return nn.Sequential(*convolution(before, after, norm), *convolution(after, after, norm))
