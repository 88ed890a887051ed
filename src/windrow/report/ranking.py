"""Forecasts in the order of their error, and what their training cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from windrow.report.assessment import Assessment
from windrow.report.charts import Axis, Chart, Group, Series, group_of, point_chart
from windrow.report.history import seconds_of
from windrow.report.style import Style, styles_of
from windrow.report.tables import Rows
from windrow.report.text import decimals, label, number, percent
from windrow.verification.bootstrap import band, resample
from windrow.verification.significance import compare
from windrow.verification.skill import skill_bands

RANK_COLUMNS = ("rank", "mean squared error", "5–95 %", "to the next", "significance")


@dataclass(frozen=True)
class Cost:
    """What an experiment's training took."""

    seconds: float
    parameters: int


def cost_of(history: dict[str, Any]) -> Cost:
    """Out of `history.json`."""
    return Cost(seconds_of(history), int(history["parameters"]))


def over_leads(scores: xr.Dataset) -> xr.Dataset:
    """Mean squared errors over all lead times, as if there were one: the last."""
    last = scores["lead_time"].values[-1:]
    mean = scores[["mse"]].mean("lead_time", skipna=False).expand_dims(lead_time=last)
    return mean.assign(units=scores["units"])


def ranking(found: Assessment, variable: str, *, apart: frozenset[tuple[str, str]] = frozenset()) -> Rows:
    """A row for each forecast from the lowest error on, with the difference to the next one and its significance.

    Parameters
    ----------
    apart
        Pairs that are of other points, between which there is no test.
    """
    scores = over_leads(found.scores)
    mse = _means(scores, variable)
    order = [str(name) for name in mse.sortby(mse)["forecast"].values if np.isfinite(mse.sel(forecast=name))]
    tested = compare(scores, found.draws, forecasts=order, references=order) if len(order) > 1 else None
    ends = (
        band(resample(_domain(scores), "mse", found.draws), found.draws).sel(variable=variable).isel(lead_time=0)
    )
    digits = decimals(mse.values)
    rows = []
    for place, name in enumerate(order):
        own = float(mse.sel(forecast=name))
        low, high = (float(value) for value in ends.sel(forecast=name).transpose("band").values)
        limits = _span(low, high, digits)
        after = order[place + 1] if place + 1 < len(order) else ""
        gap, said, p = _to_next(tested, variable, name, after, apart)
        cells: tuple[tuple[str, object], ...] = (
            (str(place + 1), place + 1),
            (number(own, decimals=digits), own),
            (limits, limits),
            (gap, gap),
            (said, p),
        )
        rows.append((label(name), cells))
    return tuple(rows)


def _span(low: float, high: float, digits: int) -> str:
    if not np.isfinite(low + high):
        return "–"
    return f"{number(low, decimals=digits)} to {number(high, decimals=digits)}"


def _to_next(
    tested: xr.Dataset | None, variable: str, name: str, after: str, apart: frozenset[tuple[str, str]]
) -> tuple[str, str, float]:
    if tested is None or not after:
        return "–", "–", float("nan")
    if {(name, after), (after, name)} & apart:
        return "–", "of other points", float("nan")
    pair = tested.sel(variable=variable, forecast=name, reference=after).isel(lead_time=0)
    p = float(pair["p"])
    share = float(pair["difference"] / pair["reference_value"]) if pair["reference_value"] else float("nan")
    gap = f"{percent(share)} %" if np.isfinite(share) else "–"
    if not np.isfinite(p):
        return gap, "not tested: too few days", p
    said = "p below 0.001" if p < 0.001 else f"p = {p:.2g}"
    return gap, f"{'significant' if pair['verdict'] != 0 else 'not significant'}, {said}", p


def _domain(scores: xr.Dataset) -> xr.Dataset:
    chosen = {name: scores[name].values[0] for name in ("region", "weighting") if name in scores.dims}
    return scores.sel(chosen)


def _means(scores: xr.Dataset, variable: str) -> xr.DataArray:
    return _domain(scores)["mse"].sel(variable=variable).isel(lead_time=0).mean("init_time")


def cost_group(found: Assessment, variable: str, costs: Mapping[str, Cost], reference: str) -> Group | None:
    """Skill over all lead times against one reference, over the time of the training and over the parameters."""
    if not costs:
        return None
    scores = over_leads(found.scores)
    mse = _means(scores, variable)
    ends = skill_bands(scores, found.draws, reference=reference, names=("mse",))["mse"].sel(variable=variable)
    styles = styles_of(found.forecasts, experiments=found.experiments)
    axes = {
        "seconds": Axis("training time (s)", log=True),
        "parameters": Axis("parameters", log=True),
    }
    charts: list[Chart] = []
    series: list[Series] = []
    for key, axis in axes.items():
        series = [
            _cost_point(name, getattr(cost, key), mse, ends, reference, styles) for name, cost in costs.items()
        ]
        title = f"Skill against {label(reference)} over {axis.title}"
        told = "; ".join(f"{one.name}: {one.y[0]:.2f} with {one.x[0]:,.0f}" for one in series)
        alt, name = f"{title}: {told}.", f"{variable}-cost-{key}"
        charts.append(point_chart(name, title, alt=alt, series=series, x=axis, y=Axis("skill")))
    return group_of(f"cost-{variable}", series, charts)


def _cost_point(
    name: str, cost: float, mse: xr.DataArray, ends: xr.DataArray, reference: str, styles: dict[str, Style]
) -> Series:
    skill = 1 - float(mse.sel(forecast=name) / mse.sel(forecast=reference))
    low, high = (float(end) for end in ends.sel(forecast=name).isel(lead_time=0).transpose("band").values)
    return Series(name, [float(cost)], [skill], [low], [high], colour=styles[name].colour)
