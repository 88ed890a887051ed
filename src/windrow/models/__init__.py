"""Networks by name. A network predicts one step, or all; it knows nothing of rollout, units or Lightning."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from windrow.config import ConvLSTM, WeatherBenchCNN

CLASSES = {"convlstm": "ConvLSTMNetwork", "weatherbench_cnn": "WeatherBenchCNNNetwork"}


def build(settings: ConvLSTM | WeatherBenchCNN, *, inputs: int, outputs: int) -> nn.Module:
    """The network that the settings describe, with this many input and output features per grid point."""
    module = import_module(f"windrow.models.{settings.name}")
    network: nn.Module = getattr(module, CLASSES[settings.name])(settings, inputs=inputs, outputs=outputs)
    return network
