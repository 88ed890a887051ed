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
from pytorch_lightning.loggers import TensorBoardLogger

from windrow.configfile import canonical
from windrow.files import remove
from windrow.models.registry import modules_of
from windrow.provenance import sources_digest
from windrow.shards.layout import block_path
from windrow.shards.reader import ShardReader
from windrow.stages import Train
from windrow.training.checkpoints import Checkpoints
from windrow.training.data import window_length
from windrow.training.model import Surroundings

WITHOUT_EFFECT = (
    "workers",
    "checkpoint_minutes",
    "observers",
)  # on the weights: an unfinished training goes on with others


@dataclass(frozen=True)
class Run:
    """The files of a training in the directory `work`, under a name that `fingerprint` gives.

    `work` belongs to one experiment and one training at a time.
    """

    work: Path
    name: str

    @property
    def checkpoints(self) -> Checkpoints:
        """The checkpoints."""
        return Checkpoints(self.work / self.name)

    @property
    def not_finite(self) -> Path:
        """Windows and weights of a step that was not finite; it stays for a look."""
        return self.work / f"not-finite-{self.name}.ckpt"

    @property
    def tensorboard(self) -> Path:
        """The TensorBoard log of all trainings; each has a directory of its name."""
        return self.work / "tensorboard"

    @property
    def pictures(self) -> Path:
        """The latest pictures of the observers."""
        return self.work / "observers"

    def logger(self) -> TensorBoardLogger:
        """For the curves; those of steps that are made again are drawn once."""
        return TensorBoardLogger(
            self.tensorboard, name="", version=self.name, purge_step=self.checkpoints.step_of_last()
        )

    def begin(self, *, first: bool) -> Path | None:
        """The checkpoint to go on from, if there is one.

        A checkpoint whose best weights are damaged is none: what it had found would be lost at the end.

        Parameters
        ----------
        first
            Whether this is the process that tidies up and warns.
        """
        # in this order all processes find the same, though the first one may tidy up meanwhile
        whole = self.checkpoints.best_is_whole(quiet=not first)
        found = self.checkpoints.last(quiet=not first) if whole else None
        if first:
            self._sweep(resumed=found is not None)
        return found

    def _sweep(self, *, resumed: bool) -> None:
        """Remove checkpoints of other names, and what this one left if it begins anew.

        A checkpoint of another name is an interrupted training with other settings, data or code. Curves of
        other names stay, to be compared.
        """
        for directory in self.work.glob("*"):
            if re.fullmatch("[0-9a-f]{16}", directory.name) and directory.name != self.name:
                remove(directory)
        if not resumed:
            remove(self.checkpoints.directory)
            remove(self.tensorboard / self.name)
            remove(self.pictures)

    def finish(self) -> None:
        """Remove the checkpoints."""
        remove(self.checkpoints.directory)
        remove(self.not_finite)


def fingerprint(
    settings: Train, surroundings: Surroundings, reader: ShardReader, windows: dict[str, npt.NDArray[np.int64]]
) -> str:
    """All that the weights depend on, as a name. Blocks count by size and time: a rewritten one starts anew."""
    length = window_length(settings.sequences)
    files = {
        number: block_path(reader.shards, number).stat()
        for number in blocks_of_windows(windows, length=length, block_steps=settings.layout.block_steps)
    }
    model = settings.experiment.model
    parts = {
        "settings": _without(json.loads(canonical(settings)), WITHOUT_EFFECT),
        "statistics": surroundings.statistics,
        "fields": [
            _digest(field.numpy())
            for field in (surroundings.latitude, surroundings.longitude, surroundings.statics, surroundings.table)
            if field is not None
        ],
        "windows": {name: _digest(firsts) for name, firsts in windows.items()},
        "blocks": [(number, file.st_size, file.st_mtime_ns) for number, file in files.items()],
        "sources": sources_digest("train", *modules_of(model)),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _without(settings: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    training = settings["experiment"]["training"]
    settings["experiment"]["training"] = {key: value for key, value in training.items() if key not in keys}
    return settings


def blocks_of_windows(windows: dict[str, npt.NDArray[np.int64]], *, length: int, block_steps: int) -> list[int]:
    """The numbers of all blocks that windows of `length` steps touch, in order."""
    firsts = np.concatenate(list(windows.values()))
    steps = np.append(np.arange(0, length, block_steps), length - 1)  # one in each block, whatever the first
    found: list[int] = np.unique((firsts[:, None] + steps) // block_steps).tolist()
    return found


def _digest(values: npt.NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
