from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from tests.training.made import INPUT_STEPS, LENGTH, TARGET_STEPS, settings, shards, train
from windrow.training.averaging import Averaging
from windrow.training.checkpoints import Checkpoints
from windrow.training.history import History
from windrow.training.module import ForecastModule


class Scripted(Callback):
    """Validation losses as they stand here, one for each epoch, whatever the network does."""

    def __init__(self, *losses: float) -> None:
        self.losses = losses
        self.weights: list[dict[str, torch.Tensor]] = []

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, ForecastModule)
        totals = pl_module.validation_totals
        totals.sums[1] = totals.sums[0] * self.losses[trainer.current_epoch]
        self.weights.append({name: value.clone() for name, value in pl_module.model.state_dict().items()})


def trained(tmp_path: Path, *losses: float, patience: int = 0, **training: Any) -> tuple[History, Scripted, Any]:
    its = settings("diff_ar", training={"epochs": len(losses), "learning_rate": 0.01} | training)
    record = History(Checkpoints(tmp_path / "work"), patience=patience)
    scripted = Scripted(*losses)
    trainer, _ = train(its, shards(tmp_path / "shards", its), [scripted, record], tmp_path / "work")
    return record, scripted, trainer


def test_each_epoch_has_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record, _, _ = trained(tmp_path, 3.0, 2.0, schedule="linear", final_rate=0.0)
    assert [line["epoch"] for line in record.epochs] == [0, 1]
    assert [line["step"] for line in record.epochs] == [5, 10]  # 17 windows by 4
    assert [line["validation_loss"] for line in record.epochs] == [3.0, 2.0]
    assert [line["learning_rate"] for line in record.epochs] == pytest.approx([0.005, 0.0])
    for line in record.epochs:
        assert set(line["validation_rmse"]) == {"2t"}
        assert len(line["validation_rmse"]["2t"]) == TARGET_STEPS
        assert 0 < line["seconds"] < 60
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 2
    loss = record.epochs[0]["train_loss"]
    assert told[0].startswith(f"epoch 1/2: train loss {loss:.5f}, validation loss 3.00000, ")


def test_the_losses_of_an_epoch_are_those_of_its_windows(tmp_path: Path) -> None:
    """With a learning rate of nothing both can be computed from the fields."""
    its = settings("diff_ar", training={"learning_rate": 1e-30, "epochs": 2})
    reader = shards(tmp_path / "shards", its)
    record = History(Checkpoints(tmp_path / "work"))
    _, made = train(its, reader, [record], tmp_path / "work")
    for name, firsts in (("train", range(24 - LENGTH)), ("validation", range(24, 48 - LENGTH))):
        fields = torch.from_numpy(reader.windows(torch.tensor([*firsts]).numpy(), LENGTH))
        with torch.no_grad():
            rows = torch.zeros(len(fields), LENGTH, dtype=torch.long)
            found = made.model.forecast(fields[:, :INPUT_STEPS], rows, torch.zeros(len(fields), LENGTH, 8)).tensor
        errors = (found - fields[:, INPUT_STEPS:, :1]) ** 2
        for line in record.epochs:
            assert line[f"{name}_loss"] == pytest.approx(errors.mean().item() / 16, rel=1e-4)
            if name == "validation":
                rmse = errors.mean(dim=(0, 2, 3, 4)).sqrt()
                assert line["validation_rmse"]["2t"] == pytest.approx(rmse.tolist(), rel=1e-4)


def test_the_weights_of_the_lowest_validation_loss_are_kept(tmp_path: Path) -> None:
    record, scripted, _ = trained(tmp_path, 3.0, 1.0, 2.0, 1.0)
    assert record.best_epoch == 1  # the first of equals
    best = record.checkpoints.read_best()
    for name, value in scripted.weights[1].items():
        assert best[name].equal(value), name
    assert any(not best[name].equal(value) for name, value in scripted.weights[3].items())


