"""What a running training tells: lines with the time that is left, and curves for TensorBoard."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import TensorBoardLogger

from windrow.progress import bar
from windrow.training.data import Batch
from windrow.training.gradients import Gradients
from windrow.training.history import History


class Progress(Callback):
    """A bar with the time that is left, as a line every so many seconds: output goes to a file as well."""

    def __init__(self, seconds: float = 30.0) -> None:
        self.seconds = seconds
        self._told = self._begun = 0.0
        self._first = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._told = self._begun = time.monotonic()
        self._first = _batches_done(trainer)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Tell."""
        now = time.monotonic()
        if now - self._told < self.seconds or not trainer.is_global_zero:
            return
        self._told = now
        done = _batches_done(trainer) + 1
        whole = int(trainer.num_training_batches) * (trainer.max_epochs or 1)
        rate = (done - self._first) / (now - self._begun)
        epoch = f"epoch {trainer.current_epoch + 1}"
        print(bar(done, whole, (whole - done) / rate, epoch), flush=True)


def _batches_done(trainer: pl.Trainer) -> int:
    return trainer.fit_loop.epoch_loop.batch_progress.total.completed


class Curves(Callback):
    """Curves for TensorBoard: losses, learning rate, gradient and throughput by step; losses by epoch."""

    def __init__(self, record: History, gradients: Gradients, *, every: int = 20) -> None:
        self.record, self.gradients, self.every = record, gradients, every
        self._windows = 0
        self._since = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Write every so many steps: reading a number from a device waits for it."""
        self._windows += len(batch.rows) * trainer.world_size
        if trainer.global_step % self.every or not trainer.is_global_zero:
            return
        now = time.monotonic()
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        found = {
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "gradient_norm": float(self.gradients.norm),
            "windows_per_second": self._windows / max(now - self._since, 1e-9),
        }
        if loss is not None:
            found["train_loss_of_step"] = float(loss) * trainer.accumulate_grad_batches  # Lightning divided it
        _write(trainer, found)
        self._windows, self._since = 0, time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the epoch's losses."""
        if self.record.ended or not self.record.epochs or not trainer.is_global_zero:
            return
        line = self.record.epochs[-1]
        _write(trainer, {name: line[name] for name in ("train_loss", "validation_loss")})


def _write(trainer: pl.Trainer, scalars: dict[str, float]) -> None:
    assert isinstance(trainer.logger, TensorBoardLogger)
    trainer.logger.log_metrics(scalars, step=trainer.global_step)
