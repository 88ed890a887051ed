"""The Lightning module: it only trains."""

from __future__ import annotations

import math
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from windrow.config import SequenceStrategy
from windrow.stages import Train
from windrow.training.boundary import interior
from windrow.training.data import Batch
from windrow.training.loss_weights import counted_variables, loss_weights
from windrow.training.losses import Weights, combined
from windrow.training.model import ForecastModel, Surroundings, normalised_differences
from windrow.training.named_tensor import NamedTensor
from windrow.training.optimisation import build_optimizer, build_schedule
from windrow.training.strategies import Unrolled
from windrow.training.totals import Totals
from windrow.training_settings import Training


class ForecastModule(pl.LightningModule):
    """Normalise windows, forecast them, compare. Losses are on normalised fields, without unit.

    The loss of a step is the mean over the windows of all ranks: each batch says its share, and DDP takes the
    mean of the ranks' gradients.
    """

    def __init__(self, settings: Train, surroundings: Surroundings) -> None:
        super().__init__()
        self.experiment = settings.experiment
        self.training_settings: Training = settings.experiment.training
        self.model = ForecastModel(settings, surroundings)
        self.steps_per_epoch = 0
        if self.training_settings.compile:
            network = self.model.strategy.network
            assert isinstance(network, nn.Module)
            network.compile()
        self.width = self.model.strategy.boundary_width
        self.counted = counted_variables(self.training_settings.loss_weights, self.experiment.targets)
        self.loss = combined(self.training_settings.loss)
        leads = settings.sequences.target_steps
        self._register_weights(settings, surroundings, leads)
        self.train_totals = Totals(leads, len(self.experiment.targets))
        self.validation_totals = Totals(leads, len(self.experiment.targets))

    def _register_weights(self, settings: Train, surroundings: Surroundings, leads: int) -> None:
        variables = settings.layout.variables
        _, differences = normalised_differences(surroundings.statistics, variables)
        weights = loss_weights(
            self.training_settings.loss_weights,
            self.counted,
            leads=leads,
            latitude=interior(surroundings.latitude, self.width),
            difference_std=dict(zip(variables, differences, strict=True)),
        )
        for name in ("leads", "variables", "points"):
            self.register_buffer(f"weights_of_{name}", getattr(weights, name), persistent=False)

    @property
    def weights(self) -> Weights:
        """The weights of the loss, on the module's device."""
        return Weights(self.weights_of_leads, self.weights_of_variables, self.weights_of_points)  # type: ignore[arg-type]

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of a batch."""
        fields, forecast, unrolled = self.forecast_batch(batch, leads=self.leads_of_epoch())
        losses = self._losses(forecast, fields)
        self.train_totals.add(losses, counted=batch.share > 0)
        if unrolled.divergence is not None:
            losses = losses + self.training_settings.kl_weight * unrolled.divergence
        return not_finite_for_all(losses.sum() * batch.share)

    def validation_step(self, batch: Batch, _: int) -> dict[str, Any]:
        """The same, without gradient, over all lead times; and the squared errors of the targets.

        Returns
        -------
        For the observers: the normalised forecast, and the targets' normalised errors (window, lead, target, y, x).
        """
        fields, forecast, _unrolled = self.forecast_batch(batch)
        error = self._error(forecast, fields)
        self.validation_totals.add(self._losses(forecast, fields), self._mean_squares(error))
        return {"forecast": forecast, "error": error}

    def forecast_batch(
        self, batch: Batch, *, leads: int | None = None, noise: Tensor | None = None
    ) -> tuple[NamedTensor, NamedTensor, Unrolled]:
        """The normalised fields of a batch and their forecast."""
        model = self.model
        fields = model.normalised(batch.fields, batch.rows)
        count = batch.rows.shape[0]
        if noise is None and self.training and model.strategy.noise_shape:
            noise = torch.randn(count, *model.strategy.noise_shape, device=self.device)
        given = model.given(fields, batch.calendar, leads=leads, noise=noise, taught=self._taught(count))
        forecast, unrolled = model.unroll(given)
        return fields, forecast, unrolled

    def truth_of(self, fields: NamedTensor, leads: int) -> NamedTensor:
        """The fields that a forecast of so many steps is compared with."""
        first = self.model.input_steps
        return fields.part("time", first, first + leads)

    def _losses(self, forecast: NamedTensor, fields: NamedTensor) -> Tensor:
        truth = self.truth_of(fields, forecast.size("time"))
        forecast, truth = (part.select(*self.counted) for part in (forecast, truth))
        return self.loss(interior(forecast.tensor, self.width), interior(truth.tensor, self.width), self.weights)

    def _error(self, forecast: NamedTensor, fields: NamedTensor) -> Tensor:
        """Of the targets: (window, lead, target, y, x)."""
        targets = self.experiment.targets
        truth = self.truth_of(fields, forecast.size("time"))
        return forecast.select(*targets).tensor - truth.select(*targets).tensor

    def _mean_squares(self, error: Tensor) -> Tensor:
        """Mean squared errors in physical units: (window, lead, target)."""
        places = [self.model.variables.index(name) for name in self.experiment.targets]
        scale = self.model.normalise.std[places].flatten()
        return (interior(error, self.width) ** 2).mean(dim=(-2, -1)) * scale**2

    def leads_of_epoch(self) -> int | None:
        """How far forecasts go in this epoch; all the way if nothing is said."""
        return self.training_settings.leads_of_epoch(self.current_epoch)

    def _taught(self, windows: int) -> Tensor | None:
        """Scheduled sampling: which windows go on from the truth after each step."""
        strategy = self.experiment.strategy
        if not self.training or not isinstance(strategy, SequenceStrategy) or not strategy.scheduled_sampling:
            return None
        steps = self.model.strategy.target_steps - 1
        return torch.rand(windows, steps, device=self.device) < taught_share(
            strategy.scheduled_sampling, self.global_step
        )

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """One optimiser, whose learning rate changes with each step."""
        optimizer = build_optimizer(self.training_settings, self.model.parameters())
        steps = self.training_settings.epochs * self.steps_per_epoch
        schedule = build_schedule(self.training_settings, optimizer, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def not_finite_for_all(loss: Tensor) -> Tensor:
    """The loss; where it is not finite its gradient is NaN, so that all ranks end together, not the one alone."""
    return loss * torch.where(torch.isfinite(loss.detach()), 1.0, torch.nan)


def taught_share(k: float, step: int) -> float:
    """The inverse sigmoid decay of Bengio et al. (2015), arXiv 1506.03099."""
    return k / (k + math.exp(min(step / k, 700.0)))
