"""One experiment of the sample, in turn: Lightning's loop, a bare loop, the bare loop on a batch that is in memory.

They take turns of a few steps within one process, so that a machine that slows down slows all of them down.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from typing import Any

import pytorch_lightning as pl
import torch
from bare import BareLoop
from hardware import device_of, now
from material import batches_of, of_sample, settings_of, training_of
from options import add_common, of_device, on_device
from pytorch_lightning.callbacks import Callback

from windrow.stages import Train
from windrow.training.data import Batch
from windrow.training.fit import Prepared

WARM_UP = 1


class Turns(Callback):
    """After so many of Lightning's steps as many of the bare loops; each turn gives the seconds of a step."""

    def __init__(self, bare: BareLoop, batches: Any, fixed: Batch, *, turn: int, device: torch.device) -> None:
        self.bare, self.batches, self.fixed = bare, batches, fixed
        self.turn, self.device = turn, device
        self.lightning: list[float] = []
        self.real: list[float] = []
        self.wait: list[float] = []
        self.in_memory: list[float] = []
        self._begun = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Measure, if the turn is over."""
        if (batch_idx + 1) % self.turn:
            return
        self.lightning.append(now(self.device) - self._begun)
        self._bare_turn()
        self._begun = now(self.device)

    def _bare_turn(self) -> None:
        begun, waited = now(self.device), 0.0
        for _ in range(self.turn):
            asked = time.perf_counter()
            batch = next(self.batches)
            waited += time.perf_counter() - asked
            self.bare.step(batch)
        between = now(self.device)
        for _ in range(self.turn):
            self.bare.step(self.fixed)
        self.real.append(between - begun)
        self.wait.append(waited)
        self.in_memory.append(now(self.device) - between)

    def told(self) -> dict[str, list[float]]:
        """Seconds of a step in each turn that counts."""
        parts = {"lightning": self.lightning, "bare": self.real, "wait": self.wait, "fixed": self.in_memory}
        return {name: [seconds / self.turn for seconds in values[WARM_UP:]] for name, values in parts.items()}


def bare_loop(training: Prepared, settings: Train, batch: Batch, device: torch.device) -> BareLoop:
    """With the same weights; it is checked that the loss is the same."""
    model = training.module.model.to(device)
    network = copy.deepcopy(model.strategy.network)
    bare = BareLoop(settings, network, model.normalise.mean, model.normalise.std)
    with torch.no_grad():
        torch.testing.assert_close(bare.loss(batch), training.module.training_step(batch, 0), rtol=1e-4, atol=0)
    training.module.train_totals.reset()
    return bare


def main() -> None:
    """Print the seconds as a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_common(parser)
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--turn", type=int, default=4, help="steps")
    args = parser.parse_args()
    device = device_of(args.device, args.threads)
    settings = settings_of(of_sample(args.experiment), args.size, **of_device(args.device))
    windows = (args.turns + WARM_UP) * args.turn * settings.experiment.training.batch_size
    training = training_of(settings, args.work, args.to, device, windows=windows)
    batches = batches_of(settings, args.work, device, windows=windows)
    fixed = on_device(next(batches), device)
    bare = bare_loop(training, settings, fixed, device)
    turns = Turns(bare, batches, fixed, turn=args.turn, device=device)
    training.trainer.callbacks.append(turns)
    training.go()
    print(json.dumps(turns.told()))


if __name__ == "__main__":
    main()
