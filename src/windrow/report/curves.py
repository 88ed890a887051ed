"""Scores as lines over the lead time, with the bands of the bootstrap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr

from windrow.report.charts import DASHES, Axis, Chart, Group, Series, colour_of, group_of, line_chart
from windrow.report.published import Curve
from windrow.report.style import Style
from windrow.report.text import SCORE_NAMES, decimals, label, number, score_units
from windrow.verification.aggregate import FORMULAS

LEAD_AXIS = Axis("lead time (h)", whole=True)
MAIN_SCORES = ("mse", "mae", "bias", "acc", "ssim", "gradient_ratio", "crps", "spread")
MORE_SCORES = ("rmse", "error_std", "acc_centred", "psnr")
THRESHOLD_SCORES = ("frequency_bias", "ets", "fss")
PERFECT = {"bias": 0.0, "gradient_ratio": 1.0, "frequency_bias": 1.0}


def score_curves(
    means: xr.Dataset,
    bands: xr.Dataset,
    *,
    variable: str,
    styles: dict[str, Style],
    published: Sequence[Curve] = (),
) -> list[Group]:
    """A chart for each score of one variable: those that are always looked at, and the others, folded away.

    Parameters
    ----------
    means, bands
        What `aggregate` and `bands` give, of one variable: shape (forecast, lead_time) and (…, band).
    """
    found = []
    for part, (scores, folded) in enumerate(((MAIN_SCORES, ""), (MORE_SCORES, "More scores"))):
        names = [name for name in scores if name in means]
        lines = {
            name: [
                *_lines(means[name], bands.get(name), styles),
                *_published(published, name, variable, means, styles),
            ]
            for name in names
        }
        charts = [_score_chart(name, lines[name], means, variable) for name in names if lines[name]]
        series = [one for name in names for one in lines[name]]
        if charts:
            found.append(group_of(f"scores-{variable}-{part}", series, charts, folded=folded))
    return found


def _published(
    curves: Sequence[Curve], score: str, variable: str, means: xr.Dataset, styles: dict[str, Style]
) -> Iterator[Series]:
    """What others have published of the score, in the colours behind those of the experiments."""
    leads = means["lead_time"].values
    own = sum(style.strong for style in styles.values())
    names = list(dict.fromkeys(curve.experiment for curve in curves))
    for curve in curves:
        if (curve.score, curve.variable) != (score, variable):
            continue
        times = curve.lead_times or (float(leads[0]), float(leads[-1]))
        values = curve.values if curve.lead_times else curve.values * 2
        colour = colour_of(own + names.index(curve.experiment))
        yield Series(
            f"{label(curve.experiment)}, published", times, values, (), (), colour, DASHES[1], strong=False
        )


def skill_curves(
    skills: dict[str, xr.DataArray], ends: dict[str, xr.DataArray], *, variable: str, styles: dict[str, Style]
) -> Group | None:
    """Skill in mean squared error against each reference: a chart for each, a line for each experiment.

    Parameters
    ----------
    skills, ends
        By reference: shape (forecast, lead_time) and (forecast, lead_time, band).
    """
    charts, drawn = [], []
    for reference, values in skills.items():
        series = list(_lines(values, ends.get(reference), styles))
        drawn += series
        title = f"Skill against {label(reference)} (1 − MSE / its MSE)"
        axis = Axis("")
        alt = described(title, series)
        name = f"{variable}-skill-{reference.replace(' ', '-')}"
        charts.append(line_chart(name, title, alt=alt, series=series, x=LEAD_AXIS, y=axis, rule=0.0))
    return group_of(f"skill-{variable}", drawn, charts, folded="Skill against each baseline") if charts else None


def region_curves(
    parts: dict[str, tuple[xr.DataArray, xr.DataArray]], *, variable: str, units: str, styles: dict[str, Style]
) -> Group | None:
    """The mean squared error of regions and of other weights, by what they are called."""
    charts, drawn = [], []
    for place, (said, (mean, band)) in enumerate(parts.items()):
        series = list(_lines(mean, band, styles))
        drawn += series
        title = f"Mean squared error, {said}"
        charts.append(_chart(f"{variable}-region-{place}", title, "mse", series, units=units))
    folded = "Regions and area weights"
    return group_of(f"regions-{variable}", drawn, charts, folded=folded) if charts else None


def threshold_curves(
    means: xr.Dataset, bands: xr.Dataset, *, variable: str, styles: dict[str, Style], values: dict[float, str]
) -> Group | None:
    """The scores of exceeding a threshold, if there are any: a chart for each score and threshold.

    Parameters
    ----------
    values
        What to call each threshold: `0.95` → `above 290.1 K, the 95 % quantile`.
    """
    charts: list[Chart] = []
    series: list[Series] = []
    for name in THRESHOLD_SCORES:
        for place, threshold in enumerate(means["threshold"].values if name in means else ()):
            for mean, band, width in _neighbourhoods(name, means, bands, threshold):
                series = list(_lines(mean, band, styles))
                said = values.get(float(threshold), f"beyond the {100 * threshold:g} % quantile")
                title = f"{SCORE_NAMES[name]}, {said}{f', {width} points wide' if width else ''}"
                chart = _chart(f"{variable}-{name}-{place}", title, name, series, units="")
                charts.append(chart)
    folded = "Exceeding thresholds"
    return group_of(f"thresholds-{variable}", series, charts, folded=folded) if charts else None


def _neighbourhoods(
    name: str, means: xr.Dataset, bands: xr.Dataset, threshold: float
) -> Iterator[tuple[xr.DataArray, xr.DataArray | None, int]]:
    """The middle neighbourhood; the others are in the table of numbers of the scores' file."""
    mean, band = means[name].sel(threshold=threshold), bands.get(name)
    band = None if band is None else band.sel(threshold=threshold)
    if "neighbourhood" not in mean.dims:
        yield mean, band, 0
        return
    widths = mean["neighbourhood"].values
    width = widths[len(widths) // 2]
    yield (
        mean.sel(neighbourhood=width),
        None if band is None else band.sel(neighbourhood=width),
        int(width),
    )


def _lines(mean: xr.DataArray, band: xr.DataArray | None, styles: dict[str, Style]) -> Iterator[Series]:
    leads = [int(lead) for lead in mean["lead_time"].values]
    for name in mean["forecast"].values:
        style = styles[str(name)]
        values = mean.sel(forecast=name).values
        if np.isfinite(values).any():
            ends = None if band is None else band.sel(forecast=name).transpose("band", "lead_time").values
            low, high = ([], []) if ends is None else (ends[0].tolist(), ends[1].tolist())
            yield Series(style.name, leads, values.tolist(), low, high, style.colour, style.dash, style.strong)


def _score_chart(score: str, series: list[Series], means: xr.Dataset, variable: str) -> Chart:
    units = score_units(score, str(means["units"].values))
    title = SCORE_NAMES[score]
    return _chart(f"{variable}-{score}", title, score, series, units=units)


def _chart(name: str, title: str, score: str, series: list[Series], *, units: str) -> Chart:
    zero = FORMULAS[score].best == 0.0
    axis = Axis(units, zero=zero)
    full = f"{title}, {units}" if units else title
    return line_chart(
        name, full, alt=described(title, series), series=series, x=LEAD_AXIS, y=axis, rule=PERFECT.get(score)
    )


def described(title: str, series: Sequence[Series]) -> str:
    """What a chart over the lead time shows, in a sentence: each line from its first to its last value."""
    if not series:
        return f"{title}: no value."
    digits = decimals([value for one in series for value in one.y])
    ends = [[number(one.y[place], decimals=digits) for place in (0, -1)] for one in series]
    lines = [f"{one.name} from {' to '.join(pair)}" for one, pair in zip(series, ends, strict=True)]
    first, last = series[0].x[0], series[0].x[-1]
    return f"{title} from lead time {first} h to {last} h: {'; '.join(lines)}."


def lead_choice(leads: Sequence[int], count: int = 3) -> list[int]:
    """The first, the last and some lead times between them."""
    places = np.unique(np.linspace(0, len(leads) - 1, min(count, len(leads))).round().astype(int))
    return [leads[int(place)] for place in places]


def plain(values: Any) -> list[float]:
    """An array as a list of numbers."""
    return [float(value) for value in np.asarray(values, dtype=np.float64)]
