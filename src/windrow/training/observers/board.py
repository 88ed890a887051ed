"""Where observers show what they found, and what it may cost."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.loggers import TensorBoardLogger

from windrow.files import read_json, write_json, written_beside
from windrow.training.observers.interface import Colours

SHARE = 0.01
FIRST_GUESS_S = 0.3  # of a picture
INDEX = "index.json"


class Purse:
    """The time of the observers: a share of that of the training, since its start or its resumption."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.begin()

    def begin(self) -> None:
        """Start the clock."""
        self.begun, self.spent = time.monotonic(), 0.0

    def affords(self, seconds: float) -> bool:
        """Whether there is so much."""
        return self.spent + seconds <= self.share * (time.monotonic() - self.begun)

    @contextmanager
    def paying(self) -> Iterator[None]:
        """Pay for what happens meanwhile."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.spent += time.monotonic() - started


class Pictures:
    """Pictures as files, the latest of each name, and a list of them: `index.json`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._costs: dict[str, float] = {}

    def cost(self, observer: str) -> float:
        """What the last picture of an observer took (seconds), or a guess."""
        return self._costs.get(observer, FIRST_GUESS_S)

    def took(self, observer: str, seconds: float) -> None:
        """Note it."""
        self._costs[observer] = seconds

    def keep(self, colours: Colours, **told: Any) -> None:
        """Write a picture, and what is told of it: observer, name, epoch, alt."""
        from matplotlib.image import imsave

        file = re.sub(r"[^\w.-]", "_", f"{told['observer']}-{told['name']}") + ".png"
        self.directory.mkdir(parents=True, exist_ok=True)
        with written_beside(self.directory / file) as beside:
            imsave(beside, colours, format="png")
        index = self.directory / INDEX
        known = [one for one in (read_json(index) if index.is_file() else []) if one["file"] != file]
        write_json(index, [*known, {"file": file, **told}])


@dataclass(frozen=True)
class EpochBoard:
    """The board of an observer for an epoch."""

    trainer: pl.Trainer
    observer: str
    epoch: int
    purse: Purse
    pictures: Pictures

    def scalars(self, values: dict[str, float]) -> None:
        """Add a point to each of these curves."""
        self._logger.log_metrics(values, step=self.trainer.global_step)

    def picture(self, name: str, draw: Callable[[], Colours], *, alt: str) -> bool:
        """Draw, if there is time for it."""
        if not self.purse.affords(self.pictures.cost(self.observer)):
            return False
        started = time.monotonic()
        with self.purse.paying():
            colours = draw()
            self._logger.experiment.add_image(
                f"{self.observer}/{name}", colours, global_step=self.trainer.global_step, dataformats="HWC"
            )
            self.pictures.keep(colours, observer=self.observer, name=name, epoch=self.epoch, alt=alt)
        self.pictures.took(self.observer, time.monotonic() - started)
        return True

    @property
    def _logger(self) -> TensorBoardLogger:
        assert isinstance(self.trainer.logger, TensorBoardLogger)
        return self.trainer.logger
