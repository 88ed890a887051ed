"""An adapter for the two-dimensional networks of Météo-France's package mfai, which windrow never installs.

mfai is asked for the one module that holds the network, so that only the packages that this module needs must be
there: some of its networks do not need torchvision.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from torch import Tensor, nn

from windrow.errors import UserError
from windrow.models.channels_last import crop_like, pad_to_multiple
from windrow.models.grid_size import GridSize
from windrow.models.settings import MFAI

ROOM = "mfai.pytorch.models"


class MFAINetwork(nn.Module):
    """One call: (batch, inputs, y, x) to (batch, outputs, y, x)."""

    def __init__(self, settings: MFAI, *, inputs: int, outputs: int, grid: GridSize) -> None:
        super().__init__()
        self.settings = settings
        kind = _imported(settings.architecture)
        if 2 not in getattr(kind, "supported_num_spatial_dims", ()):
            raise UserError(
                f"mfai's {settings.architecture} is no network on two-dimensional fields; choose another "
                "model.architecture"
            )
        shape = tuple(length + -length % settings.multiple for length in (grid.ny, grid.nx))
        try:
            theirs = kind.settings_kls.schema().load(settings.settings)
            self.network: nn.Module = kind(inputs, outputs, input_shape=shape, settings=theirs)
        except Exception as problem:  # marshmallow's, or whatever the class makes of its settings
            raise UserError(
                f"mfai's {settings.architecture} does not take model.settings: {problem}; see the documentation of mfai"
            ) from problem
        self.features_last: bool = kind.features_last

    def forward(self, x: Tensor) -> Tensor:
        """Predict all outputs at once.

        Raises
        ------
        UserError
            If the network does not keep the grid.
        """
        padded = pad_to_multiple(x, self.settings.multiple)
        if self.features_last:
            found: Tensor = self.network(padded.movedim(1, -1)).movedim(-1, 1)
        else:
            found = self.network(padded)
        if found.shape[2:] != padded.shape[2:]:
            raise UserError(
                f"mfai's {self.settings.architecture} makes {tuple(found.shape[2:])} of {tuple(padded.shape[2:])} "
                "points; choose another model.multiple, or a network that keeps the grid"
            )
        return crop_like(found, x)


def _imported(architecture: str) -> Any:
    module, _, name = architecture.rpartition(".")
    try:
        return getattr(import_module(f"{ROOM}.{module}"), name)
    except AttributeError:
        raise UserError(f"{ROOM}.{module} has no class {name}; correct model.architecture") from None
    except ModuleNotFoundError as problem:
        missing = problem.name or ""
        if missing.startswith(ROOM):
            raise UserError(f"mfai has no module {missing}; correct model.architecture") from None
        package = missing.partition(".")[0]
        also = "" if package == "mfai" else f" {package}"
        raise UserError(
            f"the model mfai with the architecture {architecture} needs the package {package}, which is not installed; "
            f"`pip install mfai{also}` in an environment of its own, since mfai brings torchvision, whose build must "
            "match that of torch"
        ) from None
