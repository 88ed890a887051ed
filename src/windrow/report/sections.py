"""The parts of a page that come from the scores: one per variable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from windrow.report.assessment import Assessment
from windrow.report.charts import Group
from windrow.report.curves import region_curves, score_curves, skill_curves, threshold_curves
from windrow.report.distributions import conditionals, ranks, spectra
from windrow.report.published import Curve
from windrow.report.scorecard import Block, Scorecard, block_of, line_of
from windrow.report.style import Style, styles_of
from windrow.report.tables import Rows, Table, score_table
from windrow.report.text import SCORE_NAMES, decimals, label, number, plain_units, quantity, score_units
from windrow.report.verdict import comparison_verdict
from windrow.verification.aggregate import aggregate
from windrow.verification.bootstrap import bands
from windrow.verification.growth import error_growth, error_growth_bands
from windrow.verification.scores_layout import DOMAIN
from windrow.verification.skill import skill, skill_bands

DETAILED = 4  # variables of which everything is shown, so that a page stays small


@dataclass(frozen=True)
class Part:
    """What a section shows of one variable."""

    variable: str
    title: str
    groups: tuple[Group, ...]
    table: Table | None = None
    growth: Rows = ()


@dataclass(frozen=True)
class Verdict:
    """The sentences on one variable."""

    title: str
    text: str


def verdicts(found: Assessment, titles: dict[str, str]) -> list[Verdict]:
    """Two sentences on each variable."""
    best = found.best()
    return [
        Verdict(
            titles[name],
            comparison_verdict(
                found.means["mse"].sel(variable=name),
                experiments=found.experiments,
                baselines=found.references,
                units=score_units("mse", found.units(name)),
                tested=None if best is None else best.sel(variable=name),
                foreign=found.foreign,
            ),
        )
        for name in found.variables
    ]


def score_parts(found: Assessment, titles: dict[str, str], *, published: Sequence[Curve] = ()) -> list[Part]:
    """Curves per lead time, a table of them, and how fast the error grows."""
    styles = styles_of(found.forecasts, experiments=found.experiments)
    regions = _regions(found)
    parts = []
    for place, name in enumerate(found.variables):
        means, ends = found.means.sel(variable=name), found.bands.sel(variable=name)
        units = found.units(name)
        groups = [
            *score_curves(means, ends, variable=name, styles=styles, published=published),
            _skill_group(found, name, styles),
            threshold_curves(
                means, ends, variable=name, styles=styles, values=_threshold_names(found.scores, name, units)
            ),
            region_curves(
                {
                    said: (mean.sel(variable=name), band.sel(variable=name))
                    for said, (mean, band) in regions.items()
                },
                variable=name,
                units=score_units("mse", units),
                styles=styles,
            ),
        ]
        groups = groups if place < DETAILED else groups[:1]
        caption = f"Scores of {titles[name]} per lead time"
        table = score_table(means, caption=caption, experiments=found.experiments)
        growth = _growth(found, name)
        parts.append(Part(name, titles[name], tuple(group for group in groups if group), table, growth))
    return parts


def _skill_group(found: Assessment, variable: str, styles: dict[str, Style]) -> Group | None:
    """Of the experiments only, each against the references on its own points."""
    skills, ends = {}, {}
    for name in found.references:
        experiments = [one for one in found.experiments if (one, name) not in found.foreign]
        own = {"variable": variable, "forecast": experiments}
        skills[name] = skill(found.means[["mse"]], reference=name)["mse"].sel(own)
        ends[name] = skill_bands(found.scores, found.draws, reference=name, names=("mse",))["mse"].sel(own)
    return skill_curves(skills, ends, variable=variable, styles=styles)


def _regions(found: Assessment) -> dict[str, tuple[xr.DataArray, xr.DataArray]]:
    """Mean squared errors of all regions and weightings but the usual one, and their bands."""
    if not {"region", "weighting"} <= set(found.scores.dims):
        return {}
    parts = {}
    for region in map(str, found.scores["region"].values):
        for weighting in map(str, found.scores["weighting"].values):
            if (region, weighting) == (DOMAIN, "none"):
                continue
            chosen = {"region": region, "weighting": weighting}
            said = "whole domain" if region == DOMAIN else region.replace("_", " ")
            said += ", weighted by area" if weighting == "area" else ""
            mean = aggregate(found.scores, **chosen)["mse"]
            parts[said] = mean, bands(found.scores, found.draws, names=("mse",), **chosen)["mse"]
    return parts


def _growth(found: Assessment, variable: str) -> Rows:
    """The slope of each forecast's error with its band, and the time in which it doubles."""
    if len(found.leads) < 2:
        return ()
    means = error_growth(found.means["rmse"].sel(variable=variable))
    ends = error_growth_bands(found.scores, found.draws)["slope"].sel(variable=variable)
    units = plain_units(found.units(variable))
    digits = decimals(means["slope"].values)
    rows = []
    for name in found.forecasts:
        slope, rate = (float(means[key].sel(forecast=name)) for key in ("slope", "rate"))
        low, high = (float(value) for value in ends.sel(forecast=name).transpose("band").values)
        band = (
            f"{number(low, decimals=digits)} to {number(high, decimals=digits)}"
            if np.isfinite(low + high)
            else "–"
        )
        doubled = np.log(2) / rate if rate > 0 else float("nan")
        text = quantity(doubled, "h", decimals=1) if np.isfinite(doubled) and doubled < 1000 else "–"
        cells = (quantity(slope, f"{units}/h".lstrip("/"), decimals=digits), slope), (band, band), (text, doubled)
        rows.append((label(name), cells))
    return tuple(rows)


