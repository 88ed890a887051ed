"""Maps of a validation, for TensorBoard and the report: of one forecast, and of the errors of all."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.stages import Layout

ROWS = ("truth", "forecast", "difference")
FIELDS, DIFFERENCES = "RdYlBu_r", "PuOr_r"  # those of the report
ERRORS = "YlOrRd"
DPI = 80

Maps = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Example:
    """A window in physical units: the last known field (target, y, x); truth and forecast (lead, target, y, x)."""

    first: int
    known: Maps
    truth: Maps
    forecast: Maps


def draw(example: Example, target: int, name: str, layout: Layout, *, south_first: bool) -> npt.NDArray[np.uint8]:
    """A target's maps at the first, the middle and the last lead time, as colours (row, column, 3).

    The scales depend on the window and not on the forecast, so that the images of all epochs can be compared:
    that of the differences ends at the error of the last known field, held.
    """
    leads = _leads(len(example.truth))
    truth, forecast = example.truth[leads, target], example.forecast[leads, target]  # (lead, y, x)
    held = float(np.percentile(np.abs(truth - example.known[target]), 99.5)) or 1.0
    figure, axes = _panels(ROWS, leads, truth.shape[1] / truth.shape[2], layout)
    fields: dict[str, Any] = {"origin": "lower" if south_first else "upper", "cmap": FIELDS}
    fields |= {"vmin": float(truth.min()), "vmax": float(truth.max())}
    _fill(figure, axes[0], truth, fields, bar=False)
    _fill(figure, axes[1], forecast, fields)
    _fill(figure, axes[2], forecast - truth, fields | {"cmap": DIFFERENCES, "vmin": -held, "vmax": held})
    begin = layout.origin + dt.timedelta(hours=layout.step_hours * example.first)
    figure.suptitle(f"{name}, window from {begin:%Y-%m-%d %H} UTC", fontsize=10)
    return _colours(figure)


def rmse_maps(
    rmse: npt.NDArray[np.floating[Any]], name: str, layout: Layout, *, south_first: bool
) -> npt.NDArray[np.uint8]:
    """Root mean squared errors (lead, y, x) of a target at the first, the middle and the last lead time, as colours.

    The scale begins at 0 and ends at what 0.5 % of the points exceed at the lead times that are shown.
    """
    leads = _leads(len(rmse))
    shown = rmse[leads]
    figure, axes = _panels(("RMSE",), leads, rmse.shape[1] / rmse.shape[2], layout)
    options = {"origin": "lower" if south_first else "upper", "cmap": ERRORS}
    _fill(figure, axes[0], shown, options | {"vmin": 0.0, "vmax": float(np.percentile(shown, 99.5)) or 1.0})
    figure.suptitle(f"{name}, validation", fontsize=10)
    return _colours(figure)


def _leads(count: int) -> list[int]:
    return sorted({0, count // 2, count - 1})


def _panels(rows: tuple[str, ...], leads: list[int], ratio: float, layout: Layout) -> tuple[Any, Any]:
    """A figure of rows of maps, each so much higher than wide; pyplot, which keeps figures, is not asked."""
    from matplotlib.figure import Figure

    height = len(rows) * (0.15 + min(max(2.2 * ratio, 1.0), 4.0)) + 0.7
    figure = Figure(figsize=(2.4 * len(leads) + 0.9, height), dpi=DPI)
    edges = {"left": 0.06, "right": 0.9, "bottom": 0.02, "top": 1 - 0.7 / height}
    axes = figure.subplots(
        len(rows), len(leads), squeeze=False, gridspec_kw={**edges, "wspace": 0.04, "hspace": 0.06}
    )
    for row, word in zip(axes, rows, strict=True):
        row[0].set_ylabel(word, fontsize=9)
    for panel, lead in zip(axes[0], leads, strict=True):
        panel.set_title(f"+{(lead + 1) * layout.step_hours} h", fontsize=9)
    return figure, axes


def _fill(
    figure: Any, row: Any, fields: npt.NDArray[np.floating[Any]], options: dict[str, Any], *, bar: bool = True
) -> None:
    """Draw a row of maps, with its scale beside it."""
    for panel, field in zip(row, fields, strict=True):
        image = panel.imshow(field, aspect="auto", interpolation="nearest", **options)
        panel.set(xticks=[], yticks=[])
    if bar:
        place = row[-1].get_position()
        figure.colorbar(image, cax=figure.add_axes((place.x1 + 0.01, place.y0, 0.015, place.height)))


def _colours(figure: Any) -> npt.NDArray[np.uint8]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
