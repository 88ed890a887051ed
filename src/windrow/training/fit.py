"""One training, from the shards to the model's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch

from windrow.climatology import calendar_rows, read_climatology
from windrow.errors import UserError
from windrow.files import write_json
from windrow.shards.reader import ShardReader
from windrow.stages import Train
from windrow.statistics import split_hash
from windrow.training.callbacks import History, ResumePoint
from windrow.training.data import valid_windows, window_length
from windrow.training.device import chosen_device
from windrow.training.module import ForecastModule
from windrow.training.normalisation import Normalisation
from windrow.training.run import Run, fingerprint
from windrow.training.trained import save_trained
from windrow.training.trainer import build_trainer, rank_loaders, run_trainer

SplitWindows = dict[str, npt.NDArray[np.int64]]


def train(
    settings: Train,
    *,
    shards: Path,
    statistics: dict[str, Any],
    climatology: Path,
    work: Path,
    threads: int,
    model: Path,
    history: Path,
) -> None:
    """Train and write the weights of the best epoch.

    Checkpoints lie in `work`, under a name that follows from everything the weights depend on: settings,
    statistics, data and source code. So an unfinished training is resumed and never another one's; what other
    interrupted trainings left is removed at the start.

    A finished training leaves no checkpoint, so that one that is asked for again trains anew. The checkpoint goes
    last: a kill before that repeats no epoch, and a kill in the moment after it, before Snakemake has noted the
    success, repeats the training, with the same result.

    Raises
    ------
    UserError
        If the statistics are of another split, there are no windows, the hardware is not there, or the training
        diverges; then the outputs stay as they are.
    """
    if statistics.get("split_hash") != split_hash(settings.train):
        raise UserError("statistics.json is of another training split; run the stage statistics again")
    options = settings.experiment.training
    device = chosen_device(options.accelerator, devices=options.devices)
    if threads:
        torch.set_num_threads(threads)
    reader = ShardReader(shards, settings.layout)
    windows = _windows(settings, reader)
    normalise = _normalisation(settings, statistics, climatology, windows)
    run = Run(work, fingerprint(settings, statistics, reader, windows, normalise))
    record = History()
    trainer = _fit(settings, normalise, reader, windows, run, record, device)
    if not trainer.is_global_zero:
        return
    if record.diverged:
        raise UserError(
            f"the training diverged in {record.diverged}; lower training.learning_rate or set training.gradient_clip"
        )
    save_trained(model, settings, statistics, record.best_weights)
    write_json(history, _told(record, trainer, windows))
    run.finish()


def _windows(settings: Train, reader: ShardReader) -> SplitWindows:
    splits = {"train": settings.train, "validation": settings.validation}
    return {name: valid_windows(reader, days, settings.sequences, name=name) for name, days in splits.items()}


def _normalisation(
    settings: Train, statistics: dict[str, Any], climatology: Path, windows: SplitWindows
) -> Normalisation:
    """With the climatology's table if the strategy works on departures from it.

    Raises
    ------
    UserError
        If a month of the windows has no climatology.
    """
    variables = settings.layout.variables
    if not settings.experiment.strategy.anomaly:
        return Normalisation(statistics, variables)
    table = read_climatology(climatology, settings.train).table(variables)
    normalise = Normalisation(statistics, variables, torch.from_numpy(table))
    for firsts in windows.values():
        rows = calendar_rows(firsts, window_length(settings.sequences), settings.layout)
        normalise.require(torch.from_numpy(rows))
    return normalise


def _fit(
    settings: Train,
    normalise: Normalisation,
    reader: ShardReader,
    windows: SplitWindows,
    run: Run,
    record: History,
    device: torch.device,
) -> pl.Trainer:
    """Run Lightning; with several devices all its processes come here and go on from here."""
    options = settings.experiment.training
    trainer = build_trainer(options, device, run, [record, ResumePoint(run.checkpoint, record)])
    loaders = rank_loaders(trainer, options, reader, windows, window_length(settings.sequences))
    if trainer.is_global_zero:
        run.sweep()
    pl.seed_everything(options.seed, verbose=False)
    run_trainer(trainer, ForecastModule(settings, normalise), loaders, run.checkpoint)
    return trainer


def _told(record: History, trainer: pl.Trainer, windows: SplitWindows) -> dict[str, Any]:
    return {
        "epochs": record.epochs,
        "best_epoch": record.best_epoch,
        "parameters": sum(parameter.numel() for parameter in trainer.lightning_module.parameters()),
        "windows": {name: len(found) for name, found in windows.items()},
        "device": trainer.strategy.root_device.type,
    }
