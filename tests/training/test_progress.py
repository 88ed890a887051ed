import struct
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from tensorboardX.proto.event_pb2 import Event

from tests.training.made import settings, shards, train
from windrow.progress import bar
from windrow.training.checkpoints import Checkpoints
from windrow.training.gradients import Gradients
from windrow.training.history import History
from windrow.training.progress import Curves, Progress


def bars(told: str) -> list[str]:
    return [line for line in told.splitlines() if line.startswith("[")]


def test_a_line_is_told_every_so_many_seconds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    its = settings("diff_ar", training={"epochs": 2})
    reader = shards(tmp_path / "shards", its)
    train(its, reader, [Progress(0.0)], tmp_path / "often")
    often = bars(capsys.readouterr().out)
    assert [line.partition("] ")[2].partition(" %")[0] for line in often] == [str(10 * n) for n in range(1, 11)]
    assert [line.partition("epoch ")[2][0] for line in often] == ["1"] * 5 + ["2"] * 5
    assert often[-1].endswith("0:00:00 left")
    train(its, reader, [Progress(60.0)], tmp_path / "seldom")
    assert not bars(capsys.readouterr().out)


class Clock(Callback):
    """Each batch takes two seconds on the clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self.now += 2.0


def test_what_is_left_follows_from_the_speed_so_far(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    its = settings("diff_ar", training={"epochs": 2})
    train(its, shards(tmp_path / "shards", its), [Clock(monkeypatch), Progress(5.0)], tmp_path / "work")
    # 10 batches of 2 s; a line as soon as 5 s have passed
    assert bars(capsys.readouterr().out) == [
        bar(3, 10, 14.0, "epoch 1"),
        bar(6, 10, 8.0, "epoch 2"),
        bar(9, 10, 2.0, "epoch 2"),
    ]


def curves(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values of each curve; a record is its length, a checksum, the event and another checksum."""
    (file,) = (path / "curves").glob("events*")
    content, found = file.read_bytes(), defaultdict(list)
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        event = Event.FromString(content[12 : 12 + length])
        content = content[16 + length :]
        for value in event.summary.value:
            found[value.tag].append((event.step, value.simple_value))
    return found


@pytest.mark.parametrize("accumulate", [1, 2])
def test_curves_are_those_of_the_training(tmp_path: Path, accumulate: int) -> None:
    its = settings("diff_ar", training={"epochs": 2, "accumulate": accumulate})
    record = History(Checkpoints(tmp_path / "work"))
    gradients = Gradients(record, its.layout, 0.0, tmp_path / "not-finite.ckpt")
    callbacks: list[Callback] = [gradients, record, Curves(record, gradients, every=1)]
    train(its, shards(tmp_path / "shards", its), callbacks, tmp_path / "work")
    found = curves(tmp_path / "work")
    steps = 5 if accumulate == 1 else 3  # of an epoch
    assert [step for step, _ in found["train_loss"]] == [steps, 2 * steps]
    assert [value for _, value in found["train_loss"]] == pytest.approx(
        [line["train_loss"] for line in record.epochs]
    )
    assert {"learning_rate", "gradient_norm", "windows_per_second"} <= set(found)
    told = [value for _, value in found["train_loss_of_step"]]
    for epoch, line in enumerate(record.epochs):
        *whole, rest = told[5 * epoch : 5 * epoch + 5]  # 17 windows: 4 batches of 4 and one of 1
        assert (4 * sum(whole) + rest) / 17 == pytest.approx(line["train_loss"])


def test_an_epoch_that_ended_in_disorder_has_no_curve(tmp_path: Path) -> None:
    its = settings("diff_ar", training={"epochs": 2})
    record = History(Checkpoints(tmp_path / "work"))
    gradients = Gradients(record, its.layout, 0.0, tmp_path / "not-finite.ckpt")
    reader = shards(tmp_path / "shards", its, bad_steps=(10,))
    train(its, reader, [gradients, record, Curves(record, gradients)], tmp_path / "work")
    assert record.diverged
    assert "train_loss" not in curves(tmp_path / "work")
