"""Scores as lines over the lead time."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, MultipleLocator

from windrow.report.figures import BASELINE_DASHES, INK, MUTED, colours_of, house_style, inline_svg
from windrow.report.panel import label_ends, new_panel
from windrow.report.text import SCORE_NAMES, decimals, label, number, score_units

MAX_MARKED = 24
TICK_HOURS = (1, 3, 6, 12, 24, 48, 120, 240)
MAX_TICKS = 6


def score_curves(means: xr.Dataset, *, variable: str, experiments: Sequence[str]) -> list[Markup]:
    """One panel per score: the experiments in colour, the baselines in grey.

    Parameters
    ----------
    means
        What `aggregate` gives, of one variable: shape (forecast, lead_time).
    """
    return [_score_curve(means, score, variable, experiments) for score in SCORE_NAMES]


def _score_curve(means: xr.Dataset, score: str, variable: str, experiments: Sequence[str]) -> Markup:
    values = means[score].transpose("forecast", "lead_time")
    names = [str(name) for name in values["forecast"].values]
    units = score_units(score, str(means["units"].values))
    title = f"{SCORE_NAMES[score]}, {units}" if units else SCORE_NAMES[score]
    colours = colours_of(experiments)
    last = float(values["lead_time"].values[-1])
    with house_style():
        figure, axes = new_panel(title, labels=[label(name) for name in names])
        _draw_lines(axes, values, names, colours)
        _scale_axes(axes, values, signed=score == "bias")
        ends = {label(name): (last, float(line[-1])) for name, line in zip(names, values.values, strict=True)}
        label_ends(axes, ends, colours=colours)
        return inline_svg(figure, name=f"{variable}-{score}", alt=_described(values, score, names))


def _draw_lines(axes: Axes, values: xr.DataArray, names: Sequence[str], colours: dict[str, str]) -> None:
    leads = values["lead_time"].values
    dots = "o" if len(leads) <= MAX_MARKED else ""
    for name, line in zip(names, values.values, strict=True):
        if name in colours:
            axes.plot(leads, line, color=colours[name], linewidth=2.4, marker=dots, markersize=3.6, zorder=3)
        else:
            # A line of one point would not be seen.
            marker = "s" if len(leads) == 1 else ""
            dashes = BASELINE_DASHES.get(name, "--")
            axes.plot(leads, line, color=MUTED, linewidth=1.3, linestyle=dashes, marker=marker, markersize=3.6)


def _scale_axes(axes: Axes, values: xr.DataArray, *, signed: bool) -> None:
    leads = values["lead_time"].values
    span = max(int(leads[-1] - leads[0]), 1)
    axes.set_xlim(leads[0] - 0.03 * span, leads[-1] + 0.03 * span)
    step = next((hours for hours in TICK_HOURS if span / hours <= MAX_TICKS), TICK_HOURS[-1])
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.set_xlabel("lead time (h)")
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    if signed:
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.margins(y=0.12)
    else:
        axes.set_ylim(0, 1.06 * float(values.max()) or 1)


def _described(values: xr.DataArray, score: str, names: Sequence[str]) -> str:
    digits = decimals(values.values)
    first, last = (int(lead) for lead in values["lead_time"].values[[0, -1]])
    ends = [[number(float(line[place]), decimals=digits) for place in (0, -1)] for line in values.values]
    lines = [f"{label(name)} from {' to '.join(pair)}" for name, pair in zip(names, ends, strict=True)]
    return f"Lines of the {SCORE_NAMES[score].lower()} from lead time {first} h to {last} h: {'; '.join(lines)}."
