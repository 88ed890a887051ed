"""The maps in the TensorBoard log, and what they must not touch."""

import datetime as dt
import io
import struct
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_lightning.callbacks import Callback
from tensorboardX.proto.event_pb2 import Event

from tests.training.made import NX, NY, TARGET_STEPS, batch, module, settings, shards, surroundings, train
from tests.training.test_fit import options
from windrow import cli
from windrow.stages import Layout
from windrow.training.averaging import Averaging
from windrow.training.checkpoints import Checkpoints
from windrow.training.examples import Example, draw, rmse_maps
from windrow.training.fit import scene_of
from windrow.training.history import History
from windrow.training.observers import Occasions, Validated
from windrow.training.observers.prediction import example_of
from windrow.training.observers.watch import Observers

PAID = 1e9  # a share that pays for everything


def events(path: Path) -> Iterator[tuple[str, int, Any]]:
    """Name, step and value of all that was logged; a record is its length, a checksum, the event and another one."""
    (file,) = path.glob("events*")
    content = file.read_bytes()
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        event = Event.FromString(content[12 : 12 + length])
        content = content[16 + length :]
        for value in event.summary.value:
            image = value.image.encoded_image_string
            yield value.tag, event.step, Image.open(io.BytesIO(image)) if image else value.simple_value


def logged(path: Path) -> dict[str, list[tuple[int, Any]]]:
    found = defaultdict(list)
    for tag, step, value in events(path):
        found[tag].append((step, value))
    return found


def trained(
    tmp_path: Path, name: str, *, maps: bool = True, share: float = PAID, **given: Any
) -> tuple[History, dict[str, Any], dict[str, list[tuple[int, Any]]]]:
    """Record, weights and log of a training of 4 epochs of 5 steps."""
    strategy = given.pop("strategy", "diff_ar")
    its = settings(strategy, training={"epochs": 4, "learning_rate": 0.01}, **given)
    work = tmp_path / name
    averaging = Averaging(0.5)
    record = History(Checkpoints(work), averaging=averaging)
    callbacks: list[Callback] = [averaging, record]
    if maps:
        scene = scene_of(its, surroundings(its))
        callbacks.append(Observers(record, ("prediction",), scene, work / "observers", share=share))
    _, made = train(its, shards(tmp_path / "shards", its), callbacks, work)
    return record, made.state_dict(), logged(work / "curves") if maps else {}


def test_each_target_has_a_map_of_the_first_and_of_the_last_epoch(tmp_path: Path) -> None:
    _, _, found = trained(tmp_path, "work", targets=["2t", "tcc"])
    assert set(found) == {"prediction/2t", "prediction/tcc"}
    for images in found.values():
        assert [step for step, _ in images] == [5, 20]
        for _, image in images:
            colours = np.asarray(image).reshape(-1, 3)
            assert len(np.unique(colours, axis=0)) > 100


def test_better_epochs_between_are_drawn_if_they_are_far_enough_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Occasions.__init__, "__defaults__", (1,))
    record, _, found = trained(tmp_path, "work")
    losses = [line["validation_loss"] for line in record.epochs]
    better = {epoch for epoch in range(1, 4) if losses[epoch] < min(losses[:epoch])}
    assert [step for step, _ in found["prediction/2t"]] == [5 * (epoch + 1) for epoch in sorted({0, 3} | better)]
    assert better & {1, 2}


def test_maps_that_are_not_paid_for_are_not_drawn(tmp_path: Path) -> None:
    _, _, found = trained(tmp_path, "work", share=0.01)  # of less than a second
    assert found == {}


@pytest.mark.parametrize(
    "model", [{"name": "halfunet", "features": 2, "scales": 1}, {"name": "vae", "features": 2}]
)
def test_maps_do_not_disturb_the_training(tmp_path: Path, model: dict[str, Any]) -> None:
    """With running means of the batch normalisation, random numbers and a mean of the weights."""
    given = {"model": model, "strategy": "sequence" if model["name"] == "vae" else "diff_ar"}
    with_maps, without = (trained(tmp_path, str(maps), maps=maps, **given) for maps in (True, False))
    assert with_maps[2]
    assert [line["validation_loss"] for line in with_maps[0].epochs] == [
        line["validation_loss"] for line in without[0].epochs
    ]
    for name, value in without[1].items():
        torch.testing.assert_close(with_maps[1][name], value, rtol=0, atol=0, equal_nan=True)


