"""A training as `windrow train` builds it: seconds of its steps, FLOP, memory; with several processes, communication.

With several processes every second step leaves the gradients as they are on each of them, with all else the same:
what the other steps take longer is communication, and waiting for the slower process.
"""

import argparse
import json
import os
import time
from typing import Any

import pytorch_lightning as pl
import torch
from hardware import device_of, now, peak_memory, peak_speed
from material import of_registry, of_sample, settings_of, training_of
from options import add_common, of_device
from pytorch_lightning.callbacks import Callback
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks
from torch.nn.parallel import DistributedDataParallel
from torch.utils.flop_counter import FlopCounterMode

from windrow.training.fit import Prepared

COUNTED, FIRST_TIMED = 1, 2  # step 0 warms up


class Steps(Callback):
    """Counts the FLOP of one step, then times steps until there are enough or the time is over."""

    def __init__(
        self, prepared: Prepared, device: torch.device, *, steps: int, limit_s: float, counting: bool
    ) -> None:
        self.prepared, self.device, self.counting = prepared, device, counting
        self.steps, self.limit_s = steps, limit_s
        self.flop = 0
        self.seconds: list[float] = []
        self.silent: list[float] = []
        self.peak_bytes = 0
        self._counter: Any = None
        self._talking = True
        self._begun = self._first = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Listen to what the processes exchange."""
        if isinstance(trainer.model, DistributedDataParallel):
            trainer.model.register_comm_hook(None, self._exchange)

    # the annotations are looked at when the hook is registered, so that they must not be strings
    def _exchange(self, _: None, bucket: torch.distributed.GradBucket) -> torch.futures.Future[torch.Tensor]:
        if self._talking:
            return default_hooks.allreduce_hook(None, bucket)  # type: ignore[arg-type]
        done: torch.futures.Future[torch.Tensor] = torch.futures.Future()
        done.set_result(bucket.buffer())
        return done

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Begin to count."""
        if batch_idx == COUNTED and self.counting:
            self._counter = FlopCounterMode(display=False)
            self._counter.__enter__()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the time, from the end of the step before."""
        end = now(self.device)
        if batch_idx == COUNTED:
            self._first = end
            if self.counting:
                self._counter.__exit__(None, None, None)
                self.flop = self._counter.get_total_flops()
        if batch_idx >= FIRST_TIMED:
            (self.seconds if self._talking else self.silent).append(end - self._begun)
            if trainer.world_size > 1:
                self._talking = not self._talking
            done = len(self.seconds) + len(self.silent)
            over = trainer.world_size == 1 and end - self._first > self.limit_s and done > 1
            if done == self.steps or over:
                self.peak_bytes = peak_memory(self.device)
                self.prepared.record.interrupted = "the end of the measurement"
                trainer.should_stop = True
                trainer.limit_val_batches = 0
        self._begun = time.perf_counter()


def main() -> None:
    """Print what was measured as a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_common(parser)
    parser.add_argument("--model", required=True)
    parser.add_argument("--of-sample", action="store_true", help="the experiment of the sample with this network")
    parser.add_argument("--batch", type=int, default=4, help="windows of a step, of each process")
    parser.add_argument("--processes", type=int, default=1, help="which torchrun has started")
    parser.add_argument("--precision", default="32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args()
    device = device_of(args.device, args.threads)
    settings = settings_of(
        (of_sample if args.of_sample else of_registry)(args.model),
        args.size,
        batch_size=args.batch,
        precision=args.precision,
        compile=args.compile,
        devices=args.processes,
        **of_device(args.device),
    )
    peaks = [peak_speed(device, args.precision)]
    windows = (args.steps + FIRST_TIMED) * args.batch * args.processes
    training = training_of(settings, args.work, args.to, device, windows=windows)
    # a compiled network is not seen by the counter
    steps = Steps(training, device, steps=args.steps, limit_s=args.seconds, counting=not args.compile)
    training.trainer.callbacks.append(steps)
    training.go()
    peaks.append(peak_speed(device, args.precision))
    if int(os.environ.get("RANK", "0")):
        return
    told = {
        "seconds": steps.seconds,
        "silent": steps.silent,
        "windows": args.batch * args.processes,
        "flop_per_window": steps.flop / args.batch,
        "peak_bytes": steps.peak_bytes,
        "peak_speed": None if None in peaks else max(peaks),  # type: ignore[type-var]
        "strategy": settings.experiment.strategy.name,
        "parameters": sum(parameter.numel() for parameter in training.module.model.strategy.parameters()),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
