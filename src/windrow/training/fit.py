"""One training, from the shards to the model's file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from windrow.climatology import Climatology, calendar_rows, read_climatology, require_climatology
from windrow.errors import EndedBySignalError, UserError
from windrow.files import write_json
from windrow.models.settings import SAVP
from windrow.shards.reader import ShardReader
from windrow.stages import Train
from windrow.statics import Statics, read_statics
from windrow.statistics import split_hash
from windrow.training.adversarial_module import AdversarialModule
from windrow.training.averaging import Averaging
from windrow.training.data import Loader, valid_windows, window_length
from windrow.training.device import chosen_device
from windrow.training.gradients import Gradients
from windrow.training.history import History
from windrow.training.interruption import Interruption
from windrow.training.model import Surroundings, surroundings_of
from windrow.training.module import ForecastModule
from windrow.training.observers import Scene
from windrow.training.observers.watch import Observers
from windrow.training.progress import Curves, Progress
from windrow.training.resume import Noise, ResumePoints, SharedBuffers
from windrow.training.run import Run, fingerprint
from windrow.training.trained import Described, save_trained
from windrow.training.trainer import build_trainer, rank_loaders, run_trainer

SplitWindows = dict[str, npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Sources:
    """The files that a training reads."""

    shards: Path
    statistics: dict[str, Any]
    climatology: Path
    statics: Path


def train(settings: Train, sources: Sources, *, work: Path, threads: int, model: Path, history: Path) -> None:
    """Train and write the weights of the best epoch, with so many CPU threads of each process; 0: torch's choice.

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
    EndedBySignalError
        If a signal ended it; the same call goes on.
    """
    if sources.statistics.get("split_hash") != split_hash(settings.train):
        raise UserError("statistics.json is of another training split; run the stage statistics again")
    options = settings.experiment.training
    device = chosen_device(options.accelerator, devices=options.devices)
    if threads:
        torch.set_num_threads(threads)
    reader = ShardReader(sources.shards, settings.layout)
    windows = _windows(settings, reader)
    statics = read_statics(sources.statics)
    climatology = read_climatology(sources.climatology, settings.train)
    surroundings = _surroundings(settings, sources, statics, climatology, windows)
    run = Run(work, fingerprint(settings, surroundings, reader, windows))
    prepared = prepare(settings, surroundings, reader, windows, run, device)
    prepared.go()
    trainer, record = prepared.trainer, prepared.record
    if record.interrupted:
        raise EndedBySignalError(
            f"ended by {record.interrupted}, with a checkpoint at step {trainer.global_step}; the same command goes on",
            again=record.again,
        )
    if not trainer.is_global_zero:
        return
    if record.diverged:
        raise UserError(
            f"the training diverged in {record.diverged}; lower training.learning_rate or set training.gradient_clip"
        )
    described = Described(statics.grid, climatology.attributes)
    save_trained(model, settings, sources.statistics, run.checkpoints.read_best(), described)
    write_json(history, _told(prepared, windows))
    run.finish()


def _windows(settings: Train, reader: ShardReader) -> SplitWindows:
    splits = {"train": settings.train, "validation": settings.validation}
    return {name: valid_windows(reader, days, settings.sequences, name=name) for name, days in splits.items()}


def _surroundings(
    settings: Train, sources: Sources, statics: Statics, climatology: Climatology, windows: SplitWindows
) -> Surroundings:
    """With the climatology's table if the strategy works on departures from it.

    Raises
    ------
    UserError
        If a month of the windows has no climatology.
    """
    wanted = settings.experiment.inputs.statics
    archived = {name: field for name, field in statics.fields.items() if name in wanted}
    table = None
    if settings.experiment.strategy.anomaly:
        table = climatology.table(settings.layout.variables)
        for firsts in windows.values():
            require_climatology(table, calendar_rows(firsts, window_length(settings.sequences), settings.layout))
    graphs = sources.shards.parent / "graphs"
    return surroundings_of(
        settings, sources.statistics, statics.grid, archived=archived, table=table, graphs=graphs
    )


@dataclass(frozen=True)
class Prepared:
    """A training that can begin: Lightning's trainer with all callbacks, and what it works on."""

    trainer: pl.Trainer
    module: ForecastModule
    loaders: tuple[Loader, Loader]
    record: History
    observers: Observers
    run: Run

    def go(self) -> None:
        """Train to the end, from the checkpoint if there is one."""
        checkpoint = self.run.begin(first=self.trainer.is_global_zero)
        run_trainer(self.trainer, self.module, self.loaders, checkpoint)


def prepare(
    settings: Train,
    surroundings: Surroundings,
    reader: ShardReader,
    windows: SplitWindows,
    run: Run,
    device: torch.device,
) -> Prepared:
    """Build all that trains; with several devices all its processes come here and go on from here."""
    options = settings.experiment.training
    pl.seed_everything(options.seed, verbose=False)
    adversarial = isinstance(settings.experiment.model, SAVP)
    module = (AdversarialModule if adversarial else ForecastModule)(settings, surroundings)
    averaging = Averaging(options.ema) if options.ema else None
    record = History(run.checkpoints, patience=options.patience, averaging=averaging)
    gradients = Gradients(record, settings.layout, options.gradient_clip, run.not_finite)
    points = ResumePoints(run.checkpoints, record, gradients, Interruption(options.checkpoint_minutes))
    observers = Observers(record, options.observers, scene_of(settings, surroundings), run.pictures)
    callbacks: list[Callback] = [
        Noise(options.seed),
        SharedBuffers(),
        gradients,
        *([averaging] if averaging else []),
        record,
        Progress(),
        Curves(record, gradients),
        observers,
        points,
    ]
    trainer = build_trainer(options, device, callbacks, run.logger(), unused=adversarial)
    loaders = rank_loaders(trainer, options, reader, windows, settings.sequences)
    points.loader = loaders[0]
    module.steps_per_epoch = -(-len(points.loader) // options.accumulate)
    return Prepared(trainer, module, loaders, record, observers, run)


def scene_of(settings: Train, surroundings: Surroundings) -> Scene:
    """What the observers watch."""
    return Scene(
        targets=settings.experiment.targets,
        layout=settings.layout,
        leads=settings.sequences.target_steps,
        boundary_width=settings.experiment.strategy.boundary_width,
        south_first=bool(surroundings.latitude[0, 0] < surroundings.latitude[-1, 0]),
    )


def _told(prepared: Prepared, windows: SplitWindows) -> dict[str, Any]:
    record, trainer = prepared.record, prepared.trainer
    return {
        "epochs": record.epochs,
        "best_epoch": record.best_epoch,
        "parameters": sum(parameter.numel() for parameter in trainer.lightning_module.parameters()),
        "windows": {name: len(found) for name, found in windows.items()},
        "device": trainer.strategy.root_device.type,
        "processes": trainer.world_size,
        "observers": prepared.observers.summaries,
    }
