"""One forecast of the validation as maps in TensorBoard, to be watched while it gets better."""

from __future__ import annotations

import datetime as dt
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import TensorBoardLogger

from windrow.stages import Layout
from windrow.training.data import Batch
from windrow.training.history import History
from windrow.training.module import ForecastModule

SHARE = 0.01
FIRST_GUESS_S = 0.3  # of a target's maps
ROWS = ("truth", "forecast", "difference")
FIELDS, DIFFERENCES = "RdYlBu_r", "PuOr_r"  # those of the report
DPI = 80

Maps = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Example:
    """A window in physical units: the last known field (target, y, x); truth and forecast (lead, target, y, x)."""

    first: int
    known: Maps
    truth: Maps
    forecast: Maps


class ExampleMaps(Callback):
    """After a validation the first window of the split as maps: truth, forecast and difference of each target.

    It is drawn in the first epoch, in the last one, and in those that are the best so far, of which some are left
    out: from one drawing to the next there are at least `every` epochs. Forecast and drawing are paid for by the time
    that was trained: if all of them, with what the last one took, came to more than `share` of it, there is none. So a
    training of a few seconds has no maps.

    The forecast is made within the validation: with the weights that are validated, without gradient, and with
    the mean of the prior where a network draws random numbers.

    Parameters
    ----------
    south_first
        Whether the first row of a field is its southern one.
    """

    def __init__(
        self, record: History, layout: Layout, *, south_first: bool, every: int = 5, share: float = SHARE
    ) -> None:
        self.record, self.layout, self.south_first = record, layout, south_first
        self.every, self.share = every, share
        self._drawn: int | None = None
        self._example: Example | None = None
        self._begun = time.monotonic()
        self._spent, self._last = 0.0, 0.0
        self._forecasting = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        assert isinstance(pl_module, ForecastModule)
        self._begun, self._spent = time.monotonic(), 0.0
        self._last = FIRST_GUESS_S * len(pl_module.experiment.targets)

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Forecast, if there is time for it: nobody knows yet whether this epoch is the best."""
        if batch_idx or not trainer.is_global_zero or not self._affordable():
            return
        assert isinstance(pl_module, ForecastModule)
        started = time.monotonic()
        self._example = example_of(pl_module, batch)
        self._forecasting = time.monotonic() - started
        self._spent += self._forecasting

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw, if the epoch is worth it."""
        example, self._example = self._example, None
        if example is None or self.record.ended or not self._worth_it(trainer):
            return
        assert isinstance(trainer.logger, TensorBoardLogger)
        assert isinstance(pl_module, ForecastModule)
        started = time.monotonic()
        for place, name in enumerate(pl_module.experiment.targets):
            image = draw(example, place, name, self.layout, south_first=self.south_first)
            trainer.logger.experiment.add_image(
                f"example/{name}", image, global_step=trainer.global_step, dataformats="HWC"
            )
        drawing = time.monotonic() - started
        self._spent, self._last = self._spent + drawing, self._forecasting + drawing
        self._drawn = trainer.current_epoch

    def _affordable(self) -> bool:
        return self._spent + self._last <= self.share * (time.monotonic() - self._begun)

    def _worth_it(self, trainer: pl.Trainer) -> bool:
        epoch = trainer.current_epoch
        if self._drawn is None or trainer.should_stop or epoch + 1 == trainer.max_epochs:
            return True
        return epoch == self.record.best_epoch and epoch - self._drawn >= self.every


def example_of(module: ForecastModule, batch: Batch) -> Example:
    """The first window of a batch and its forecast."""
    model = module.model
    fields = batch.fields.tensor[:1]
    # one window is another shape, for which a compiled network would be compiled again
    eager = torch.compiler.set_stance("force_eager") if module.training_settings.compile else nullcontext()
    with torch.no_grad(), eager:
        forecast = model.forecast(fields, batch.rows[:1], batch.calendar[:1]).tensor
    truth = batch.fields.part("time", model.input_steps - 1, fields.shape[1]).select(*model.targets).tensor
    whole = truth[0].cpu().numpy()  # (lead, target, y, x), with the last known field before the first lead
    found = forecast[0].float().cpu().numpy()
    return Example(int(batch.firsts[0]), whole[0].copy(), whole[1:].copy(), found)


def draw(example: Example, target: int, name: str, layout: Layout, *, south_first: bool) -> npt.NDArray[np.uint8]:
    """A target's maps at the first, the middle and the last lead time, as colours (row, column, 3).

    The scales depend on the window and not on the forecast, so that the images of all epochs can be compared:
    that of the differences ends at the error of the last known field, held.
    """
    leads = sorted({0, len(example.truth) // 2, len(example.truth) - 1})
    truth, forecast = example.truth[leads, target], example.forecast[leads, target]  # (lead, y, x)
    held = float(np.percentile(np.abs(truth - example.known[target]), 99.5)) or 1.0
    figure, axes = _panels(len(leads), truth.shape[1] / truth.shape[2])
    for row, fields in enumerate((truth, forecast, forecast - truth)):
        limits = (-held, held) if row == 2 else (float(truth.min()), float(truth.max()))
        for panel, field in zip(axes[row], fields, strict=True):
            image = panel.imshow(
                field,
                **dict(zip(("vmin", "vmax"), limits, strict=True)),
                cmap=DIFFERENCES if row == 2 else FIELDS,
                origin="lower" if south_first else "upper",
                aspect="auto",
                interpolation="nearest",
            )
            panel.set(xticks=[], yticks=[])
        axes[row][0].set_ylabel(ROWS[row], fontsize=9)
        if row:
            place = axes[row][-1].get_position()
            bar = figure.add_axes((place.x1 + 0.01, place.y0, 0.015, place.height))
            figure.colorbar(image, cax=bar)
    for panel, lead in zip(axes[0], leads, strict=True):
        panel.set_title(f"+{(lead + 1) * layout.step_hours} h", fontsize=9)
    begin = layout.origin + dt.timedelta(hours=layout.step_hours * example.first)
    figure.suptitle(f"{name}, window from {begin:%Y-%m-%d %H} UTC", fontsize=10)
    return _colours(figure)


def _panels(columns: int, ratio: float) -> tuple[Any, Any]:
    """A figure of three rows of maps, each so much higher than wide; pyplot, which keeps figures, is not asked."""
    from matplotlib.figure import Figure

    height = 3 * (0.15 + min(max(2.2 * ratio, 1.0), 4.0)) + 0.7
    figure = Figure(figsize=(2.4 * columns + 0.9, height), dpi=DPI)
    edges = {"left": 0.06, "right": 0.9, "bottom": 0.02, "top": 1 - 0.7 / height}
    return figure, figure.subplots(
        3, columns, squeeze=False, gridspec_kw={**edges, "wspace": 0.04, "hspace": 0.06}
    )


def _colours(figure: Any) -> npt.NDArray[np.uint8]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
