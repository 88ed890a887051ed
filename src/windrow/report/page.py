"""The report on one experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import yaml

from windrow.forecasts import Forecasts
from windrow.geography import box_of
from windrow.report import history as training
from windrow.report.assessment import Assessment, assess
from windrow.report.audit import audit_of
from windrow.report.cases import read_cases
from windrow.report.exported import exported
from windrow.report.ground import ground_of
from windrow.report.html import render
from windrow.report.maps import case_viewer, score_viewer, thinning
from windrow.report.observed import error_maps, state_errors
from windrow.report.published import Curve
from windrow.report.published import read as published_curves
from windrow.report.resources import read_resources
from windrow.report.sections import (
    DETAILED,
    conditional_parts,
    experiment_scorecard,
    rank_parts,
    score_parts,
    spectrum_parts,
    verdicts,
)
from windrow.report.text import DEFINITIONS, counted, enumeration, hours, label, moment, region
from windrow.report.viewer import Viewer
from windrow.shards.reader import ShardReader
from windrow.stages import ReportPage
from windrow.verification.aggregate import baselines_of, experiment_of


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
    benchmarks: Path | None = None,
) -> str:
    """The page as HTML; `export` is the comparison that `windrow export` writes.

    Raises
    ------
    UserError
        If scores and forecasts do not belong together.
    """
    found = assess(
        scores,
        experiments=[experiment_of(scores)],
        references=baselines_of(scores),
        bootstrap=settings.bootstrap,
    )
    titles = {name: title_of(name, forecasts) for name in found.variables}
    maps, cases = _viewers(settings, found, titles, forecasts, reader)
    units = {name: str(forecasts.attributes(name).get("units", "")) for name in found.variables[:DETAILED]}
    resources = (
        read_resources(
            benchmarks,
            experiment=settings.experiment_name,
            split=settings.split,
            archive=archive_of(settings),
        )
        if benchmarks
        else None
    )
    return render(
        "report.html.jinja",
        title=settings.report.title or settings.experiment_name,
        question=_question(settings, found, forecasts, titles),
        verdicts=verdicts(found, titles),
        uncertainty=uncertainty(found),
        parts=score_parts(found, titles, published=curves_of(settings.report.published)),
        scorecard=experiment_scorecard(found, titles),
        ground=ground_of(forecasts.grid),
        left_out=titles_left_out(titles),
        maps=maps,
        cases=cases,
        spectra=spectrum_parts(found, titles),
        conditionals=conditional_parts(found, titles),
        ranks=rank_parts(found, titles),
        baselines={label(name): DEFINITIONS[name] for name in found.references if name in DEFINITIONS},
        history=[
            training.losses(history),
            training.errors(history, units, step_hours=settings.layout.step_hours),
            state_errors(history, units, step_hours=settings.layout.step_hours),
            training.throughput(history),
        ],
        error_maps=error_maps(history, units, titles, shape=forecasts.grid.shape),
        training=training.training_facts(history),
        exported=exported(export) if export else {},
        audit=audit_of(audit),
        resources=resources,
        settings=yaml.safe_dump(settings.settings, sort_keys=False, default_flow_style=None, width=88),
        facts=_facts(settings, scores),
        provenance=provenance,
    )


def _viewers(
    settings: ReportPage, found: Assessment, titles: dict[str, str], forecasts: Forecasts, reader: ShardReader
) -> tuple[list[Viewer], list[Viewer]]:
    """Maps of the scores, and the example cases, of the first variables."""
    shown = found.variables[:DETAILED]
    points = forecasts.grid.shape[0] * forecasts.grid.shape[1]
    count, thin = thinning(points, leads=len(found.leads), variables=len(shown))
    maps, cases = [], []
    for name in shown:
        units = found.units(name)
        maps.append(
            score_viewer(
                found.scores,
                variable=name,
                title=titles[name],
                units=units,
                experiment=found.experiments[0],
                reference=_best_of_all(found, name),
                thin=thin,
            )
        )
        chosen = read_cases(found.scores, name, forecasts=forecasts, reader=reader, count=count)
        colormap = settings.report.colormap
        cases.append(
            case_viewer(chosen, variable=name, title=titles[name], units=units, colormap=colormap, thin=thin)
        )
    return [one for one in maps if one], cases


def _best_of_all(found: Assessment, variable: str) -> str | None:
    """The reference of the lowest mean squared error over all lead times."""
    if not found.references:
        return None
    mse = found.means["mse"].sel(variable=variable, forecast=list(found.references)).mean("lead_time")
    return found.references[int(mse.fillna(np.inf).values.argmin())]


def titles_left_out(titles: dict[str, str]) -> str:
    """The variables of which there are only the main scores."""
    return enumeration(list(titles.values())[DETAILED:])


def curves_of(published: str) -> tuple[Curve, ...]:
    """The published curves of this name, if there is one."""
    return published_curves(published) if published else ()


def title_of(variable: str, forecasts: Forecasts) -> str:
    """A variable's long name, or its short one."""
    return str(forecasts.attributes(variable).get("long_name") or variable)


def uncertainty(found: Assessment) -> str:
    """How bands and significance came about, in words."""
    draws = found.draws
    if not draws.usable:
        return draws.note
    said = (
        f"Bands are the 5–95 % range of {len(draws.counts):,} resamples of blocks of "
        f"{counted(draws.block_days, 'day')}. A difference is called significant where the paired block bootstrap and "
        "the test of Diebold and Mariano both give a p-value below 0.05 after the correction of Benjamini and Hochberg "
        "for the number of comparisons."
    )
    return f"{said} {draws.note}".strip()


def archive_of(settings: ReportPage) -> str:
    """The name of the archive that the dataset is from."""
    source = settings.settings.get("source")
    return str(source.get("name", "")) if isinstance(source, dict) else ""


def _question(settings: ReportPage, found: Assessment, forecasts: Forecasts, titles: dict[str, str]) -> str:
    """What was asked, and of how many samples the answer is."""
    samples = counted(found.scores.sizes["init_time"], "forecast")
    return (
        f"How well does {settings.experiment_name} forecast {enumeration(list(titles.values()))} "
        f"{hours(found.leads, among=found.leads)} ahead over {region(*box_of(forecasts.grid))}? Scored on {samples} of "
        f"the {settings.split} split, beside {counted(len(found.references), 'baseline')} on the same samples."
    )


def _facts(settings: ReportPage, scores: xr.Dataset) -> dict[str, str]:
    first, last = scores["init_time"].values[[0, -1]]
    return {
        "Dataset": settings.dataset,
        "Split": settings.split,
        "Samples": str(scores.sizes["init_time"]),
        "First forecast": moment(first),
        "Last forecast": moment(last),
    }
