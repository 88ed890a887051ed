"""One training, from the shards to the model's file."""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger

from windrow.climatology import calendar_rows, read_climatology
from windrow.config import Days
from windrow.configfile import canonical
from windrow.errors import UserError
from windrow.files import remove, write_json
from windrow.provenance import sources_digest
from windrow.sequences import split_windows
from windrow.shards.layout import block_path
from windrow.shards.reader import ShardReader
from windrow.stages import Train
from windrow.statistics import split_hash
from windrow.training.callbacks import History, ResumePoint
from windrow.training.data import EpochSampler, Windows, loader
from windrow.training.device import chosen_device
from windrow.training.module import ForecastModule
from windrow.training.normalisation import Normalisation
from windrow.training.trained import save_trained

logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)


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
    statistics, data and source code. So an unfinished training is resumed and never another one's; a finished one
    leaves none.

    Raises
    ------
    UserError
        If the statistics are of another split, there are no windows, or the hardware is not there.
    """
    if statistics["split_hash"] != split_hash(settings.train):
        raise UserError("statistics.json is of another training split; run the stage statistics again")
    device = chosen_device(settings.experiment.training.accelerator)
    if threads:
        torch.set_num_threads(threads)
    reader = ShardReader(shards, settings.layout)
    windows = {
        "train": _windows(reader, settings, settings.train, "train"),
        "validation": _windows(reader, settings, settings.validation, "validation"),
    }
    run_directory = work / _fingerprint(settings, statistics, reader, windows)
    record = History()
    normalise = _normalisation(settings, statistics, climatology, windows)
    module = _fit(settings, normalise, reader, windows, run_directory, record, device)
    if module is None:
        return
    save_trained(model, settings, statistics, record.best_weights)
    write_json(
        history,
        {
            "epochs": record.epochs,
            "best_epoch": record.best_epoch,
            "parameters": sum(parameter.numel() for parameter in module.parameters()),
            "windows": {name: len(found) for name, found in windows.items()},
            "device": device.type,
        },
    )
    remove(run_directory)


def _windows(reader: ShardReader, settings: Train, days: tuple[Days, ...], name: str) -> npt.NDArray[np.int64]:
    sequences = settings.sequences
    return split_windows(
        reader.available,
        days,
        origin=settings.layout.origin,
        step_hours=settings.layout.step_hours,
        length=sequences.input_steps + sequences.target_steps,
        stride=sequences.stride,
        name=name,
    )


def _fingerprint(
    settings: Train,
    statistics: dict[str, Any],
    reader: ShardReader,
    windows: dict[str, npt.NDArray[np.int64]],
) -> str:
    """All that the weights depend on, as a name. Blocks count by size and time: a rewritten one starts anew."""
    size = settings.layout.block_steps
    blocks = sorted({int(first) // size for found in windows.values() for first in found})
    files = [block_path(reader.shards, number).stat() for number in blocks]
    text = json.dumps(
        {
            "settings": canonical(settings),
            "statistics": statistics,
            "blocks": [(file.st_size, file.st_mtime_ns) for file in files],
            "sources": sources_digest("train", f"windrow.models.{settings.experiment.model.name}"),
        },
        sort_keys=True,
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _normalisation(
    settings: Train, statistics: dict[str, Any], climatology: Path, windows: dict[str, npt.NDArray[np.int64]]
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
    table = read_climatology(climatology).table(variables)
    normalise = Normalisation(statistics, variables, torch.from_numpy(table))
    length = settings.sequences.input_steps + settings.sequences.target_steps
    for firsts in windows.values():
        normalise.require(torch.from_numpy(calendar_rows(firsts, length, settings.layout)))
    return normalise


def _fit(
    settings: Train,
    normalise: Normalisation,
    reader: ShardReader,
    windows: dict[str, npt.NDArray[np.int64]],
    run_directory: Path,
    record: History,
    device: torch.device,
) -> pl.LightningModule | None:
    """Run Lightning; only the first of several processes gets the module back."""
    options = settings.experiment.training
    length = settings.sequences.input_steps + settings.sequences.target_steps
    pl.seed_everything(options.seed, verbose=False)
    module = ForecastModule(settings, normalise)
    resume = run_directory / "last.ckpt"
    trainer = pl.Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=options.devices,
        max_epochs=options.epochs,
        precision={"32": "32-true"}.get(options.precision, options.precision),  # type: ignore[arg-type]
        gradient_clip_val=options.gradient_clip or None,
        logger=TensorBoardLogger(run_directory.parent / "tensorboard", name="", version=run_directory.name),
        callbacks=[record, ResumePoint(resume)],
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
    )
    if trainer.world_size != options.devices * trainer.num_nodes:
        raise UserError(
            f"training.devices asks for {options.devices} processes and {trainer.world_size} were started; "
            "start it by `srun --ntasks-per-node` or `torchrun`, or set devices to 1"
        )
    train_batches, validation_batches = (
        loader(
            Windows(reader, windows[name], length),
            EpochSampler(
                len(windows[name]),
                seed=options.seed,
                shuffle=name == "train",
                rank=trainer.global_rank,
                ranks=trainer.world_size,
            ),
            options.batch_size,
        )
        for name in ("train", "validation")
    )
    if resume.exists():
        print(f"resuming from {resume}", flush=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*srun. command is available.*")
        warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
        trainer.fit(
            module,
            train_batches,
            validation_batches,
            ckpt_path=resume if resume.exists() else None,
            weights_only=True,
        )
    return module if trainer.is_global_zero else None
