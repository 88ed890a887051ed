"""An unfinished training on disk: its name, its checkpoint, its TensorBoard log and what others left behind."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.configfile import canonical
from windrow.files import remove
from windrow.provenance import sources_digest
from windrow.shards.layout import block_path
from windrow.shards.reader import ShardReader
from windrow.stages import Train
from windrow.training.data import window_length
from windrow.training.normalisation import Normalisation


@dataclass(frozen=True)
class Run:
    """The files of a training in the directory `work`, under a name that `fingerprint` gives.

    `work` belongs to one experiment and one training at a time.
    """

    work: Path
    name: str

    @property
    def checkpoint(self) -> Path:
        """Where the last epoch ended."""
        return self.work / self.name / "last.ckpt"

    @property
    def tensorboard(self) -> Path:
        """The TensorBoard log of all trainings; each has a directory of its name."""
        return self.work / "tensorboard"

    def sweep(self) -> None:
        """Remove checkpoints of other names, and this one's curves if they would be drawn a second time.

        A checkpoint of another name is an interrupted training with other settings, data or code. Curves of
        other names stay, to be compared.
        """
        for directory in self.work.glob("*"):
            if re.fullmatch("[0-9a-f]{16}", directory.name) and directory.name != self.name:
                remove(directory)
        if not self.checkpoint.exists():
            remove(self.tensorboard / self.name)

    def finish(self) -> None:
        """Remove the checkpoint."""
        remove(self.checkpoint.parent)


def fingerprint(
    settings: Train,
    statistics: dict[str, Any],
    reader: ShardReader,
    windows: dict[str, npt.NDArray[np.int64]],
    normalise: Normalisation,
) -> str:
    """All that the weights depend on, as a name. Blocks count by size and time: a rewritten one starts anew."""
    length = window_length(settings.sequences)
    files = {
        number: block_path(reader.shards, number).stat()
        for number in blocks_of_windows(windows, length=length, block_steps=settings.layout.block_steps)
    }
    parts = {
        "settings": canonical(settings),
        "statistics": statistics,
        "normalisation": {name: _digest(value.numpy()) for name, value in normalise.state_dict().items()},
        "windows": {name: _digest(firsts) for name, firsts in windows.items()},
        "blocks": [(number, file.st_size, file.st_mtime_ns) for number, file in files.items()],
        "sources": sources_digest("train", f"windrow.models.{settings.experiment.model.name}"),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def blocks_of_windows(windows: dict[str, npt.NDArray[np.int64]], *, length: int, block_steps: int) -> list[int]:
    """The numbers of all blocks that windows of `length` steps touch, in order."""
    firsts = np.concatenate(list(windows.values()))
    steps = np.append(np.arange(0, length, block_steps), length - 1)  # one in each block, whatever the first
    found: list[int] = np.unique((firsts[:, None] + steps) // block_steps).tolist()
    return found


def _digest(values: npt.NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
