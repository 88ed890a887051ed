"""What the timed loops work on: shards of random fields, statistics, and trainings as `windrow train` builds them.

The fields are drawn from a normal distribution of mean 0 and deviation 1, and the statistics say so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from windrow.config import Experiment, IndexDomain, Sequences
from windrow.grid import grid_of_rows
from windrow.models.settings import SETTINGS
from windrow.shards.layout import block_path, shape_of
from windrow.shards.reader import ShardReader
from windrow.shards.windows import valid_windows, window_length
from windrow.stages import Layout, Train
from windrow.training.data import Batch, Loader, Windows
from windrow.training.dealing import Dealer
from windrow.training.fit import Prepared, prepare
from windrow.training.model import Surroundings, surroundings_of
from windrow.training.run import Run

VARIABLES = ("2t", "tcc", "t850")
DAYS, BLOCK_STEPS = 60, 360
GRIDS = {"paper": (56, 92), "sample": (32, 40), "tiny": (16, 20)}
STEPS = {"paper": 12, "sample": 12, "tiny": 2}
STATISTICS = {
    "variables": {name: {"mean": 0.0, "std": 1.0, "diff_mean": 0.0, "diff_std": 1.4} for name in VARIABLES}
}
STRATEGIES = {"weatherbench_cnn": "direct"}  # its paper's; of the others the first that they name

# the experiments of config/sample.yaml, on departures from one mean
EXPERIMENTS: dict[str, dict[str, Any]] = {
    "convlstm": {
        "model": {"name": "convlstm", "features": 16, "kernel": 5},
        "strategy": {"name": "sequence", "increment": True},
        "training": {"batch_size": 8, "learning_rate": 0.003, "schedule": "cosine", "gradient_clip": 1.0},
    },
    "weatherbench_cnn": {
        "model": {"name": "weatherbench_cnn", "features": 32, "kernel": 5},
        "strategy": {"name": "direct", "increment": True},
        "training": {"batch_size": 16, "schedule": "cosine", "loss": "mae"},
    },
}


def of_sample(name: str) -> dict[str, Any]:
    """An experiment of the sample's configuration."""
    return {"targets": ["2t"]} | EXPERIMENTS[name]


def of_registry(name: str) -> dict[str, Any]:
    """A network of the registry with its default settings and, of `savp`, its discriminators."""
    model: dict[str, Any] = {"name": name}
    if name == "mfai":
        model["architecture"] = "half_unet.HalfUNet"
    training: dict[str, Any] = {"adversarial": {}} if name == "savp" else {}
    strategy = {"name": STRATEGIES.get(name, SETTINGS[name].strategies[0])}
    return {"targets": ["2t"], "model": model, "strategy": strategy, "training": training}


def settings_of(experiment: dict[str, Any], size: str, **training: Any) -> Train:
    """All that a training needs to know; `training` goes before what the experiment says."""
    ny, nx = GRIDS[size]
    origin = dt.datetime(2007, 1, 1)
    days = (origin.date(), origin.date() + dt.timedelta(days=DAYS - 1))
    made = experiment | {"training": {"epochs": 1} | experiment["training"] | training}
    return Train(
        domain=IndexDomain(first_x=0, first_y=0, nx=nx, ny=ny),
        layout=Layout(origin=origin, step_hours=1, block_steps=BLOCK_STEPS, variables=VARIABLES, ny=ny, nx=nx),
        train=(days,),
        validation=(days,),
        sequences=Sequences(input_steps=STEPS[size], target_steps=STEPS[size]),
        experiment=Experiment.model_validate(made),
    )


def reader_of(settings: Train, work: Path) -> ShardReader:
    """The shards below `work`, written if they are not there."""
    layout = settings.layout
    shape = shape_of(layout)
    shards = work / f"shards-{layout.ny}x{layout.nx}"
    for block in range(DAYS * 24 // BLOCK_STEPS):
        path = block_path(shards, block)
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            fields = np.random.default_rng(block).standard_normal(shape.fields, dtype=np.float32)
            path.write_bytes(fields.tobytes() + shape.index_ending(np.ones(shape.steps, dtype=bool)))
    return ShardReader(shards, layout)


def surroundings_on(settings: Train, work: Path) -> Surroundings:
    """On a regular grid of 0.3 degrees."""
    layout = settings.layout
    grid = grid_of_rows(54.9 - 0.3 * np.arange(layout.ny), 0.3 * np.arange(layout.nx))
    return surroundings_of(settings, STATISTICS, grid, archived={}, graphs=work / "graphs")


def training_of(settings: Train, work: Path, run: Path, device: torch.device, *, windows: int = 0) -> Prepared:
    """A training with all callbacks, on the first so many windows or all, validated on one batch.

    `run` is a directory that is not there yet, so that nothing is resumed.
    """
    reader, firsts = _windows(settings, work, windows)
    options = settings.experiment.training
    splits = {"train": firsts, "validation": firsts[: options.batch_size * options.devices]}
    return prepare(settings, surroundings_on(settings, work), reader, splits, Run(run, "training"), device)


def batches_of(settings: Train, work: Path, device: torch.device, *, windows: int = 0) -> Iterator[Batch]:
    """Batches of the first so many windows, epoch after epoch, in an order of their own."""
    reader, firsts = _windows(settings, work, windows)
    dealer = Dealer(len(firsts), settings.experiment.training.batch_size, seed=7, training=True)
    gathered = Windows(reader, firsts, window_length(settings.sequences), pinned=device.type == "cuda")
    loader = Loader(gathered, dealer, workers=settings.experiment.training.workers)
    while True:
        yield from loader


def _windows(settings: Train, work: Path, count: int) -> tuple[ShardReader, npt.NDArray[np.int64]]:
    reader = reader_of(settings, work)
    firsts = valid_windows(reader, settings.train, settings.sequences, name="train")
    if count > len(firsts):
        raise ValueError(f"{count} windows are asked for and the shards have {len(firsts)}")
    return reader, firsts[:count] if count else firsts
