"""What happens at the end of an epoch: a line of history, the best weights, a checkpoint to resume from."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, Checkpoint


class History(Callback):
    """The losses of each epoch and the weights of the best one; both survive a resume.

    `diverged` says in which epoch a loss was not finite; the training ends there. It ends in order and on all
    ranks (they share the losses), since Lightning kills the first process when another one ends by an exception.
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self.best_epoch = -1
        self.best_weights: dict[str, torch.Tensor] = {}
        self.diverged = ""
        self._started = time.monotonic()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add a line, and keep the weights if the validation loss is the lowest so far."""
        losses = {name: float(trainer.callback_metrics[name]) for name in ("train_loss", "validation_loss")}
        if not all(map(math.isfinite, losses.values())):
            self.diverged = f"epoch {trainer.current_epoch + 1} ({_told(losses)})"
            trainer.should_stop = True
            return
        lowest = min((line["validation_loss"] for line in self.epochs), default=math.inf)
        if losses["validation_loss"] < lowest:
            self.best_epoch = trainer.current_epoch
            self.best_weights = {
                name: value.detach().cpu().clone() for name, value in pl_module.state_dict().items()
            }
        self._add_line(trainer, losses)

    def _add_line(self, trainer: pl.Trainer, losses: dict[str, float]) -> None:
        seconds = round(time.monotonic() - self._started, 3)
        place = {"epoch": trainer.current_epoch, "step": trainer.global_step}
        rate = float(trainer.optimizers[0].param_groups[0]["lr"])
        self.epochs.append({**place, **losses, "learning_rate": rate, "seconds": seconds})
        if trainer.is_global_zero:
            epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
            print(f"{epoch}: {_told(losses)}, {seconds:.1f} s", flush=True)

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"epochs": self.epochs, "best_epoch": self.best_epoch, "best_weights": self.best_weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        self.epochs = state_dict["epochs"]
        self.best_epoch = state_dict["best_epoch"]
        self.best_weights = state_dict["best_weights"]


class ResumePoint(Checkpoint):
    """After each good epoch, all that is needed to go on: written beside its place, then renamed."""

    def __init__(self, path: Path, record: History) -> None:
        self.path = path
        self.record = record

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save; Lightning calls checkpoint callbacks after all others."""
        if self.record.diverged:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f".{self.path.name}.part")
        trainer.save_checkpoint(beside, weights_only=False)
        if trainer.is_global_zero:
            os.replace(beside, self.path)


def _told(losses: dict[str, float]) -> str:
    return f"train loss {losses['train_loss']:.5f}, validation loss {losses['validation_loss']:.5f}"
