"""Lightning's trainer and the batches of its ranks."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.strategies import DDPStrategy

from windrow.config import Sequences, Training, known_steps
from windrow.errors import UserError
from windrow.shards.reader import ShardReader
from windrow.training.data import Loader, Windows, window_length
from windrow.training.dealing import Dealer

logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)

HARMLESS = (
    ".*does not have many workers.*",
    ".*srun. command is available.*",
    ".*isinstance.treespec, LeafSpec.*",
    ".*smaller than the logging interval.*",
)


def build_trainer(
    options: Training,
    device: torch.device,
    callbacks: list[Callback],
    logger: TensorBoardLogger,
    *,
    unused: bool = False,
) -> pl.Trainer:
    """A trainer that keeps quiet and leaves order, checkpoints and history to us.

    DDP does not send buffers round: they are constants, and ranks differ in their number of validation batches.

    Parameters
    ----------
    unused
        Not all weights take part in each step, as where networks are trained against each other.

    Raises
    ------
    UserError
        If another number of processes was started than is asked for.
    """
    wanted = options.devices * options.nodes
    ddp = DDPStrategy(
        cluster_environment=cluster_environment(),
        forward_sync_buffers=False,
        find_unused_parameters=unused,
        gradient_as_bucket_view=True,
    )
    trainer = pl.Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=options.devices,
        num_nodes=options.nodes,
        strategy=ddp if wanted > 1 else "auto",
        plugins=[LightningEnvironment()] if wanted == 1 else None,
        max_epochs=options.epochs,
        precision={"32": "32-true"}.get(options.precision, options.precision),  # type: ignore[arg-type]
        accumulate_grad_batches=options.accumulate,
        logger=logger,
        callbacks=callbacks,
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    if trainer.world_size != wanted:
        raise UserError(
            f"training.devices and training.nodes ask for {wanted} processes and {trainer.world_size} were started; "
            "start it by `srun --ntasks-per-node` or `torchrun`, or set both to 1"
        )
    return trainer


def cluster_environment() -> ClusterEnvironment:
    """Who starts the processes: torchrun, srun with a task per device, or Lightning itself on one machine.

    It is said explicitly: within an allocation of SLURM Lightning would take a single task for the whole training
    and train with one process.
    """
    if TorchElasticEnvironment.detect():
        return TorchElasticEnvironment()
    if int(os.environ.get("SLURM_NTASKS", "1")) > 1 and "SLURM_PROCID" in os.environ:
        return SLURMEnvironment(auto_requeue=False)
    return LightningEnvironment()


def rank_loaders(
    trainer: pl.Trainer,
    options: Training,
    reader: ShardReader,
    windows: dict[str, npt.NDArray[np.int64]],
    sequences: Sequences,
) -> tuple[Loader, Loader]:
    """Batches of one rank: for training, for validation.

    In an epoch of shorter forecasts no more is gathered of a window than they need.

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
    place: dict[str, Any] = {
        "seed": options.seed,
        "rank": trainer.global_rank,
        "ranks": trainer.world_size,
    }
    dealers = (
        Dealer(
            len(windows["train"]),
            options.batch_size,
            training=True,
            length=lambda epoch: (
                known_steps(sequences) + (options.leads_of_epoch(epoch) or sequences.target_steps)
            ),
            **place,
        ),
        Dealer(len(windows["validation"]), options.batch_size, training=False, **place),
    )
    length, pinned = window_length(sequences), trainer.strategy.root_device.type == "cuda"
    train, validation = (
        Loader(Windows(reader, firsts, length, pinned=pinned), dealer, workers=options.workers)
        for firsts, dealer in zip((windows["train"], windows["validation"]), dealers, strict=True)
    )
    return train, validation


def run_trainer(
    trainer: pl.Trainer, module: pl.LightningModule, loaders: tuple[Loader, Loader], checkpoint: Path | None
) -> None:
    """Train to the end, from the checkpoint if there is one."""
    if checkpoint and trainer.is_global_zero:
        print(f"resuming from {checkpoint}", flush=True)
    train, validation = loaders
    with warnings.catch_warnings():
        for message in HARMLESS:
            warnings.filterwarnings("ignore", message=message)
        trainer.fit(module, train, validation, ckpt_path=checkpoint, weights_only=True)
