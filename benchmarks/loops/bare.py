"""The training loop as one would write it with PyTorch alone, for the two experiments of the sample."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from windrow.stages import Train
from windrow.training.data import Batch


def convlstm_loss(network: nn.Module, fields: Tensor, known: int) -> Tensor:
    """Squared error of the first variable, with each predicted change fed back."""
    output, state = network.encode(fields[:, :known])  # type: ignore[operator]
    field = fields[:, known - 1] + output
    forecast = [field]
    for _ in range(fields.shape[1] - known - 1):
        output, state = network(field, state)
        field = field + output
        forecast.append(field)
    return (torch.stack(forecast, 1)[:, :, 0] - fields[:, known:, 0]).square().mean()


def cnn_loss(network: nn.Module, fields: Tensor, known: int) -> Tensor:
    """Absolute error of the first variable, all lead times at once."""
    forecast = network(fields[:, :known].flatten(1, 2)) + fields[:, known - 1, :1]
    return (forecast - fields[:, known:, 0]).abs().mean()


LOSSES: dict[str, Callable[[nn.Module, Tensor, int], Tensor]] = {
    "convlstm": convlstm_loss,
    "weatherbench_cnn": cnn_loss,
}


class BareLoop:
    """Steps of training, one at each call."""

    def __init__(self, settings: Train, network: nn.Module, mean: Tensor, std: Tensor) -> None:
        experiment = settings.experiment
        self.network, self.mean, self.std = network, mean, std
        self.loss_of = LOSSES[experiment.model.name]
        self.known = settings.sequences.input_steps
        self.clip = experiment.training.gradient_clip
        self.optimizer = torch.optim.Adam(network.parameters(), lr=experiment.training.learning_rate, fused=True)

    def loss(self, batch: Batch) -> Tensor:
        """The loss of a batch, whose fields are still in physical units."""
        fields = batch.fields.tensor.to(self.mean.device, non_blocking=True)
        return self.loss_of(self.network, (fields - self.mean) / self.std, self.known)

    def step(self, batch: Batch) -> None:
        """Train on a batch."""
        self.optimizer.zero_grad()
        self.loss(batch).backward()
        if self.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
        self.optimizer.step()
