"""Settings, surroundings, shards and trainings of a few points and hours."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor

from windrow.config import Experiment, IndexDomain, Sequences
from windrow.grid import grid_of_rows
from windrow.shards.layout import block_path, shape_of
from windrow.shards.reader import ShardReader
from windrow.stages import Layout, Train
from windrow.training.data import Batch
from windrow.training.model import Surroundings, surroundings_of
from windrow.training.module import ForecastModule
from windrow.training.named_tensor import NamedTensor
from windrow.training.trainer import build_trainer, rank_loaders, run_trainer

NY, NX = 4, 5
VARIABLES = ("2t", "tcc")
INPUT_STEPS, TARGET_STEPS = 3, 4
LENGTH = INPUT_STEPS + TARGET_STEPS
STATISTICS: dict[str, Any] = {
    "variables": {
        "2t": {"mean": 280.0, "std": 4.0, "diff_mean": 0.4, "diff_std": 2.0},
        "tcc": {"mean": 0.5, "std": 0.25, "diff_mean": -0.05, "diff_std": 0.125},
    }
}
MODELS = {"sequence": "convlstm"}


def experiment(strategy: str | dict[str, Any], **given: Any) -> Experiment:
    """An experiment with a small network; `strategy` is a name or all its settings."""
    chosen = {"name": strategy} if isinstance(strategy, str) else strategy
    model = {"name": MODELS.get(chosen["name"], "weatherbench_cnn"), "features": 2, "kernel": 3}
    training = {"accelerator": "cpu", "batch_size": 4, "epochs": 1} | given.pop("training", {})
    return Experiment.model_validate(
        {"targets": ["2t"], "model": model, "strategy": chosen, "training": training} | given
    )


def settings(strategy: str | dict[str, Any], **given: Any) -> Train:
    """Settings of a training on two days in blocks of 24 hours."""
    days = (dt.date(2007, 1, 1), dt.date(2007, 1, 2))
    return Train(
        domain=IndexDomain(first_x=0, first_y=0, nx=NX, ny=NY),
        layout=Layout(
            origin=dt.datetime(2007, 1, 1), step_hours=1, block_steps=24, variables=VARIABLES, ny=NY, nx=NX
        ),
        train=(days,),
        validation=(days,),
        sequences=Sequences(input_steps=INPUT_STEPS, target_steps=TARGET_STEPS),
        experiment=experiment(strategy, **given),
    )


def surroundings(its: Train, **given: Any) -> Surroundings:
    """On a grid from 50 to 53 degrees north."""
    grid = grid_of_rows(np.arange(50.0, 50.0 + NY), np.arange(float(NX)))
    archived = {name: np.arange(NY * NX, dtype=np.float32).reshape(NY, NX) for name in ("z", "lsm")}
    return surroundings_of(its, STATISTICS, grid, **({"archived": archived} | given))


def module(strategy: str | dict[str, Any], **given: Any) -> ForecastModule:
    """A module that is not trained."""
    torch.manual_seed(1)
    its = settings(strategy, **given)
    return ForecastModule(its, surroundings(its))


def physical(windows: int, steps: int = LENGTH, seed: int = 0) -> Tensor:
    """Fields in physical units: (window, step, variable, y, x)."""
    fields = torch.randn(windows, steps, 2, NY, NX, generator=torch.Generator().manual_seed(seed))
    return fields * torch.tensor([4.0, 0.25])[:, None, None] + torch.tensor([280.0, 0.5])[:, None, None]


def batch(windows: int, *, share: float | None = None, seed: int = 0) -> Batch:
    """Windows of random fields, all from the first hour."""
    fields = NamedTensor(physical(windows, seed=seed), ("window", "time", "variable", "y", "x"), VARIABLES)
    return Batch(
        fields,
        torch.arange(LENGTH).expand(windows, -1),
        torch.zeros(windows, LENGTH, 8),
        torch.zeros(windows, dtype=torch.long),
        1.0 / windows if share is None else share,
    )


def shards(path: Path, its: Train, *, bad_steps: tuple[int, ...] = ()) -> ShardReader:
    """Two days of random fields, with values that are no numbers at some steps."""
    shape = shape_of(its.layout)
    for block in range(2):
        fields = physical(1, 24, seed=block)[0].numpy()
        fields[[step - 24 * block for step in bad_steps if step // 24 == block]] = np.nan
        file = block_path(path, block)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(fields.astype("<f4").tobytes() + shape.index_ending(np.ones(24, dtype=bool)))
    return ShardReader(path, its.layout)


def train(
    its: Train, reader: ShardReader, callbacks: list[Callback], work: Path
) -> tuple[pl.Trainer, ForecastModule]:
    """Train with these callbacks alone, on the windows of the first day, validated on those of the second."""
    options = its.experiment.training
    torch.manual_seed(1)
    made = ForecastModule(its, surroundings(its))
    logger = TensorBoardLogger(work, name="", version="curves")
    trainer = build_trainer(options, torch.device("cpu"), callbacks, logger)
    windows = {"train": np.arange(0, 24 - LENGTH), "validation": np.arange(24, 48 - LENGTH)}
    loaders = rank_loaders(trainer, options, reader, windows, its.sequences)
    made.steps_per_epoch = -(-len(loaders[0]) // options.accumulate)
    run_trainer(trainer, made, loaders, None)
    return trainer, made
