"""Lightning's trainer and the batches of its ranks."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.strategies import DDPStrategy
from torch.utils.data import DataLoader

from windrow.config import Training
from windrow.errors import UserError
from windrow.shards.reader import ShardReader
from windrow.training.data import EpochSampler, Windows, loader
from windrow.training.run import Run

logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)

HARMLESS = (
    ".*does not have many workers.*",
    ".*srun. command is available.*",
    ".*isinstance.treespec, LeafSpec.*",
)


def build_trainer(options: Training, device: torch.device, run: Run, callbacks: list[Callback]) -> pl.Trainer:
    """A trainer that keeps quiet and leaves order, checkpoints and history to us.

    DDP does not send buffers round: they are constants, and ranks differ in their number of validation batches.

    Raises
    ------
    UserError
        If another number of processes was started than is asked for.
    """
    trainer = pl.Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=options.devices,
        strategy=DDPStrategy(forward_sync_buffers=False) if options.devices > 1 else "auto",
        max_epochs=options.epochs,
        precision={"32": "32-true"}.get(options.precision, options.precision),  # type: ignore[arg-type]
        gradient_clip_val=options.gradient_clip or None,
        logger=TensorBoardLogger(run.tensorboard, name="", version=run.name),
        callbacks=callbacks,
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
    return trainer


def rank_loaders(
    trainer: pl.Trainer,
    options: Training,
    reader: ShardReader,
    windows: dict[str, npt.NDArray[np.int64]],
    length: int,
) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Batches of one rank: for training, for validation.

    Raises
    ------
    UserError
        If there are more ranks than windows of a split.
    """
    for name, firsts in windows.items():
        if len(firsts) < trainer.world_size:
            raise UserError(
                f"{name} has {len(firsts)} windows for {trainer.world_size} processes; "
                f"lengthen splits.{name} or lower training.devices"
            )
    deal = {"seed": options.seed, "rank": trainer.global_rank, "ranks": trainer.world_size}
    train, validation = (
        loader(
            Windows(reader, windows[name], length, pinned=trainer.strategy.root_device.type == "cuda"),
            EpochSampler(len(windows[name]), training=name == "train", **deal),
            options.batch_size,
            workers=options.workers,
        )
        for name in ("train", "validation")
    )
    return train, validation


def run_trainer(
    trainer: pl.Trainer,
    module: pl.LightningModule,
    loaders: tuple[DataLoader[Any], DataLoader[Any]],
    checkpoint: Path,
) -> None:
    """Train to the end, from the checkpoint if there is one."""
    resume = checkpoint if checkpoint.exists() else None
    if resume and trainer.is_global_zero:
        print(f"resuming from {resume}", flush=True)
    train, validation = loaders
    with warnings.catch_warnings():
        for message in HARMLESS:
            warnings.filterwarnings("ignore", message=message)
        trainer.fit(module, train, validation, ckpt_path=resume, weights_only=True)
