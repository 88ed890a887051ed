"""Processes that share work which needs no gradients, each with a device of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from windrow.errors import UserError


@dataclass(frozen=True)
class Ranks:
    """Which one of how many processes this is; alone it is the first of one."""

    rank: int = 0
    size: int = 1
    device: torch.device | None = None
    fabric: Any = None

    @property
    def first(self) -> bool:
        """Whether this process is the one that makes and tidies up."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until all are here."""
        if self.fabric is not None:
            self.fabric.barrier()


def start_processes(device: torch.device, *, devices: int, nodes: int) -> Ranks:
    """Start the other processes, or find out which one of those that `srun` or `torchrun` started this is.

    Raises
    ------
    UserError
        If another number of processes was started than is asked for.
    """
    wanted = devices * nodes
    if wanted == 1:
        return Ranks()
    from lightning_fabric import Fabric
    from lightning_fabric.strategies.ddp import DDPStrategy

    from windrow.training.trainer import cluster_environment

    fabric = Fabric(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=devices,
        num_nodes=nodes,
        strategy=DDPStrategy(cluster_environment=cluster_environment()),
    )
    fabric.launch()
    if fabric.world_size != wanted:
        raise UserError(
            f"{devices} devices on {nodes} nodes are asked for and {fabric.world_size} processes were started; start "
            "it by `--launcher srun` or `torchrun`"
        )
    return Ranks(fabric.global_rank, fabric.world_size, fabric.device, fabric)