def _threshold_names(scores: xr.Dataset, variable: str, units: str) -> dict[float, str]:
    if "threshold_value" not in scores:
        return {}
    values = scores["threshold_value"].sel(variable=variable).values
    plain = plain_units(units)
    return {
        float(quantile): f"{'below' if quantile < 0.5 else 'above'} {f'{float(value):.4g} {plain}'.strip()}, "
        f"the {100 * float(quantile):g} % quantile"
        for quantile, value in zip(scores["threshold"].values, values, strict=True)
    }


def spectrum_parts(found: Assessment, titles: dict[str, str]) -> list[Part]:
    """Power and coherence of each variable, as far as the scores have them."""
    styles = styles_of(found.forecasts, experiments=found.experiments)
    return _parts(
        found, titles, lambda name: spectra(found.scores, variable=name, units=found.units(name), styles=styles)
    )


def conditional_parts(found: Assessment, titles: dict[str, str]) -> list[Part]:
    """Conditional quantiles of the experiment."""
    first = found.experiments[0]
    return _parts(
        found,
        titles,
        lambda name: conditionals(found.scores, variable=name, units=found.units(name), experiment=first),
    )


def rank_parts(found: Assessment, titles: dict[str, str]) -> list[Part]:
    """Rank histograms of the experiment's members."""
    first = found.experiments[0]
    return _parts(found, titles, lambda name: ranks(found.scores, variable=name, experiment=first))


def _parts(found: Assessment, titles: dict[str, str], group_of: Callable[[str], Group | None]) -> list[Part]:
    groups = {name: group_of(name) for name in found.variables[:DETAILED]}
    return [Part(name, titles[name], (group,)) for name, group in groups.items() if group and group.charts]


def experiment_scorecard(found: Assessment, titles: dict[str, str]) -> Scorecard | None:
    """One experiment: the mean squared error against each reference, other scores against the best one."""
    if not found.pairs:
        return None
    blocks: list[Block] = []
    for name in found.variables:
        own = found.pairs["mse"].isel(forecast=0).sel(variable=name)
        blocks.append(
            block_of(own, title=f"{titles[name]}: mean squared error against", rows="reference", score="mse")
        )
        lines = tuple(
            line_of(_best(found, score).isel(forecast=0).sel(variable=name), score=score)
            for score in found.pairs
            if score != "mse"
        )
        if lines:
            blocks.append(Block(f"{titles[name]}: other scores against the best of these", lines))
    return Scorecard("scorecard", _caption(found.experiments), tuple(found.leads), tuple(blocks))


def comparison_scorecard(found: Assessment, titles: dict[str, str]) -> Scorecard | None:
    """Several experiments: each score of each against the best reference of the lead time."""
    if not found.pairs:
        return None
    blocks = [
        block_of(
            _best(found, score).sel(variable=name),
            title=f"{titles[name]}: {SCORE_NAMES[score][0].lower()}{SCORE_NAMES[score][1:]}",
            rows="forecast",
            score=score,
        )
        for name in found.variables
        for score in found.pairs
    ]
    return Scorecard("scorecard", _caption(found.experiments), tuple(found.leads), tuple(blocks))


def _best(found: Assessment, score: str) -> xr.Dataset:
    best = found.best(score)
    assert best is not None
    return best


def _caption(experiments: Sequence[str]) -> str:
    return f"How much better or worse {', '.join(experiments)} is, in per cent, per lead time"
