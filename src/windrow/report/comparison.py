"""Experiments side by side, on the samples that they share."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from windrow.report.ablation import ablations
from windrow.report.assessment import Assessment, assess
from windrow.report.html import render
from windrow.report.joining import Comparison, side_by_side
from windrow.report.page import curves_of, uncertainty
from windrow.report.ranking import RANK_COLUMNS, cost_group, cost_of, over_leads, ranking
from windrow.report.sections import comparison_scorecard, score_parts, verdicts
from windrow.report.tables import Rows
from windrow.report.text import (
    DEFINITIONS,
    SCORE_NAMES,
    counted,
    decimals,
    enumeration,
    label,
    moment,
    number,
    percent,
)
from windrow.stages import Compare
from windrow.verification.aggregate import aggregate
from windrow.verification.significance import compare

__all__ = ["Comparison", "comparison_csv", "comparison_page", "side_by_side"]

ABLATION_COLUMNS = ("experiments", "from", "to", "error of the first", "of the second", "change", "significance")


def comparison_page(
    settings: Compare,
    comparison: Comparison,
    *,
    provenance: dict[str, str],
    histories: Mapping[str, dict[str, Any]] | None = None,
    others: Mapping[str, dict[str, object]] | None = None,
) -> str:
    """The page as HTML.

    Parameters
    ----------
    histories
        `history.json` by experiment, of those that have one.
    others
        Settings of experiments of other datasets.
    """
    found = assess(
        comparison.scores,
        experiments=comparison.experiments,
        references=comparison.baselines,
        bootstrap=settings.bootstrap,
        foreign=comparison.foreign,
    )
    titles = {name: name for name in found.variables}
    known = {**settings.experiments, **(others or {})}
    costs = {name: cost_of(one) for name, one in (histories or {}).items() if name in comparison.experiments}
    references = {name: _reference(found, name) for name in found.variables}
    return render(
        "comparison.html.jinja",
        title="Experiments side by side",
        question=_question(settings, comparison),
        verdicts=verdicts(found, titles),
        uncertainty=uncertainty(found),
        apart=bool(comparison.foreign),
        rankings=[(name, ranking(found, name, apart=comparison.foreign)) for name in found.variables],
        rank_columns=RANK_COLUMNS,
        parts=score_parts(found, titles, published=curves_of(settings.published)),
        scorecard=comparison_scorecard(found, titles),
        costs=[
            (name, group)
            for name, reference in references.items()
            if reference and not comparison.foreign and (group := cost_group(found, name, costs, reference))
        ],
        ablations=_ablation_tables(found, {name: known[name] for name in comparison.experiments if name in known}),
        ablation_columns=ABLATION_COLUMNS,
        baselines={label(name): DEFINITIONS[name] for name in comparison.baselines if name in DEFINITIONS},
        facts=_facts(settings, comparison),
        provenance=provenance,
    )


def _reference(found: Assessment, variable: str) -> str | None:
    """The baseline of the lowest error over all lead times."""
    if not found.references:
        return None
    mse = found.means["mse"].sel(variable=variable, forecast=list(found.references)).mean("lead_time")
    return found.references[int(mse.fillna(np.inf).values.argmin())]


def _ablation_tables(found: Assessment, settings: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Rows]]:
    """For each variable a row per pair of experiments that differ in one setting."""
    pairs = ablations(settings)
    if not pairs:
        return []
    tested = compare(
        over_leads(found.scores), found.draws, forecasts=found.experiments, references=found.experiments
    ).isel(lead_time=0)
    tables = []
    for variable in found.variables:
        own = tested.sel(variable=variable)
        digits = decimals(own["value"].values)
        rows = []
        for one in pairs:
            pair = own.sel(forecast=one.second, reference=one.first)
            first, second = float(pair["reference_value"]), float(pair["value"])
            share = f"{percent(second / first - 1)} %" if first else "–"
            cells = (
                *((text, text) for text in (f"{one.first}, {one.second}", one.first_value, one.second_value)),
                (number(first, decimals=digits), first),
                (number(second, decimals=digits), second),
                (share, share),
                _significance(pair),
            )
            rows.append((one.setting, cells))
        tables.append((variable, tuple(rows)))
    return tables


def _significance(pair: xr.Dataset) -> tuple[str, object]:
    p = float(pair["p"])
    if not np.isfinite(p):
        return "not tested: too few days", p
    said = "below 0.001" if p < 0.001 else f"= {p:.2g}"
    return f"{'significant' if pair['verdict'] != 0 else 'not significant'}, p {said}", p


def _question(settings: Compare, comparison: Comparison) -> str:
    counts = comparison.samples
    alike = set(counts.values()) == {comparison.shared}
    listed = "" if alike else f" ({enumeration([f'{name} has {count}' for name, count in counts.items()])})"
    names = enumeration(list(counts), last="or")
    asked = f"Which is best at which lead time: {names}" if len(counts) > 1 else f"Does {names} beat the baselines"
    shared = counted(comparison.shared, "sample")
    return f"{asked}? Compared on the {shared} of the {settings.split} split that all have{listed}."


def _facts(settings: Compare, comparison: Comparison) -> dict[str, str]:
    first, last = comparison.scores["init_time"].values[[0, -1]]
    return {
        "Dataset": settings.dataset,
        "Split": settings.split,
        "Common samples": str(comparison.shared),
        "First forecast": moment(first),
        "Last forecast": moment(last),
    }


def comparison_csv(comparison: Comparison) -> str:
    """Means over the common samples as `experiment,variable,score,lead_time,value`, baselines among them."""
    means = aggregate(comparison.scores)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["experiment", "variable", "score", "lead_time", "value"])
    scores = [name for name in SCORE_NAMES if name in means and means[name].ndim == 3]
    for forecast in means["forecast"].values:
        for variable in means["variable"].values:
            for score in scores:
                line = means[score].sel(forecast=forecast, variable=variable)
                for lead, value in zip(line["lead_time"].values, line.values, strict=True):
                    if np.isfinite(value):
                        writer.writerow([forecast, variable, score, int(lead), repr(float(value))])
    return text.getvalue()
