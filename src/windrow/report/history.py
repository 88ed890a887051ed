"""The training's losses as lines over the epochs."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from windrow.report.figures import EXPERIMENTS, INK, MUTED, house_style, inline_svg
from windrow.report.panel import LABEL_PT, label_ends, new_panel

LINES = {"train": "training", "validation": "validation"}


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


def _draw_losses(axes: Axes, epochs: list[int], losses: dict[str, list[float]]) -> None:
    axes.set_yscale("log")
    axes.plot(epochs, losses["training"], color=MUTED, linewidth=1.3, marker="s", markersize=3)
    axes.plot(epochs, losses["validation"], color=EXPERIMENTS[0], linewidth=2.4, marker="o", markersize=3.6)
    everything = np.concatenate(list(losses.values()))
    axes.set_ylim(everything.min() / 1.25, everything.max() * 1.12)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    axes.set_xlabel("epoch")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axes.yaxis.set_major_formatter("{x:.3g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


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
