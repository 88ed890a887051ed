from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from tests.training.made import LENGTH, batch, module, settings, shards, train
from windrow.training.checkpoints import Checkpoints
from windrow.training.dealing import Dealer
from windrow.training.gradients import Gradients
from windrow.training.history import History

WINDOWS = 24 - LENGTH
DAY = "2007-01-01T"


class Watch(Callback):
    """The weights before each batch, and how often there was a validation."""

    def __init__(self) -> None:
        self.weights: list[dict[str, Tensor]] = []
        self.validations = 0

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module.model, torch.nn.Module)
        self.weights.append({name: value.clone() for name, value in pl_module.model.state_dict().items()})

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.validations += 1


def gradients_of(path: Path, *, clip: float = 0.0) -> Gradients:
    record = History(Checkpoints(path))
    return Gradients(record, settings("direct").layout, clip, path / "not-finite.ckpt")


def assert_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].equal(other[name]), name


def checked(callback: Gradients, made: Any, *, loss: float = 1.0, precision: str = "32-true") -> Any:
    """Let the callback see a batch, its loss and its gradient."""
    optimizer = torch.optim.Adam(made.parameters(), fused=True)
    trainer: Any = SimpleNamespace(
        precision=precision, global_step=3, world_size=1, is_global_zero=True, current_epoch=0, should_stop=False
    )
    callback.on_train_batch_start(trainer, made, batch(2), 0)
    callback.on_before_backward(trainer, made, torch.tensor(loss))
    callback.on_before_optimizer_step(trainer, made, optimizer)
    return trainer, optimizer


@pytest.mark.parametrize(("clip", "factor"), [(0.0, 1.0), (5.0, 0.5), (20.0, 1.0)])
def test_a_gradient_is_scaled_to_the_largest_norm(tmp_path: Path, clip: float, factor: float) -> None:
    made = module("direct")
    for weight in made.parameters():
        weight.grad = torch.randn_like(weight)
    whole = torch.cat([weight.grad.flatten() for weight in made.parameters() if weight.grad is not None])
    for weight in made.parameters():
        assert weight.grad is not None
        weight.grad *= 10.0 / whole.norm()
    expected = whole * 10.0 / whole.norm() * factor
    callback = gradients_of(tmp_path, clip=clip)
    trainer, optimizer = checked(callback, made)
    found = torch.cat([weight.grad.flatten() for weight in made.parameters() if weight.grad is not None])
    torch.testing.assert_close(found, expected)
    assert callback.norm.item() == pytest.approx(10.0)  # as it was
    assert optimizer.found_inf.item() == 0
    assert not trainer.should_stop


@pytest.mark.parametrize(
    ("loss", "gradient", "precision", "ends"),
    [
        (float("inf"), 1.0, "32-true", True),
        (float("nan"), 1.0, "bf16-mixed", True),
        (float("nan"), 1.0, "16-mixed", True),
        (1.0, float("nan"), "bf16-mixed", True),
        (1.0, float("inf"), "16-mixed", False),  # the scaler tries again with a smaller scale
        (1.0, 1.0, "16-mixed", False),
    ],
)
def test_loss_and_gradient_are_watched_in_every_precision(
    tmp_path: Path, loss: float, gradient: float, precision: str, ends: bool
) -> None:
    made = module("direct")
    for weight in made.parameters():
        weight.grad = torch.full_like(weight, gradient)
    callback = gradients_of(tmp_path)
    trainer, optimizer = checked(callback, made, loss=loss, precision=precision)
    assert trainer.should_stop == ends
    assert bool(callback.record.diverged) == ends
    if precision == "16-mixed":
        assert not hasattr(optimizer, "found_inf")  # which the scaler sets
    else:
        assert optimizer.found_inf.item() == ends


def first_with(step: int, *, size: int, accumulate: int = 1) -> tuple[int, list[int]]:
    """The first step of the optimiser that a bad field is in, and its windows; from the order alone."""
    order = Dealer(WINDOWS, size, seed=42, training=True).order()
    size *= accumulate
    groups = [order[start : start + size] for start in range(0, WINDOWS, size)]
    (number, *_) = [n for n, group in enumerate(groups) if any(0 <= step - first < LENGTH for first in group)]
    return number, groups[number]


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_a_loss_that_is_not_finite_ends_the_training_before_its_step(
    tmp_path: Path, accumulate: int, optimizer: str
) -> None:
    training = {
        "accumulate": accumulate,
        "batch_size": 2,
        "optimizer": optimizer,
        "gradient_clip": 1.0,
        "epochs": 3,
    }
    its = settings("direct", training=training | {"weight_decay": 0.1})
    bad = 0  # which only the first window has
    reader = shards(tmp_path / "shards", its, bad_steps=(bad,))
    callback, watch = gradients_of(tmp_path / "work"), Watch()
    _, made = train(its, reader, [watch, callback, callback.record], tmp_path / "work")
    number, windows = first_with(bad, size=2, accumulate=accumulate)
    assert number > 0
    told = callback.record.diverged
    assert told.startswith(f"epoch 1, step {number} (the loss or its gradient is not finite; windows from ")
    for first in windows:
        assert f"{DAY}{first:02d}" in told
    content = torch.load(callback.path, weights_only=True)
    assert content["step"] == number
    assert sorted(content["windows"]) == sorted(windows)
    before = watch.weights[number * accumulate]
    assert_equal(content["weights"], before)
    assert_equal(made.model.state_dict(), before)
    assert all(torch.isfinite(weight).all() for weight in made.parameters())
    assert len(watch.weights) == (number + 1) * accumulate
    assert watch.validations == 0
    assert callback.record.epochs == []


class Spoiled(Watch):
    """A gradient that is not finite at a batch, though its loss is."""

    def __init__(self, at: int, value: float) -> None:
        super().__init__()
        self.at, self.value = at, value

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if len(self.weights) == self.at + 1:
            weight = next(pl_module.parameters())
            assert weight.grad is not None
            weight.grad.view(-1)[0] = self.value


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_ends_it_too(tmp_path: Path, value: float) -> None:
    its = settings("diff_ar", training={"batch_size": 4, "gradient_clip": 1.0})
    reader = shards(tmp_path / "shards", its)
    callback, watch = gradients_of(tmp_path / "work", clip=1.0), Spoiled(2, value)
    _, made = train(its, reader, [watch, callback, callback.record], tmp_path / "work")
    assert callback.record.diverged.startswith("epoch 1, step 2 (")
    assert_equal(made.model.state_dict(), watch.weights[2])


def test_a_training_without_fault_goes_to_its_end(tmp_path: Path) -> None:
    its = settings("diff_ar", training={"batch_size": 4, "epochs": 2})
    reader = shards(tmp_path / "shards", its)
    callback, watch = gradients_of(tmp_path / "work"), Watch()
    train(its, reader, [watch, callback, callback.record], tmp_path / "work")
    assert not callback.record.ended
    assert not callback.path.exists()
    assert watch.validations == 2
    assert len(watch.weights) == 2 * 5  # 17 windows by 4


def test_many_windows_are_told_by_the_first_of_them(tmp_path: Path) -> None:
    told = gradients_of(tmp_path)._told(torch.arange(30, 18, -1))
    assert told == (
        "2007-01-01T19, 2007-01-01T20, 2007-01-01T21, 2007-01-01T22, 2007-01-01T23, 2007-01-02T00, 2007-01-02T01, "
        "2007-01-02T02 and 4 more"
    )
