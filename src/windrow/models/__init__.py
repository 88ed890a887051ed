"""Networks by name. A network predicts one step, or a block of them; it knows no rollout, units or Lightning."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from windrow.models.grid_size import GridSize

if TYPE_CHECKING:
    from torch import nn

    from windrow.models.settings import ModelSettings

__all__ = ["GridSize", "build"]


def build(settings: ModelSettings, *, inputs: int, outputs: int, grid: GridSize) -> nn.Module:
    """The network that the settings describe, with this many input and output features per grid point."""
    module, _, name = settings.network.partition(":")
    network: nn.Module = getattr(import_module(module), name)(settings, inputs=inputs, outputs=outputs, grid=grid)
    return network