def test_an_example_is_the_first_window_and_its_forecast_in_physical_units() -> None:
    """A network of zeros predicts no change."""
    made = module("diff_ar", targets=["tcc", "2t"]).eval()
    for weight in made.model.strategy.network.parameters():
        weight.data.zero_()
    windows = batch(3)
    with torch.no_grad():
        found = example_of(Validated(made, windows, made.validation_step(windows, 0), 0))
    fields = windows.fields.tensor[0].flip(1).numpy()  # tcc before 2t
    np.testing.assert_allclose(found.known, fields[2], rtol=1e-6)
    np.testing.assert_allclose(found.truth, fields[3:], rtol=1e-6)
    np.testing.assert_allclose(found.forecast, np.broadcast_to(fields[2], (TARGET_STEPS, 2, NY, NX)), rtol=1e-5)


LAYOUT = Layout(origin=dt.datetime(2007, 1, 1), step_hours=6, block_steps=24, variables=("2t",), ny=4, nx=5)


def image(*, error: float = 0.0, south_first: bool = True) -> np.ndarray[Any, Any]:
    """Of a window that is warm in its second half of rows, with this error everywhere, after a cold field."""
    truth = np.zeros((3, 1, NY, NX), dtype=np.float32)
    truth[:, :, NY // 2 :] = 10.0
    known = np.full((1, NY, NX), -10.0, dtype=np.float32)
    drawn = draw(Example(2, known, truth, truth + error), 0, "2t", LAYOUT, south_first=south_first)
    return drawn.astype(int)


def panels(drawn: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """The first column of maps, without its edges, from its rows of the image."""
    column = drawn[:, int(0.2 * drawn.shape[1])]
    top, bottom = 56, round(0.98 * len(column))  # above are 0.7 inches of 80 dots for the titles
    third = (bottom - top) // 3
    return [column[top + place * third + 8 : top + (place + 1) * third - 8] for place in range(3)]


@pytest.mark.parametrize("south_first", [True, False])
def test_north_is_above(south_first: bool) -> None:
    truth, forecast, _ = panels(image(south_first=south_first))
    north, south = (truth[0], truth[-1]) if south_first else (truth[-1], truth[0])
    assert north[0] > north[2] + 50  # warm is red
    assert south[2] > south[0] + 50
    np.testing.assert_array_equal(np.unique(truth, axis=0), np.unique(forecast, axis=0))


def test_what_is_right_is_pale_and_what_is_too_warm_is_orange() -> None:
    right, wrong = panels(image())[2], panels(image(error=8.0))[2]
    assert right.min() > 230
    assert (wrong[:, 0] > wrong[:, 2] + 80).all()


@pytest.mark.parametrize("south_first", [True, False])
def test_where_errors_are_large_a_map_of_errors_is_dark_and_north_is_above(south_first: bool) -> None:
    rmse = np.zeros((3, NY, NX))
    rmse[:, NY // 2 :] = 2.0
    drawn = rmse_maps(rmse, "2t", LAYOUT, south_first=south_first).astype(int)
    column = drawn[:, int(0.2 * drawn.shape[1])]
    north, south = column[56 + 8], column[round(0.98 * len(column)) - 8]  # below 0.7 inches of titles
    large, small = (north, south) if south_first else (south, north)
    assert small.min() > 190  # pale
    assert large[0] > large[1] + 100  # dark red


def test_a_training_logs_its_maps_beside_its_curves(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Observers.__init__.__kwdefaults__, "share", PAID)
    assert cli.main(options(tiny, tmp_path, "cnn", epochs=3, ema=0.9)) == 0
    (log,) = (tmp_path / "work" / "tensorboard").iterdir()
    found = logged(log)
    assert {step for step, _ in found["prediction/2t"]} >= {8, 24}  # 62 windows make 8 batches
    for name in ("learning_rate", "windows_per_second", "train_loss_of_step"):
        assert [step for step, _ in found[name]] == [20]
        assert found[name][0][1] > 0
    for lead in range(1, 5):
        assert len(found[f"validation_rmse/2t/step_{lead:02d}"]) == 3
    assert set(found) >= {"error_map/2t", "validation_bias/2t/step_01"}
