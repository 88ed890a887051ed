"""Experiments side by side, on the samples that they share."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import xarray as xr
from markupsafe import Markup

from windrow.errors import UserError
from windrow.report.curves import score_curves
from windrow.report.html import render
from windrow.report.tables import Table, difference_table, score_table
from windrow.report.text import DEFINITIONS, SCORE_NAMES, counted, enumeration, label, moment, score_units
from windrow.report.verdict import comparison_verdict
from windrow.stages import Compare
from windrow.verification.aggregate import aggregate, baselines_of, experiment_of


@dataclass(frozen=True)
class Comparison:
    """Scores of several experiments and of the baselines on the same samples."""

    scores: xr.Dataset
    experiments: tuple[str, ...]
    baselines: tuple[str, ...]
    samples: dict[str, int]

    @property
    def shared(self) -> int:
        """Number of samples that all experiments have."""
        return self.scores.sizes["init_time"]


@dataclass(frozen=True)
class VariableSection:
    """All that the page says of one variable."""

    name: str
    verdict: str
    differences: Table | None
    table: Table
    curves: list[Markup]


def side_by_side(scores: Sequence[xr.Dataset]) -> Comparison:
    """Join scores of several experiments: forecasts of all, baselines once, common initial times only.

    Raises
    ------
    UserError
        If an experiment comes twice, or variables, lead times, baselines or truth differ, or nothing is common.
    """
    experiments = tuple(experiment_of(one) for one in scores)
    if len(set(experiments)) < len(experiments):
        raise UserError(f"two of the scores are of the same experiment ({', '.join(experiments)}); give each once")
    _check_alike(scores, experiments)
    times = reduce(np.intersect1d, [one["init_time"].values for one in scores])
    if not len(times):
        raise UserError(f"{enumeration(experiments)} have no initial time in common; score them on the same split")
    kept = [one.sel(init_time=times) for one in scores]
    baselines = baselines_of(scores[0])
    _check_baselines(kept, baselines, experiments)
    joined = xr.concat(
        [
            *(one[list(one.data_vars)].isel(forecast=[0]) for one in kept),
            kept[0].sel(forecast=list(baselines)),
        ],
        dim="forecast",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        join="exact",
        combine_attrs="drop",
    )
    counts = {name: one.sizes["init_time"] for name, one in zip(experiments, scores, strict=True)}
    return Comparison(joined, experiments, baselines, counts)


def _check_alike(scores: Sequence[xr.Dataset], experiments: Sequence[str]) -> None:
    for name, one in zip(experiments, scores, strict=True):
        for what, own, first in (
            ("variables", set(one["variable"].values), set(scores[0]["variable"].values)),
            ("lead times", list(one["lead_time"].values), list(scores[0]["lead_time"].values)),
            ("baselines", baselines_of(one), baselines_of(scores[0])),
        ):
            if own != first:
                raise UserError(
                    f"{name} and {experiments[0]} were scored with other {what}; "
                    "give them the same and run the stage verify again"
                )


def _check_baselines(kept: Sequence[xr.Dataset], baselines: Sequence[str], experiments: Sequence[str]) -> None:
    """Baselines do not depend on the experiment; if they differ on the same samples, the data did."""
    first = kept[0]["mse"].sel(forecast=list(baselines))
    for name, one in zip(experiments, kept, strict=True):
        own = one["mse"].sel(forecast=list(baselines), variable=first["variable"])
        if not np.allclose(own.values, first.values, rtol=1e-6):
            raise UserError(
                f"the baselines of {name} and {experiments[0]} differ on the same samples; "
                "run the stage verify again for both"
            )


def comparison_page(settings: Compare, comparison: Comparison, *, provenance: dict[str, str]) -> str:
    """The page as HTML."""
    means = aggregate(comparison.scores)
    return render(
        "comparison.html.jinja",
        title="Experiments side by side",
        question=_question(settings, comparison),
        sections=[_section(means.sel(variable=name), comparison) for name in means["variable"].values],
        baselines={label(name): DEFINITIONS[name] for name in comparison.baselines if name in DEFINITIONS},
        facts=_facts(settings, comparison),
        provenance=provenance,
    )


def _section(means: xr.Dataset, comparison: Comparison) -> VariableSection:
    variable = str(means["variable"].values)
    experiments, baselines = comparison.experiments, comparison.baselines
    return VariableSection(
        name=variable,
        verdict=comparison_verdict(
            means["mse"],
            experiments=experiments,
            baselines=baselines,
            units=score_units("mse", str(means["units"].values)),
        ),
        differences=difference_table(
            means,
            caption=f"Mean squared error of {variable} against the best baseline",
            experiments=experiments,
            baselines=baselines,
        )
        if baselines
        else None,
        table=score_table(means, caption=f"Scores of {variable} per lead time", experiments=experiments),
        curves=score_curves(means, variable=variable, experiments=experiments),
    )


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
    for forecast in means["forecast"].values:
        for variable in means["variable"].values:
            for score in SCORE_NAMES:
                line = means[score].sel(forecast=forecast, variable=variable)
                for lead, value in zip(line["lead_time"].values, line.values, strict=True):
                    writer.writerow([forecast, variable, score, int(lead), repr(float(value))])
    return text.getvalue()
