"""The Lightning module: it only trains."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics import MeanMetric

from windrow.stages import Train
from windrow.training.data import Batch
from windrow.training.losses import LOSSES
from windrow.training.normalisation import Normalisation
from windrow.training.strategies import unrolled


class ForecastModule(pl.LightningModule):
    """Normalise a window, forecast its targets, compare. Losses are on normalised fields, without unit.

    The loss of an epoch is the mean over all windows of all ranks. It is a metric of its own since Lightning's
    reduction of a logged number rounds the mean number of windows per rank to an integer.
    """

    def __init__(self, settings: Train, normalise: Normalisation) -> None:
        super().__init__()
        experiment = settings.experiment
        variables = settings.layout.variables
        self.training_settings = experiment.training
        self.input_steps = settings.sequences.input_steps
        self.targets = [variables.index(name) for name in experiment.targets]
        self.normalise = normalise
        self.strategy = unrolled(experiment, settings.sequences, variables)
        self.loss = LOSSES[experiment.training.loss]
        self.means = nn.ModuleDict(
            {name: MeanMetric(nan_strategy="disable") for name in ("train_loss", "validation_loss")}
        )

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of a batch."""
        return self._shared_step(batch, "train_loss")

    def validation_step(self, batch: Batch, _: int) -> Tensor:
        """The same, without gradient."""
        return self._shared_step(batch, "validation_loss")

    def _shared_step(self, batch: Batch, name: str) -> Tensor:
        physical, rows = batch
        fields = self.normalise(physical, rows)
        forecast = self.strategy(fields[:, : self.input_steps])
        loss = self.loss(forecast, fields[:, self.input_steps :, self.targets])
        mean = self.means[name]
        assert isinstance(mean, MeanMetric)
        mean.update(loss.detach(), len(rows))
        self.log(name, mean, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam or AdamW, with a learning rate that is constant or falls as a cosine over all steps."""
        settings = self.training_settings
        kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
        optimizer = kind(self.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
        if settings.schedule == "constant":
            return {"optimizer": optimizer}
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer,
            T_max=int(self.trainer.estimated_stepping_batches),
            eta_min=settings.learning_rate / 100,
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
