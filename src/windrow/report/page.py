"""The report on one experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
import yaml
from markupsafe import Markup

from windrow.forecasts import Forecasts
from windrow.geography import box_of
from windrow.report.audit import audit_of
from windrow.report.cases import Case, read_cases
from windrow.report.curves import score_curves
from windrow.report.exported import exported
from windrow.report.history import error_curve, history_curve
from windrow.report.html import render
from windrow.report.maps import Ground, case_map, ground_of, look_of
from windrow.report.tables import Table, score_table
from windrow.report.text import (
    DEFINITIONS,
    counted,
    decimals,
    enumeration,
    hours,
    label,
    moment,
    number,
    quantity,
    region,
    score_units,
)
from windrow.report.verdict import verdict
from windrow.shards.reader import ShardReader
from windrow.stages import ReportPage
from windrow.verification.aggregate import aggregate, baselines_of, experiment_of

# Three maps are about a quarter of a megabyte, and the page shall stay below three.
MAPPED_VARIABLES = 6


@dataclass(frozen=True)
class CaseFigure:
    """A case's heading and its maps."""

    title: str
    image: Markup


@dataclass(frozen=True)
class VariableSection:
    """All that the page says of one variable."""

    name: str
    title: str
    verdict: str
    table: Table
    curves: list[Markup]
    cases: list[CaseFigure]


def experiment_page(
    settings: ReportPage,
    *,
    scores: xr.Dataset,
    forecasts: Forecasts,
    reader: ShardReader,
    history: dict[str, Any],
    audit: dict[str, Any],
    provenance: dict[str, str],
    export: dict[str, Any] | None = None,
) -> str:
    """The page as HTML; `export` is the comparison that `windrow export` writes.

    Raises
    ------
    UserError
        If scores and forecasts do not belong together, or the colour map is unknown.
    """
    variables = [str(name) for name in scores["variable"].values]
    ground = ground_of(forecasts.grid)
    means = aggregate(scores)
    return render(
        "report.html.jinja",
        title=settings.report.title or settings.experiment_name,
        question=_question(settings, scores, forecasts),
        sections=[
            _section(settings, scores, means, name, forecasts, reader, ground, mapped=place < MAPPED_VARIABLES)
            for place, name in enumerate(variables)
        ],
        baselines={label(name): DEFINITIONS[name] for name in baselines_of(scores) if name in DEFINITIONS},
        history=_history_panels(history, variables, forecasts, settings.layout.step_hours),
        training=_training(history),
        exported=exported(export) if export else {},
        audit=audit_of(audit),
        settings=yaml.safe_dump(settings.settings, sort_keys=False, default_flow_style=None, width=88),
        facts=_facts(settings, scores),
        provenance=provenance,
    )


def _section(
    settings: ReportPage,
    scores: xr.Dataset,
    means: xr.Dataset,
    variable: str,
    forecasts: Forecasts,
    reader: ShardReader,
    ground: Ground,
    *,
    mapped: bool,
) -> VariableSection:
    experiment, baselines = experiment_of(scores), baselines_of(scores)
    own = means.sel(variable=variable)
    units = str(own["units"].values)
    title = title_of(variable, forecasts)
    return VariableSection(
        name=variable,
        title=title,
        verdict=verdict(own["mse"], experiment=experiment, baselines=baselines, units=score_units("mse", units)),
        table=score_table(own, caption=f"Scores of {title} per lead time", experiments=[experiment]),
        curves=score_curves(own, variable=variable, experiments=[experiment]),
        cases=_case_figures(
            settings, read_cases(scores, variable, forecasts=forecasts, reader=reader), ground, units, title
        )
        if mapped
        else [],
    )


def _case_figures(
    settings: ReportPage, cases: list[Case], ground: Ground, units: str, title: str
) -> list[CaseFigure]:
    look = look_of(cases, colormap=settings.report.colormap, units=units, dpi=settings.report.dpi)
    digits = decimals([case.mse for case in cases])
    squared = score_units("mse", units)
    figures = []
    for case in cases:
        mse = quantity(case.mse, squared, decimals=digits)
        heading = f"{case.name}: {moment(np.datetime64(case.init_time))}, MSE {mse}"
        figures.append(CaseFigure(heading, case_map(case, ground=ground, look=look, variable=title)))
    return figures


def title_of(variable: str, forecasts: Forecasts) -> str:
    """A variable's long name, or its short one."""
    return str(forecasts.attributes(variable).get("long_name") or variable)


def _question(settings: ReportPage, scores: xr.Dataset, forecasts: Forecasts) -> str:
    """What was asked, and of how many samples the answer is."""
    variables = enumeration([title_of(str(name), forecasts) for name in scores["variable"].values])
    leads = [int(lead) for lead in scores["lead_time"].values]
    samples = counted(scores.sizes["init_time"], "forecast")
    return (
        f"How well does {settings.experiment_name} forecast {variables} {hours(leads, among=leads)} ahead over "
        f"{region(*box_of(forecasts.grid))}? Scored on {samples} of the "
        f"{settings.split} split, beside {counted(len(baselines_of(scores)), 'baseline')} on the same samples."
    )


def _history_panels(
    history: dict[str, Any], variables: list[str], forecasts: Forecasts, step_hours: int
) -> list[Markup]:
    """The losses, and the errors of the variables that are mapped too."""
    return [
        history_curve(history),
        *(
            error_curve(
                history, name, units=str(forecasts.attributes(name).get("units", "")), step_hours=step_hours
            )
            for name in variables[:MAPPED_VARIABLES]
        ),
    ]


def _training(history: dict[str, Any]) -> dict[str, str]:
    windows = history["windows"]
    seconds = sum(float(line["seconds"]) for line in history["epochs"])
    speed = len(history["epochs"]) * windows["train"] / max(seconds, 1e-3)
    return {
        "Parameters": f"{history['parameters']:,}",
        "Windows": f"{windows['train']:,} for training, {windows['validation']:,} for validation",
        "Epochs": f"{len(history['epochs'])}, of which the weights of epoch {history['best_epoch'] + 1} were kept",
        "Time": _duration(seconds),
        "Speed": f"{number(speed, decimals=decimals([speed]))} training windows per second, validation included",
        "Device": str(history["device"]),
    }


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _facts(settings: ReportPage, scores: xr.Dataset) -> dict[str, str]:
    first, last = scores["init_time"].values[[0, -1]]
    return {
        "Dataset": settings.dataset,
        "Split": settings.split,
        "Samples": str(scores.sizes["init_time"]),
        "First forecast": moment(first),
        "Last forecast": moment(last),
    }
