"""Checkpoints while a training runs, and random numbers that do not depend on what ran before."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
import torch.distributed
from pytorch_lightning.callbacks import Callback, Checkpoint

from windrow.training.checkpoints import Checkpoints
from windrow.training.data import Loader
from windrow.training.gradients import Gradients
from windrow.training.history import History, end_at_once
from windrow.training.interruption import Interruption
from windrow.training.module import ForecastModule


class Noise(Callback):
    """Before each batch all random number generators begin anew, from seed, epoch, batch and rank.

    So their states need not be stored: they follow from the place in the training, which the checkpoint has, and a
    step draws the same numbers whether the training was interrupted before it or not.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed them."""
        place = [self.seed, trainer.current_epoch, batch_idx, trainer.global_rank]
        (state,) = np.random.SeedSequence(place).generate_state(1)
        # torch.manual_seed writes down the stack for every kind of device that is not there: a millisecond
        torch.default_generator.manual_seed(int(state))
        if pl_module.device.type == "cuda":
            torch.cuda.manual_seed(int(state))
        np.random.seed(int(state))  # noqa: NPY002  # networks of plug-ins may draw from it
        random.seed(int(state))


class SharedBuffers(Callback):
    """Before a validation all ranks take the first one's running means, such as those of batch normalisation.

    Each rank has seen windows of its own; without this the validation would depend on who has which window. The
    first rank's are those of the checkpoints and of the trained model.
    """

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Send them round."""
        if trainer.world_size == 1 or not isinstance(pl_module, ForecastModule):
            return
        strategy = pl_module.model.strategy
        kept = strategy.state_dict()
        for name, buffer in strategy.named_buffers():
            if name in kept:  # graphs are the same everywhere, and large
                torch.distributed.broadcast(buffer, src=0)


class ResumePoints(Checkpoint):
    """All that is needed to go on, saved after each epoch, every so many minutes, and when a signal asks to end.

    Lightning's checkpoint has weights, optimiser, schedule, steps and the callbacks' states; the loader adds its
    place in the epoch. It is saved between two steps of the optimiser, never within the sum of gradients.
    """

    loader: Loader

    def __init__(
        self, checkpoints: Checkpoints, record: History, gradients: Gradients, interruption: Interruption
    ) -> None:
        self.checkpoints, self.record, self.interruption = checkpoints, record, interruption
        self.gradients = gradients
        self._step = self._first_step = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Listen, in the place of Lightning's own handler."""
        self.interruption.listen()
        self.interruption.saved()
        self._step = self._first_step = trainer.global_step

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Choose the order; an epoch that is resumed does not come here, the loader's state has its order."""
        self.loader.dealer.set_epoch(trainer.current_epoch)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Listen no more."""
        self.interruption.close()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save if it is time; at the end of an epoch wait for its validation."""
        last = batch_idx + 1 >= len(self.loader)
        if trainer.global_step == self._step or last or self.record.ended:
            return
        self._step = trainer.global_step
        ending, saving = self.interruption.agree()
        if ending or saving:
            self.gradients.settle(trainer, pl_module)
            if self.record.ended:
                return
            self._save(trainer, trainer.current_epoch, batch_idx + 1)
        if ending:
            self._end(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save; Lightning calls checkpoint callbacks after all others."""
        if self.record.ended:
            return
        self._step = trainer.global_step
        self._save(trainer, trainer.current_epoch + 1, 0)
        if self.interruption.agree()[0]:
            self._end(trainer)

    def state_dict(self) -> dict[str, Any]:
        """The loader's place; Lightning asks for it as well, and uses it in the middle of an epoch alone."""
        return self.loader.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        self.loader.load_state_dict(state_dict)

    def _end(self, trainer: pl.Trainer) -> None:
        self.record.interrupted = self.interruption.signal
        self.record.again = self.interruption.warned and trainer.global_step > self._first_step
        end_at_once(trainer)

    def _save(self, trainer: pl.Trainer, epoch: int, batches: int) -> None:
        self.loader.place = (epoch, batches)
        self.record.gather(trainer)
        if trainer.is_global_zero:
            self.checkpoints.write_last(trainer.global_step, lambda path: trainer.save_checkpoint(path))
        else:
            trainer.save_checkpoint(self.checkpoints.directory / "unused")  # takes part, and writes nothing
        trainer.strategy.barrier("checkpoint")
        self.interruption.saved()
