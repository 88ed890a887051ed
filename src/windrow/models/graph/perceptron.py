"""The perceptrons of the graph networks."""

from __future__ import annotations

from torch import nn


def perceptron(inputs: int, features: int, hidden_layers: int) -> nn.Sequential:
    """Linear layers with SiLU between them, and a layer normalisation at the end."""
    return nn.Sequential(nn.Linear(inputs, features), *after_first(features, hidden_layers))


def after_first(features: int, hidden_layers: int) -> list[nn.Module]:
    """What follows the first linear layer."""
    layers: list[nn.Module] = []
    for _ in range(hidden_layers):
        layers += [nn.SiLU(), nn.Linear(features, features)]
    return [*layers, nn.LayerNorm(features)]


def output_perceptron(features: int, hidden_layers: int, outputs: int) -> nn.Sequential:
    """Linear layers with SiLU between them, and no normalisation."""
    layers: list[nn.Module] = []
    for _ in range(hidden_layers):
        layers += [nn.Linear(features, features), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(features, outputs))
