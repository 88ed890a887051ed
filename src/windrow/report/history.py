"""The training's losses and errors as lines over the epochs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from windrow.report.figures import EXPERIMENTS, INK, MUTED, house_style, inline_svg
from windrow.report.panel import LABEL_PT, label_ends, new_panel
from windrow.report.text import plain_units

LINES = {"train": "training", "validation": "validation"}
ALL_LEADS = "all lead times"


def history_curve(history: dict[str, Any]) -> Markup:
    """Training and validation loss per epoch, on a logarithmic axis, with the epoch that was kept marked.

    Epochs count from 1 here, as in the training's log, and from 0 in `history.json`.
    """
    epochs = [int(line["epoch"]) + 1 for line in history["epochs"]]
    losses = {text: [float(line[f"{name}_loss"]) for line in history["epochs"]] for name, text in LINES.items()}
    kept = int(history["best_epoch"]) + 1
    best = dict(zip(epochs, losses["validation"], strict=True))[kept]
    with house_style():
        figure, axes = new_panel("Loss per epoch (normalised, logarithmic)", labels=list(losses))
        _draw_losses(axes, epochs, losses)
        _mark_kept(axes, kept, best)
        ends = {name: (float(epochs[-1]), values[-1]) for name, values in losses.items()}
        label_ends(axes, ends, colours={"validation": EXPERIMENTS[0]})
        return inline_svg(figure, name="history", alt=_described(losses, kept, best))


def error_curve(history: dict[str, Any], variable: str, *, units: str, step_hours: int) -> Markup:
    """Validation RMSE of a target per epoch: over all lead times together, at the first and at the last one."""
    epochs = [int(line["epoch"]) + 1 for line in history["epochs"]]
    errors = np.array([line["validation_rmse"][variable] for line in history["epochs"]])  # (epoch, lead)
    lines = _lines_of_errors(errors, step_hours)
    kept = int(history["best_epoch"]) + 1
    title = ", ".join(filter(None, [f"Validation RMSE of {variable} per epoch", plain_units(units)]))
    told = "; ".join(f"{name} from {values[0]:.3g} to {values[-1]:.3g}" for name, values in lines.items())
    with house_style():
        figure, axes = new_panel(title, labels=list(lines))
        for name, values in lines.items():
            colour, width = (EXPERIMENTS[0], 2.4) if name == ALL_LEADS else (MUTED, 1.3)
            axes.plot(epochs, values, color=colour, linewidth=width, marker="o", markersize=3.6)
        axes.set_ylim(0, 1.06 * errors.max() or 1)
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        _label_epochs(axes)
        _mark_kept(axes, kept, dict(zip(epochs, lines[ALL_LEADS], strict=True))[kept])
        ends = {name: (float(epochs[-1]), values[-1]) for name, values in lines.items()}
        label_ends(axes, ends, colours={ALL_LEADS: EXPERIMENTS[0]})
        alt = f"Lines of the validation RMSE of {variable} over {len(epochs)} epochs: {told}."
        return inline_svg(figure, name=f"history-{variable}", alt=alt)


def _lines_of_errors(errors: npt.NDArray[np.float64], step_hours: int) -> dict[str, list[float]]:
    """By name; over all lead times it is the root of the mean of the squares."""
    last = errors.shape[1]
    singles = dict.fromkeys((1, last)) if last > 1 else {}
    return {ALL_LEADS: np.sqrt(np.square(errors).mean(axis=1)).tolist()} | {
        f"{lead * step_hours} h": errors[:, lead - 1].tolist() for lead in singles
    }


def _draw_losses(axes: Axes, epochs: list[int], losses: dict[str, list[float]]) -> None:
    axes.set_yscale("log")
    axes.plot(epochs, losses["training"], color=MUTED, linewidth=1.3, marker="s", markersize=3)
    axes.plot(epochs, losses["validation"], color=EXPERIMENTS[0], linewidth=2.4, marker="o", markersize=3.6)
    everything = np.concatenate(list(losses.values()))
    axes.set_ylim(everything.min() / 1.25, everything.max() * 1.12)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axes.yaxis.set_major_formatter("{x:.3g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    _label_epochs(axes)


def _label_epochs(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    axes.set_xlabel("epoch")


def _mark_kept(axes: Axes, kept: int, best: float) -> None:
    axes.plot([kept], [best], marker="o", markersize=10, markerfacecolor="none", markeredgecolor=INK)
    axes.axvline(kept, color=INK, linewidth=0.7, linestyle=(0, (2, 2)), zorder=1)
    left, right = axes.get_xlim()
    late = kept > (left + right) / 2
    axes.annotate(
        f"kept: epoch {kept}",
        xy=(kept, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-4 if late else 4, 0),
        textcoords="offset points",
        horizontalalignment="right" if late else "left",
        verticalalignment="top",
        fontsize=LABEL_PT,
    )


def _described(losses: dict[str, list[float]], kept: int, best: float) -> str:
    lines = [f"{name} loss from {values[0]:.3g} to {values[-1]:.3g}" for name, values in losses.items()]
    return (
        f"Lines over {len(losses['training'])} epochs: {' and '.join(lines)}. "
        f"The lowest validation loss, {best:.3g}, is that of epoch {kept}, whose weights were kept."
    )
