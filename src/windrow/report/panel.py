"""A small plot of lines that are named at their ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from windrow.report.figures import MUTED

# A panel is as wide as a phone, so that its letters keep their size; the page sets panels side by side.
WIDTH_PT, HEIGHT_PT = 345, 235
LEFT_PT, BOTTOM_PT, TOP_PT = 40, 36, 26
AXES_HEIGHT_PT = HEIGHT_PT - BOTTOM_PT - TOP_PT
LABEL_PT = 8.5
LETTER_PT = 5.4
MAX_LETTERS = 20


def new_panel(title: str, *, labels: Sequence[str]) -> tuple[Figure, Axes]:
    """An empty plot with room for these names right of it."""
    margin = 18 + LETTER_PT * max(len(_short(text)) for text in labels)
    width = WIDTH_PT - LEFT_PT - margin
    figure = Figure(figsize=(WIDTH_PT / 72, HEIGHT_PT / 72))
    axes = figure.add_axes(
        (LEFT_PT / WIDTH_PT, BOTTOM_PT / HEIGHT_PT, width / WIDTH_PT, AXES_HEIGHT_PT / HEIGHT_PT)
    )
    axes.set_title(title, loc="left", x=(4 - LEFT_PT) / width, fontsize=10, fontweight="bold", pad=10)
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.tick_params(length=3)
    return figure, axes


def label_ends(axes: Axes, ends: Mapping[str, tuple[float, float]], *, colours: Mapping[str, str]) -> None:
    """Name each line at its end; names that would touch move apart and keep a hair line to theirs.

    Call this when the limits of the axes stand.

    Parameters
    ----------
    ends
        The last point of each line, in data coordinates.
    colours
        Colours of the lines that matter; the others are muted.
    """
    # Asking for the limits makes Matplotlib settle them; before that its transforms are of a unit square.
    axes.get_xlim(), axes.get_ylim()
    to_axes = axes.transData + axes.transAxes.inverted()
    points = [(float(x), float(y)) for x, y in to_axes.transform(list(ends.values()))]
    places = spread([y for _, y in points], gap=1.25 * LABEL_PT / AXES_HEIGHT_PT)
    for name, point, place in zip(ends, points, places, strict=True):
        colour = colours.get(name, MUTED)
        axes.annotate(
            _short(name),
            xy=point,
            xytext=(1.055, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            color=colour,
            fontsize=LABEL_PT,
            fontweight="bold" if name in colours else "normal",
            verticalalignment="center",
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkA": 1, "shrinkB": 3},
            annotation_clip=False,
        )


def spread(places: Sequence[float], *, gap: float) -> list[float]:
    """Move places in [0, 1] apart until neighbours keep the gap, in the same order.

    If there is no room for all, they run over the lower end.
    """
    order = np.argsort(places, kind="stable")
    moved = np.asarray(places, dtype=np.float64)[order]
    for place in range(1, len(moved)):
        moved[place] = max(moved[place], moved[place - 1] + gap)
    ceiling = 1.0
    for place in reversed(range(len(moved))):
        moved[place] = min(moved[place], ceiling)
        ceiling = moved[place] - gap
    found = np.empty_like(moved)
    found[order] = moved
    return [float(value) for value in found]


def _short(text: str) -> str:
    return text if len(text) <= MAX_LETTERS else f"{text[: MAX_LETTERS - 1]}…"
