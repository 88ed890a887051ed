"""Gradients are clipped and watched: a step that is not finite ends the training before it does harm."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from windrow.files import written_beside
from windrow.stages import Layout
from windrow.training.data import Batch
from windrow.training.history import History, end_at_once
from windrow.training.module import ForecastModule

NAMED_WINDOWS = 8


@dataclass(frozen=True)
class _Step:
    """What is known of a step when its check is read."""

    number: int
    batches: list[Tensor]
    bad: Tensor


class Gradients(Callback):
    """Clip the gradient to a norm; where the loss or the norm is not finite, make no step and end.

    On a CUDA device the optimiser itself leaves the weights alone if the check failed, and the result is read
    a step later, so that the program never waits for the device.
    """

    def __init__(self, record: History, layout: Layout, clip: float, path: Path) -> None:
        self.record, self.layout, self.clip, self.path = record, layout, clip, path
        self._batches: list[Tensor] = []
        self._stepped = False
        self._pending: _Step | None = None
        self._loss_bad: Tensor | None = None
        self.norm = torch.tensor(0.0)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Remember the windows, those of all optimisers' steps on a batch."""
        if self._stepped:
            self._batches, self._stepped = [], False
        self._batches.append(batch.firsts)

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        """Check the loss."""
        bad = ~torch.isfinite(loss.detach())
        self._loss_bad = bad if self._loss_bad is None else self._loss_bad | bad

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Clip and check. In 16-mixed precision infinite gradients are usual, and the scaler takes care of them."""
        gradients = [weight.grad for weight in pl_module.parameters() if weight.grad is not None]
        self.norm = torch.nn.utils.get_total_norm(gradients)
        scaled = trainer.precision == "16-mixed"
        bad = torch.zeros_like(self.norm, dtype=torch.bool) if scaled else ~torch.isfinite(self.norm)
        if self._loss_bad is not None:
            bad = bad | self._loss_bad
        if trainer.world_size > 1:
            bad = _of_any_rank(bad)
        if not scaled:
            optimizer.found_inf = bad.float()  # type: ignore[attr-defined]  # fused optimisers make no step then
            optimizer.grad_scale = None  # type: ignore[attr-defined]
        if self.clip:
            factor = torch.clamp(self.clip / (self.norm + 1e-6), max=1.0)
            torch._foreach_mul_(gradients, factor)
        step = _Step(trainer.global_step, self._batches, bad)
        self._stepped, self._loss_bad = True, None
        if self.norm.is_cuda:
            step, self._pending = self._pending, step  # type: ignore[assignment]
        if step is not None and bool(step.bad):
            self._stop(trainer, pl_module, step)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Read the check of the last step."""
        self.settle(trainer, pl_module)

    def settle(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Read what was not read yet; before a checkpoint, which must not go past a bad step."""
        step, self._pending = self._pending, None
        if step is not None and bool(step.bad):
            self._stop(trainer, pl_module, step)

    def _stop(self, trainer: pl.Trainer, pl_module: pl.LightningModule, step: _Step) -> None:
        """Tell which windows it were, keep the weights before the step, end on all ranks."""
        firsts = torch.cat(step.batches)
        assert isinstance(pl_module, ForecastModule)
        if trainer.world_size > 1:
            parts: list[Any] = [None] * trainer.world_size
            torch.distributed.all_gather_object(parts, firsts.cpu())
            firsts = torch.cat(parts)
        if trainer.is_global_zero:
            weights = {name: value.cpu() for name, value in pl_module.model.state_dict().items()}
            content = {"step": step.number, "windows": firsts.tolist(), "weights": weights}
            with written_beside(self.path) as beside:
                torch.save(content, beside)
        self.record.diverged = (
            f"epoch {trainer.current_epoch + 1}, step {step.number} (the loss or its gradient is not finite; windows "
            f"from {self._told(firsts)}; the weights before the step are in {self.path})"
        )
        end_at_once(trainer)

    def _told(self, firsts: Tensor) -> str:
        hours = [
            self.layout.origin + dt.timedelta(hours=self.layout.step_hours * first)
            for first in sorted(firsts.tolist())
        ]
        named = ", ".join(f"{hour:%Y-%m-%dT%H}" for hour in hours[:NAMED_WINDOWS])
        more = len(hours) - NAMED_WINDOWS
        return named + (f" and {more} more" if more > 0 else "")


def _of_any_rank(bad: Tensor) -> Tensor:
    """A loss can be infinite on one rank with gradients that are finite on all."""
    flag = bad.int()
    torch.distributed.all_reduce(flag, op=torch.distributed.ReduceOp.MAX)
    return flag.bool()
