"""What all timed loops are told."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from material import GRIDS

from windrow.training.data import Batch


def add_common(parser: argparse.ArgumentParser) -> None:
    """Where, how large and on what."""
    parser.add_argument("--work", type=Path, required=True, help="where the shards are, or are written")
    parser.add_argument("--to", type=Path, required=True, help="a directory that is not there yet")
    parser.add_argument("--size", choices=GRIDS, default="paper")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=2)


def of_device(name: str) -> dict[str, Any]:
    """The settings of a training on this device."""
    return {"accelerator": "gpu" if name == "cuda" else "cpu"}


def on_device(batch: Batch, device: torch.device) -> Batch:
    """The batch where the network is."""
    return batch._replace(
        fields=batch.fields.to(device), rows=batch.rows.to(device), calendar=batch.calendar.to(device)
    )
