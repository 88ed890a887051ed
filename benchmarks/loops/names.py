"""What named tensors cost: each operation by itself, and a training step with names in turn with one without."""

from __future__ import annotations

import argparse
import json
import timeit
from collections.abc import Callable

import torch
from hardware import device_of, now
from material import batches_of, of_sample, settings_of, training_of
from options import add_common, of_device, on_device
from torch import Tensor

from windrow.training.data import FIELDS, Batch
from windrow.training.module import ForecastModule, not_finite_for_all
from windrow.training.named_tensor import NamedTensor

CALLS = 5000


def operations(fields: NamedTensor) -> dict[str, float]:
    """Seconds of each operation, the shortest of five times so many calls; less those of the tensor's own operation."""
    tensor, features = fields.tensor, fields.features
    pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "make": (lambda: NamedTensor(tensor, FIELDS, features), lambda: tensor),
        "like": (lambda: fields.like(tensor), lambda: tensor),
        "select one": (lambda: fields.select(features[1]), lambda: tensor.narrow(2, 1, 1)),
        "select all": (lambda: fields.select(*features), lambda: tensor),
        "part": (lambda: fields.part("time", 0, 2), lambda: tensor.narrow(1, 0, 2)),
        "flatten": (lambda: fields.flatten("window", "time", "both"), lambda: tensor.flatten(0, 1)),
    }
    return {name: _shortest(named) - _shortest(plain) for name, (named, plain) in pairs.items()}


def _shortest(function: Callable[[], object]) -> float:
    return min(timeit.repeat(function, number=CALLS, repeat=5)) / CALLS


def without_names(module: ForecastModule, batch: Batch) -> Tensor:
    """The same as `ForecastModule.training_step`, on tensors."""
    model, tensor = module.model, batch.fields.tensor
    fields = model.normalise(tensor, batch.rows)
    known = model.input_steps
    given = model.given(NamedTensor(fields, FIELDS, model.variables), batch.calendar)
    forecast = model.strategy(given).fields
    leads = forecast.shape[1]
    losses = module.loss(forecast[:, :, :1], fields[:, known : known + leads, :1], module.weights)
    module.train_totals.add(losses, counted=batch.share > 0)
    return not_finite_for_all(losses.sum() * batch.share)


def main() -> None:
    """Print the seconds as a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_common(parser)
    parser.add_argument("--turns", type=int, default=60)
    args = parser.parse_args()
    device = device_of(args.device, args.threads)
    settings = settings_of(of_sample("weatherbench_cnn"), args.size, **of_device(args.device))
    module = training_of(settings, args.work, args.to, device).module.to(device)
    batch = on_device(next(batches_of(settings, args.work, device)), device)
    ways: dict[str, Callable[[], Tensor]] = {
        "named": lambda: module.training_step(batch, 0),
        "plain": lambda: without_names(module, batch),
    }
    torch.testing.assert_close(ways["named"](), ways["plain"](), rtol=0, atol=0)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(args.turns + 1):
        for name, way in sorted(ways.items(), reverse=bool(turn % 2)):
            begun = now(device)
            way().backward()
            module.zero_grad()
            if turn:
                seconds[name].append(now(device) - begun)
    print(json.dumps(seconds | {"operations": operations(batch.fields), "made": made_in(ways["named"])}))


def made_in(step: Callable[[], Tensor]) -> int:
    """How many named tensors a step makes."""
    count, check = 0, NamedTensor.__post_init__

    def counted(self: NamedTensor) -> None:
        nonlocal count
        count += 1
        check(self)

    NamedTensor.__post_init__ = counted  # type: ignore[method-assign]
    try:
        step()
    finally:
        NamedTensor.__post_init__ = check  # type: ignore[method-assign]
    return count


if __name__ == "__main__":
    main()