@pytest.mark.parametrize(
    ("losses", "patience", "epochs"),
    [
        ((3.0, 2.0, 1.0, 0.5), 1, 4),
        ((3.0, 4.0, 1.0, 0.5), 1, 2),
        ((3.0, 4.0, 1.0, 2.0, 2.0, 0.1), 2, 5),
        ((3.0, 4.0, 5.0, 6.0), 0, 4),
    ],
)
def test_a_training_ends_after_so_many_epochs_without_a_better_one(
    tmp_path: Path, losses: tuple[float, ...], patience: int, epochs: int
) -> None:
    record, _, _ = trained(tmp_path, *losses, patience=patience)
    assert len(record.epochs) == epochs
    assert not record.ended


def test_patience_that_had_run_out_ends_a_resumed_training_at_once(tmp_path: Path) -> None:
    record = History(Checkpoints(tmp_path), patience=1)
    record.load_state_dict(
        {
            "epochs": [{"validation_loss": 1.0}, {"validation_loss": 2.0}],
            "best_epoch": 0,
            "sums": [],
            "seconds": 0.0,
        }
    )
    its = settings("diff_ar", training={"epochs": 4})
    _, made = train(its, shards(tmp_path / "shards", its), [record], tmp_path / "work")
    assert len(record.epochs) == 2
    assert made.train_totals.sums[0] == 0


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_validation_that_is_not_finite_ends_it(tmp_path: Path, loss: float) -> None:
    record, scripted, _ = trained(tmp_path, 2.0, loss, 1.0)
    assert record.ended
    assert record.diverged.startswith("epoch 2 (train loss ")
    assert len(record.epochs) == 1
    for name, value in scripted.weights[0].items():
        assert record.checkpoints.read_best()[name].equal(value)


def test_the_means_of_the_weights_are_kept_in_their_place(tmp_path: Path) -> None:
    its = settings("diff_ar", training={"epochs": 2, "learning_rate": 0.01})
    averaging = Averaging(0.9)
    record = History(Checkpoints(tmp_path / "work"), averaging=averaging)
    scripted = Scripted(2.0, 1.0)  # before the averaging, so that it sees the means
    _, made = train(its, shards(tmp_path / "shards", its), [scripted, averaging, record], tmp_path / "work")
    best = record.checkpoints.read_best()
    for name, value in scripted.weights[1].items():
        assert best[name].equal(value), name
    for (name, weight), mean in zip(made.model.named_parameters(), averaging.means, strict=True):
        assert best[name].equal(mean)
        assert not weight.equal(mean)


def test_it_survives_a_resume(tmp_path: Path) -> None:
    record, _, trainer = trained(tmp_path, 3.0, 1.0)
    record.gather(trainer)
    again = History(Checkpoints(tmp_path / "work"))
    again.load_state_dict(record.state_dict())
    assert again.epochs == record.epochs
    assert again.best_epoch == 1
    assert again._sums == [0.0] * (2 + TARGET_STEPS)  # an epoch has ended


@pytest.mark.parametrize(("first", "expected"), [(True, [2.0, 6.0]), (False, [0.0, 0.0])])
def test_the_sums_of_an_interrupted_epoch_go_on_in_one_rank_alone(
    tmp_path: Path, first: bool, expected: list[float]
) -> None:
    its = settings("diff_ar")
    _, made = train(its, shards(tmp_path / "shards", its), [], tmp_path / "work")
    made.train_totals.reset()
    record = History(Checkpoints(tmp_path))
    sums = [2.0, 6.0] + [0.0] * TARGET_STEPS
    record.load_state_dict({"epochs": [], "best_epoch": -1, "sums": sums, "seconds": 5.0})
    trainer: Any = SimpleNamespace(is_global_zero=first)
    record.on_train_start(trainer, made)
    assert made.train_totals.sums[:2].tolist() == expected
    assert record.state_dict()["seconds"] == pytest.approx(5.0, abs=1)
