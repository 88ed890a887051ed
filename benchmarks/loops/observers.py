"""What the observers cost: in turn a training step, a validated batch, and the same batch shown to the observers.

No observer has a hook of a training step. What they cost is a share of each batch of the validation, of which there are
`--of-validation` times as many as of the training, and what is added up once at the end of an epoch. Each batch is
shown as the first one, from which an example is kept. Pictures are not in it: they have a purse of their own.
"""

from __future__ import annotations

import argparse
import json
import statistics
from typing import Any

import torch
from bare import BareLoop
from hardware import device_of, now
from material import batches_of, of_sample, settings_of, training_of
from options import add_common, of_device, on_device

WARM_UP = 3


def main() -> None:
    """Print medians in seconds, and the observers' share of the time of an epoch, as a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_common(parser)
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument(
        "--of-validation", type=float, default=1.0, help="batches of validation for one of training"
    )
    args = parser.parse_args()
    device = device_of(args.device, args.threads)
    settings = settings_of(of_sample(args.experiment), args.size, **of_device(args.device))
    training = training_of(settings, args.work, args.to, device)
    module, watch, trainer = training.module.to(device), training.observers, training.trainer
    batch = on_device(next(batches_of(settings, args.work, device)), device)
    model = module.model
    bare = BareLoop(settings, model.strategy.network, model.normalise.mean, model.normalise.std)
    watch.on_train_start(trainer, module)
    found: dict[str, list[float]] = {"training": [], "validation": [], "observers": [], "end": []}
    for _ in range(args.turns + WARM_UP):
        module.train()
        begun = now(device)
        bare.step(batch)
        trained = now(device)
        module.eval()
        with torch.inference_mode():
            watch.on_validation_epoch_start(trainer, module)
            started = now(device)
            outputs: dict[str, Any] = module.validation_step(batch, 0)
            validated = now(device)
            watch.on_validation_batch_end(trainer, module, outputs, batch, 0)
            shown = now(device)
        sums = [watch._observers[name].sums() for name in watch.kinds]
        _ = [part.cpu() for part in sums if part is not None]
        times = (trained - begun, validated - started, shown - validated, now(device) - shown)
        for name, seconds in zip(found, times, strict=True):
            found[name].append(seconds)
    medians: dict[str, float] = {name: statistics.median(values[WARM_UP:]) for name, values in found.items()}
    batches = args.of_validation
    epoch = medians["training"] + batches * medians["validation"]
    share = batches * medians["observers"] / epoch
    print(json.dumps(medians | {"share": share, "kinds": list(watch.kinds)}))


if __name__ == "__main__":
    main()
