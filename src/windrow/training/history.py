"""A line for each epoch, the best weights, and why a training ended."""

from __future__ import annotations

import math
import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from windrow.training.averaging import Averaging
from windrow.training.checkpoints import Checkpoints
from windrow.training.module import ForecastModule


class History(Callback):
    """Losses, validation errors, learning rate, time and throughput of each epoch; they survive a resume.

    Attributes
    ----------
    epochs
        A dictionary per epoch.
    best_epoch
        The epoch of the lowest validation loss, whose weights are kept.
    diverged
        Where a loss or a gradient was not finite. It ends in order and on all ranks (they share the losses), since
        Lightning kills the first process when another one ends by an exception.
    interrupted
        The signal that ended it before its time.
    again
        Whether that was the warning of a time limit, and steps were made since it began.
    """

    def __init__(self, checkpoints: Checkpoints, *, patience: int = 0, averaging: Averaging | None = None) -> None:
        self.checkpoints, self.patience, self.averaging = checkpoints, patience, averaging
        self.epochs: list[dict[str, Any]] = []
        self.best_epoch = -1
        self.diverged = ""
        self.interrupted = ""
        self.again = False
        self._seconds = 0.0
        self._started = time.monotonic()
        self._sums: list[float] = []

    @property
    def ended(self) -> bool:
        """Whether it ended before its time and in disorder."""
        return bool(self.diverged or self.interrupted)

    @property
    def patient(self) -> bool:
        """Whether to go on, after so many epochs without a better one."""
        return not self.patience or len(self.epochs) - 1 - self.best_epoch < self.patience

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Go on with the sums of an epoch that was interrupted; one rank has those of all."""
        self._started = time.monotonic()
        totals = _module(pl_module).train_totals
        if self._sums and trainer.is_global_zero:
            totals.sums.copy_(totals.sums.new_tensor(self._sums))
        if not self.patient:
            trainer.should_stop = True

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin the sums."""
        _module(pl_module).validation_totals.reset()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add a line, and keep the weights if the validation loss is the lowest so far."""
        if self.ended:
            return
        module = _module(pl_module)
        train_loss, _ = module.train_totals.means()
        validation_loss, errors = module.validation_totals.means()
        losses = {"train_loss": train_loss, "validation_loss": validation_loss}
        module.train_totals.reset()
        self._sums = []
        if not all(map(math.isfinite, losses.values())):
            self.diverged = f"epoch {trainer.current_epoch + 1} ({_told(losses)})"
            trainer.should_stop = True
            return
        lowest = min((line["validation_loss"] for line in self.epochs), default=math.inf)
        rmse = {name: errors[:, place].tolist() for place, name in enumerate(module.experiment.targets)}
        self._add_line(trainer, module, losses, rmse)
        if validation_loss < lowest:
            self.best_epoch = trainer.current_epoch
            if trainer.is_global_zero:
                self._keep(module)
        if not self.patient:
            trainer.should_stop = True

    def _keep(self, module: ForecastModule) -> None:
        def write() -> None:
            weights = {name: value.detach().cpu() for name, value in module.model.state_dict().items()}
            self.checkpoints.write_best(self.best_epoch, weights)

        if self.averaging is None:
            write()
        else:
            with self.averaging.in_place(module):
                write()

    def _add_line(
        self, trainer: pl.Trainer, module: ForecastModule, losses: dict[str, float], rmse: dict[str, list[float]]
    ) -> None:
        seconds = self._elapsed()
        self._started, self._seconds = time.monotonic(), 0.0
        line = {
            "epoch": trainer.current_epoch,
            "step": trainer.global_step,
            **losses,
            "validation_rmse": rmse,
            "learning_rate": float(trainer.optimizers[0].param_groups[0]["lr"]),
            "seconds": round(seconds, 3),
        }
        self.epochs.append(line)
        if trainer.is_global_zero:
            epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
            print(f"{epoch}: {_told(losses)}, {seconds:.1f} s", flush=True)

    def _elapsed(self) -> float:
        return self._seconds + time.monotonic() - self._started

    def gather(self, trainer: pl.Trainer) -> None:
        """Before a checkpoint: the sums of all ranks, which all ranks call for together."""
        self._sums = _module(trainer.lightning_module).train_totals.over_ranks().tolist()

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "sums": self._sums,
            "seconds": self._elapsed(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        self.epochs = list(state_dict["epochs"])
        self.best_epoch = state_dict["best_epoch"]
        self._sums = list(state_dict["sums"])
        self._seconds = state_dict["seconds"]


def end_at_once(trainer: pl.Trainer) -> None:
    """End behind this batch, without the validation that Lightning would do first: time may be short."""
    trainer.should_stop = True
    trainer.limit_val_batches = 0


def _module(module: pl.LightningModule) -> ForecastModule:
    assert isinstance(module, ForecastModule)
    return module


def _told(losses: dict[str, float]) -> str:
    return f"train loss {losses['train_loss']:.5f}, validation loss {losses['validation_loss']:.5f}"
