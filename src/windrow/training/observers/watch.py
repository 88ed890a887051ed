"""The observers of a training, shown its validations."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import pytorch_lightning as pl
import torch
import torch.distributed
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from windrow.errors import UserError
from windrow.training.data import Batch
from windrow.training.history import History
from windrow.training.module import ForecastModule
from windrow.training.observer_plugins import plugins
from windrow.training.observers.board import SHARE, EpochBoard, Pictures, Purse
from windrow.training.observers.errors import ErrorMap, StateErrors
from windrow.training.observers.interface import Epoch, Observer, Scene, Summary, Validated
from windrow.training.observers.prediction import Prediction

BUILT_IN: dict[str, type[Observer]] = {
    "state_error": StateErrors,
    "error_map": ErrorMap,
    "prediction": Prediction,
}

Found = TypeVar("Found")


class Observers(Callback):
    """Shows each validation to the observers, and finishes them when it is known whether the epoch is the best.

    They cost at most about `share` of the time that was trained. A picture, and a validation of an observer of a
    plug-in, is left out if it would come to more, with what the last one took. What the observers of windrow add
    up is never left out, so that their summaries do not depend on the clock; benchmarks/README.md says what it costs.

    With several processes all of them decide alike: they share what they add up.

    Attributes
    ----------
    summaries
        What each observer told of the best epoch in which it took part, with that epoch.
    """

    def __init__(
        self, record: History, names: tuple[str, ...], scene: Scene, pictures: Path, *, share: float = SHARE
    ) -> None:
        self.record, self.scene = record, scene
        self.kinds = {name: kind_of(name) for name in names}
        self.purse, self.pictures = Purse(share), Pictures(pictures)
        self.summaries: dict[str, Summary] = {}
        self._observers: dict[str, Observer] = {}
        self._shown: list[str] = []
        self._cost: dict[str, float] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Make the observers and start the clock."""
        scene = replace(self.scene, first=trainer.is_global_zero)
        for name, kind in self.kinds.items():
            made = self._guarded(name, lambda kind=kind: kind(scene))  # type: ignore[misc]
            if made is not None:
                self._observers[name] = made
        self.purse.begin()

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Choose those that are shown this validation."""
        wanted = [name in self._observers and self._affordable(name) for name in self.kinds]
        self._shown = [
            name for name, every in zip(self.kinds, _first_says(wanted, pl_module), strict=True) if every
        ]
        self._cost |= dict.fromkeys(self._shown, 0.0)
        for name in self._shown:
            self._paid(name, lambda its: its.begin())

    def _affordable(self, name: str) -> bool:
        return name in BUILT_IN or self.purse.affords(self._cost.get(name, 0.0))

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Show the batch."""
        assert isinstance(pl_module, ForecastModule)
        validated = Validated(pl_module, batch, outputs, batch_idx)
        for name in self._shown:
            self._paid(name, lambda its: its.update(validated))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add up over the processes, then finish, in the first of them."""
        if self.record.ended:
            return
        sums = {name: self._paid(name, lambda its: its.sums()) for name in self._shown}
        whole = _all_say([name in self._observers for name in self._shown], pl_module)
        for name, alive in zip(self._shown, whole, strict=True):
            if not alive:
                self._observers.pop(name, None)
                continue
            total = _over_ranks(sums[name])
            if trainer.is_global_zero:
                self._finish(trainer, name, total)
        self._shown = []

    def _finish(self, trainer: pl.Trainer, name: str, sums: Tensor | None) -> None:
        number = trainer.current_epoch
        epoch = Epoch(
            number=number,
            best=number == self.record.best_epoch,
            last=trainer.should_stop or number + 1 == trainer.max_epochs,
            board=EpochBoard(trainer, name, number, self.purse, self.pictures),
            sums=None if sums is None else sums.cpu().numpy(),
        )
        summary = self._paid(name, lambda its: json.loads(json.dumps(its.finish(epoch))))
        if summary is not None and epoch.best:
            self.summaries[name] = {"epoch": number, **summary}

    def _paid(self, name: str, act: Callable[[Observer], Found]) -> Found | None:
        """What an observer does, on the purse; pictures have paid for themselves."""
        if name not in self._observers:
            return None
        observer, started, spent = self._observers[name], time.monotonic(), self.purse.spent
        found = self._guarded(name, lambda: act(observer))
        seconds = time.monotonic() - started - (self.purse.spent - spent)
        self.purse.spent += seconds
        self._cost[name] += seconds
        return found

    def _guarded(self, name: str, act: Callable[[], Found]) -> Found | None:
        """The training goes on whatever code of others may raise."""
        try:
            return act()
        except Exception as problem:
            self._observers.pop(name, None)
            what = f"{type(problem).__name__}: {problem}"
            print(f"warning: the observer {name} raised and is switched off ({what})", file=sys.stderr, flush=True)
            return None

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"summaries": self.summaries}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        self.summaries = dict(state_dict["summaries"])


def kind_of(name: str) -> type[Observer]:
    """The class of an observer.

    Raises
    ------
    UserError
        If it is that of a plug-in and cannot be imported, or is no observer.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    place = plugins()[name]
    module, _, attribute = place.partition(":")
    try:
        kind = getattr(import_module(module), attribute)
    except Exception as problem:  # whatever code of others may raise
        raise UserError(
            f"the observer {name} cannot be imported from {place} ({type(problem).__name__}: {problem}); correct the "
            "plug-in or take it out of training.observers"
        ) from problem
    if not (isinstance(kind, type) and issubclass(kind, Observer)):
        raise UserError(
            f"the observer {name} ({place}) is no subclass of windrow.training.observers.Observer; correct the "
            "plug-in or take it out of training.observers"
        )
    return kind


def _parallel() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def _first_says(wanted: list[bool], module: pl.LightningModule) -> list[bool]:
    """What the first process says, for all."""
    if not _parallel() or not wanted:
        return wanted
    flags = torch.tensor(wanted, device=module.device, dtype=torch.int32)
    torch.distributed.broadcast(flags, src=0)
    return [bool(flag) for flag in flags.tolist()]


def _all_say(wanted: list[bool], module: pl.LightningModule) -> list[bool]:
    """What all processes say together."""
    if not _parallel() or not wanted:
        return wanted
    flags = torch.tensor(wanted, device=module.device, dtype=torch.int32)
    torch.distributed.all_reduce(flags, op=torch.distributed.ReduceOp.MIN)
    return [bool(flag) for flag in flags.tolist()]


def _over_ranks(sums: Tensor | None) -> Tensor | None:
    if sums is None or not _parallel():
        return sums
    total = sums.clone()
    torch.distributed.all_reduce(total)
    return total
