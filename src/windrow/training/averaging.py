"""An exponential moving mean of the weights, which is validated and kept in their place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn


class Averaging(Callback):
    """After each step: mean = decay * mean + (1 - decay) * weights, with a smaller decay in the first steps.

    The decay of step n is at most (1 + n) / (10 + n), so that the first weights are soon forgotten.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.means: list[Tensor] = []
        self._step = -1

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin at the first weights, or bring what was restored to the device."""
        weights = _weights(pl_module)
        if not self.means:
            self.means = [weight.detach().clone() for weight in weights]
        self.means = [mean.to(weight.device) for mean, weight in zip(self.means, weights, strict=True)]
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take the weights in, if a step was made."""
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        decay = min(self.decay, (1 + self._step) / (10 + self._step))
        with torch.no_grad():
            torch._foreach_lerp_(self.means, [weight.detach() for weight in _weights(pl_module)], 1 - decay)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The means take the weights' place."""
        self._exchange(pl_module)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """And give it back."""
        self._exchange(pl_module)

    @contextmanager
    def in_place(self, module: nn.Module) -> Iterator[None]:
        """The module with the means as its weights, for a while."""
        self._exchange(module)
        try:
            yield
        finally:
            self._exchange(module)

    def _exchange(self, module: nn.Module) -> None:
        for mean, weight in zip(self.means, _weights(module), strict=True):
            held = weight.data
            weight.data, mean.data = mean.data, held

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"means": self.means}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        self.means = list(state_dict["means"])


def _weights(module: nn.Module) -> list[nn.Parameter]:
    return [weight for weight in module.parameters() if weight.requires_grad]
