"""Five convolutions with leaky ReLU between them.

Rasp et al. (2020), doi 10.1029/2020MS002203, with zeros or the edge outside of the domain, since a limited area is
not periodic.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from windrow.models.grid_size import GridSize
from windrow.models.settings import WeatherBenchCNN

LAYERS = 5
NEGATIVE_SLOPE = 0.3  # Keras' LeakyReLU, which the paper used


class WeatherBenchCNNNetwork(nn.Module):
    """One call: (batch, inputs, y, x) to (batch, outputs, y, x)."""

    def __init__(self, settings: WeatherBenchCNN, *, inputs: int, outputs: int, grid: GridSize) -> None:
        super().__init__()
        widths = [inputs, *[settings.features] * (LAYERS - 1), outputs]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [
                nn.Conv2d(
                    before, after, settings.kernel, padding=settings.kernel // 2, padding_mode=settings.padding
                ),
                nn.LeakyReLU(NEGATIVE_SLOPE),
            ]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """Predict all outputs at once."""
        found: Tensor = self.layers(x)
        return found
