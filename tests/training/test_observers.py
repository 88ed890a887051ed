"""What observers are shown, what they tell, and what they must not do to a training."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_lightning.callbacks import Callback

from tests.training.made import (
    INPUT_STEPS,
    NX,
    NY,
    TARGET_STEPS,
    batch,
    module,
    settings,
    shards,
    surroundings,
    train,
)
from tests.training.test_examples import PAID, logged
from tests.training.test_fit import options
from windrow import cli
from windrow.training.checkpoints import Checkpoints
from windrow.training.data import Batch
from windrow.training.fit import scene_of
from windrow.training.history import History
from windrow.training.module import ForecastModule
from windrow.training.observers import Epoch, Observer, Validated
from windrow.training.observers.board import Pictures, Purse
from windrow.training.observers.errors import ErrorMap, StateErrors, coarse
from windrow.training.observers.watch import BUILT_IN, Observers
from windrow.training.run import Run
from windrow.training_settings import OBSERVERS


class Noted:
    """A board that keeps what it is told."""

    def __init__(self) -> None:
        self.told: dict[str, float] = {}
        self.pictures: dict[str, Any] = {}

    def scalars(self, values: dict[str, float]) -> None:
        self.told |= values

    def picture(self, name: str, draw: Callable[[], Any], *, alt: str) -> bool:
        self.pictures[name] = draw()
        return True


def still(strategy: dict[str, Any], **given: Any) -> ForecastModule:
    """A module whose network of zeros predicts no change."""
    made = module({"name": "diff_ar"} | strategy, **given).eval()
    for weight in made.model.strategy.network.parameters():
        weight.data.zero_()
    return made


def part(whole: Batch, start: int, stop: int) -> Batch:
    fields = whole.fields.like(whole.fields.tensor[start:stop])
    return Batch(fields, *(each[start:stop] for each in whole[1:4]), whole.share)


def shown(made: ForecastModule, windows: Batch, number: int = 0) -> Validated:
    with torch.no_grad():
        return Validated(made, windows, made.validation_step(windows, number), number)


def watched(
    kind: type[Observer], *batches: Batch, strategy: dict[str, Any] | None = None, **given: Any
) -> tuple[Any, Noted]:
    """The summary and the board of an observer that saw these batches, of fields that are held."""
    its = settings({"name": "diff_ar"} | (strategy or {}), **given)
    made, noted = still(strategy or {}, **given), Noted()
    observer = kind(scene_of(its, surroundings(its)))
    observer.begin()
    for number, windows in enumerate(batches):
        observer.update(shown(made, windows, number))
    sums = observer.sums()
    assert sums is not None
    return observer.finish(Epoch(0, True, False, noted, sums.numpy())), noted


def held_error(windows: Batch, variable: int) -> np.ndarray[Any, Any]:
    """Of the last known field, held: (window, lead, y, x)."""
    fields = windows.fields.tensor[:, :, variable].double().numpy()
    return np.asarray(fields[:, INPUT_STEPS - 1, None] - fields[:, INPUT_STEPS:])


def test_the_built_in_observers_are_those_of_the_config() -> None:
    assert tuple(BUILT_IN) == OBSERVERS


def test_state_errors_are_those_of_the_field_that_is_held() -> None:
    windows = batch(5)
    found, noted = watched(StateErrors, windows, targets=["tcc", "2t"])
    for name, place in (("2t", 0), ("tcc", 1)):
        error = held_error(windows, place)
        np.testing.assert_allclose(found["rmse"][name], np.sqrt((error**2).mean((0, 2, 3))), rtol=6e-4)
        np.testing.assert_allclose(found["bias"][name], error.mean((0, 2, 3)), rtol=6e-4)
        for lead in range(TARGET_STEPS):
            rmse, bias = (noted.told[f"validation_{kind}/{name}/step_{lead + 1:02d}"] for kind in ("rmse", "bias"))
            assert rmse == pytest.approx(np.sqrt((error[:, lead] ** 2).mean()), rel=1e-4)
            assert bias == pytest.approx(error[:, lead].mean(), rel=1e-3)


def test_the_boundary_counts_in_no_state_error() -> None:
    windows = batch(2)
    found, _ = watched(StateErrors, windows, strategy={"boundary_width": 1})
    error = held_error(windows, 0)[..., 1:-1, 1:-1]
    np.testing.assert_allclose(found["rmse"]["2t"], np.sqrt((error**2).mean((0, 2, 3))), rtol=6e-4)


def test_an_error_map_is_the_error_of_each_point_over_all_windows_and_lead_times() -> None:
    windows = batch(3)
    found, noted = watched(ErrorMap, windows, targets=["tcc", "2t"])
    assert (found["block"], found["south_first"]) == (1, True)
    for name, place in (("2t", 0), ("tcc", 1)):
        expected = np.sqrt((held_error(windows, place) ** 2).mean((0, 1)))
        np.testing.assert_allclose(found["rmse"][name], expected, rtol=6e-4)
        assert noted.pictures[name].shape[2] == 3


def test_a_map_is_made_coarse_by_means_over_blocks() -> None:
    """The last block of a row and of a column is smaller."""
    field = np.arange(15.0).reshape(3, 5)
    np.testing.assert_array_equal(coarse(field, 2), [[3.0, 5.0, 6.5], [10.5, 12.5, 14.0]])


@pytest.mark.parametrize("kind", [StateErrors, ErrorMap])
def test_sums_do_not_depend_on_how_windows_are_dealt_into_batches(kind: type[Observer]) -> None:
    whole = batch(5)
    one, _ = watched(kind, whole)
    several, _ = watched(kind, part(whole, 0, 1), part(whole, 1, 3), part(whole, 3, 5))
    np.testing.assert_allclose(one["rmse"]["2t"], several["rmse"]["2t"], rtol=2e-4)


def test_what_is_shown_is_in_physical_units_and_in_the_order_of_the_targets() -> None:
    windows = batch(3)
    its = settings({"name": "direct", "anomaly": True}, targets=["tcc", "2t"])
    table = torch.randn(288, 2, NY, NX, generator=torch.Generator().manual_seed(3))
    made = ForecastModule(its, surroundings(its, table=table.numpy())).eval()
    seen = shown(made, windows)
    fields = windows.fields.tensor.flip(2)
    torch.testing.assert_close(seen.truth, fields[:, INPUT_STEPS:])
    torch.testing.assert_close(seen.known, fields[:, INPUT_STEPS - 1])
    with torch.no_grad():
        forecast = made.model.forecast(
            windows.fields.tensor[:, :INPUT_STEPS], windows.rows, windows.calendar
        ).tensor
    torch.testing.assert_close(seen.forecast, forecast)
    torch.testing.assert_close(seen.forecast_of(slice(1)), forecast[:1])
    torch.testing.assert_close(seen.error, forecast - fields[:, INPUT_STEPS:], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(seen.sum_of_errors, seen.error.sum(0), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(seen.sum_of_squares, (seen.error**2).sum(0), rtol=1e-4, atol=1e-3)


class Trained:
    """A training of 3 epochs of 5 steps with these observers."""

    def __init__(
        self, tmp_path: Path, kinds: dict[str, type[Observer]], *, share: float = PAID, **given: Any
    ) -> None:
        its = settings("diff_ar", training={"epochs": 3, "learning_rate": 0.01}, **given)
        work = tmp_path / "-".join(["work", *kinds])
        self.record = History(Checkpoints(work))
        self.pictures = work / "observers"
        scene = scene_of(its, surroundings(its))
        self.observers = Observers(self.record, (), scene, self.pictures, share=share)
        self.observers.kinds = kinds
        callbacks: list[Callback] = [self.record, self.observers]
        _, self.module = train(its, shards(tmp_path / "shards", its), callbacks, work)
        self.log = logged(work / "curves")


def test_summaries_are_those_of_the_best_epoch_and_agree_with_the_history(tmp_path: Path) -> None:
    found = Trained(tmp_path, {"state_error": StateErrors, "error_map": ErrorMap}, share=0.0)
    line = found.record.epochs[found.record.best_epoch]
    summary = found.observers.summaries["state_error"]
    assert summary["epoch"] == line["epoch"]
    assert summary["rmse"]["2t"] == pytest.approx(line["validation_rmse"]["2t"], rel=6e-4)
    for lead in range(TARGET_STEPS):
        assert [value for _, value in found.log[f"validation_rmse/2t/step_{lead + 1:02d}"]] == pytest.approx(
            [line["validation_rmse"]["2t"][lead] for line in found.record.epochs]
        )
    squares = np.square(found.observers.summaries["error_map"]["rmse"]["2t"]).mean()
    assert squares == pytest.approx(np.square(line["validation_rmse"]["2t"]).mean(), rel=1e-3)
    assert not found.pictures.exists()  # which nothing paid for


class InUpdate(StateErrors):
    def update(self, batch: Validated) -> None:
        raise RuntimeError("of no use")


class InFinish(StateErrors):
    def finish(self, epoch: Epoch) -> dict[str, Any]:
        raise KeyError("nothing")


class AtBirth(StateErrors):
    def __init__(self, scene: Any) -> None:
        raise OSError("not born")


class NoText(StateErrors):
    def finish(self, epoch: Epoch) -> dict[str, Any]:
        return {"field": np.zeros(3)}


def test_an_observer_that_raises_is_told_once_and_the_training_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds: dict[str, type[Observer]] = {
        "update": InUpdate,
        "finish": InFinish,
        "birth": AtBirth,
        "text": NoText,
        "state_error": StateErrors,
    }
    found = Trained(tmp_path, kinds)
    assert len(found.record.epochs) == 3
    assert capsys.readouterr().err.splitlines() == [
        "warning: the observer birth raised and is switched off (OSError: not born)",
        "warning: the observer update raised and is switched off (RuntimeError: of no use)",
        "warning: the observer finish raised and is switched off (KeyError: 'nothing')",
        "warning: the observer text raised and is switched off "
        "(TypeError: Object of type ndarray is not JSON serializable)",
    ]
    assert list(found.observers.summaries) == ["state_error"]
    without = Trained(tmp_path, {})
    assert [line["validation_loss"] for line in found.record.epochs] == [
        line["validation_loss"] for line in without.record.epochs
    ]
    for name, value in without.module.state_dict().items():
        torch.testing.assert_close(found.module.state_dict()[name], value, rtol=0, atol=0)


class Slow(Observer):
    def __init__(self, scene: Any) -> None:
        super().__init__(scene)
        self.begun = 0

    def begin(self) -> None:
        self.begun += 1
        time.sleep(0.05)

    def update(self, batch: Validated) -> None:
        pass

    def finish(self, epoch: Epoch) -> dict[str, int]:
        return {"begun": self.begun}


@pytest.mark.parametrize(("share", "times"), [(0.01, 1), (PAID, 3)])
def test_an_observer_of_a_plugin_that_was_not_paid_for_is_left_out_until_it_is(
    tmp_path: Path, share: float, times: int
) -> None:
    observers = Trained(tmp_path, {"slow": Slow}, share=share).observers
    made = observers._observers["slow"]
    assert isinstance(made, Slow)
    assert made.begun == times


def test_the_purse_holds_its_share_of_the_time_that_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    purse = Purse(0.01)
    assert not purse.affords(0.001)
    clock[0] = 200.0
    assert purse.affords(1.0)
    assert not purse.affords(1.001)
    with purse.paying():
        clock[0] = 200.75
    assert purse.affords(0.257)
    assert not purse.affords(0.258)


def test_the_latest_pictures_are_files_with_a_list(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path / "observers")
    for epoch, grey in ((0, 50), (4, 200)):
        for name in ("2t", "10u/10v"):
            colours = np.full((4, 6, 3), grey, dtype=np.uint8)
            pictures.keep(colours, observer="map", name=name, epoch=epoch, alt=f"{name} in {epoch}")
    index = json.loads((tmp_path / "observers" / "index.json").read_text())
    common = {"observer": "map", "epoch": 4}
    assert index == [
        {"file": "map-2t.png", "name": "2t", "alt": "2t in 4"} | common,
        {"file": "map-10u_10v.png", "name": "10u/10v", "alt": "10u/10v in 4"} | common,
    ]
    for line in index:
        image = np.asarray(Image.open(tmp_path / "observers" / line["file"]).convert("RGB"))
        np.testing.assert_array_equal(image, np.full((4, 6, 3), 200))


def test_a_training_that_begins_anew_removes_the_pictures_of_the_one_before(tmp_path: Path) -> None:
    run = Run(tmp_path, "0" * 16)
    Pictures(run.pictures).keep(np.zeros((2, 2, 3), np.uint8), observer="map", name="2t", epoch=0, alt="")
    assert run.pictures.is_dir()
    assert run.begin(first=True) is None
    assert not run.pictures.exists()


def test_a_training_tells_what_its_observers_found(tiny: Any, tmp_path: Path) -> None:
    assert cli.main(options(tiny, tmp_path, "cnn", epochs=2, stride=48)) == 0
    found = json.loads((tmp_path / "history.json").read_text())
    best = found["epochs"][found["best_epoch"]]
    assert set(found["observers"]) == {"state_error", "error_map"}
    assert found["observers"]["error_map"]["epoch"] == found["best_epoch"]
    assert np.shape(found["observers"]["error_map"]["rmse"]["2t"]) == (5, 6)
    assert found["observers"]["state_error"]["rmse"]["2t"] == pytest.approx(
        best["validation_rmse"]["2t"], rel=6e-4
    )
