"""What the archive held for the dataset, as the report tells it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from windrow.report.text import counted

_TOLD = 12  # months with gaps that are named
_FAULTS = {"missing": "missing", "without any value": "empty", "one value everywhere": "constant"}


@dataclass(frozen=True)
class Audit:
    """A sentence, a table of the variables, and the months in which something is left out or odd.

    `rows` have a label and a cell per column.
    """

    verdict: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    gaps: tuple[str, ...]


def audit_of(content: dict[str, Any]) -> Audit:
    """Turn what the stage audit wrote into text."""
    months = content["months"]
    valid, expected = (sum(month[key] for month in months) for key in ("valid", "expected"))
    archive = content["archive"]
    share = f"all {expected:,}" if valid == expected else f"{valid:,} of {expected:,}"
    verdict = (
        f"The archive has all variables at {share} times of {counted(len(months), 'month')}: "
        f"{archive['messages']:,} fields in {counted(archive['files'], 'file')}, {archive['bytes'] / 1e9:.3g} GB. "
        "No field is doubled; grid, packing, units and step type of each variable are the same in all months."
    )
    gaps = [sentence for month in months for sentence in _gaps(month)]
    if len(gaps) > _TOLD:
        gaps = [*gaps[:_TOLD], f"and {counted(len(gaps) - _TOLD, 'more such line')}"]
    return Audit(verdict, ("units", "packing", "time", *_FAULTS.values()), tuple(_rows(months)), tuple(gaps))


def _rows(months: list[dict[str, Any]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for variable, kind in months[0]["kinds"].items():
        counts = [sum(len(month["faults"][variable].get(fault, [])) for month in months) for fault in _FAULTS]
        step = (
            kind["step_type"] if kind["step_type"] == "instant" else f"{kind['step_type']} {kind['step_range']} h"
        )
        yield variable, (kind["units"], kind["packing"].removeprefix("grid_"), step, *map(str, counts))


def _gaps(month: dict[str, Any]) -> Iterator[str]:
    """Runs of hours, so that a gap of a week is one line."""
    first = dt.datetime.fromisoformat(month["first"])
    for variable, faults in month["faults"].items():
        for fault, hours in faults.items():
            runs: list[list[int]] = []
            for hour in hours:
                if runs and hour - runs[-1][-1] == (hours[1] - hours[0]):
                    runs[-1].append(hour)
                else:
                    runs.append([hour])
            spans = [_span(first, run) for run in runs[:3]]
            more = f" and {counted(len(runs) - 3, 'more gap')}" if len(runs) > 3 else ""
            yield f"{variable} {_FAULTS.get(fault, fault)}: {', '.join(spans)}{more}"


def _span(first: dt.datetime, hours: list[int]) -> str:
    start, end = (first + dt.timedelta(hours=hour) for hour in (hours[0], hours[-1]))
    return f"{start:%Y-%m-%d %H:%M}" if start == end else f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
