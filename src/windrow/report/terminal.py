"""Scores as a table for the terminal."""

from __future__ import annotations

import numpy as np
import xarray as xr

from windrow.config import Bootstrap
from windrow.report.comparison import Comparison
from windrow.report.text import decimals, label, number, score_units
from windrow.verification.aggregate import aggregate
from windrow.verification.bootstrap import Draws, draw_blocks
from windrow.verification.significance import against_best, compare

SHOWN_HOURS = (1, 3, 6, 9, 12)
FEW = 6
SIGNS = {1: "+", -1: "\N{MINUS SIGN}", 0: " "}


def summary_tables(comparison: Comparison, *, split: str, bootstrap: Bootstrap) -> str:
    """Mean squared error per lead time and its mean over all lead times: one table per variable.

    A sign behind a number says that an experiment is significantly better or worse than the best baseline of that
    lead time; without baselines, or with too few days, there are none.
    """
    means = aggregate(comparison.scores)
    samples = f"{comparison.shared} common samples of the {split} split"
    if not comparison.baselines:
        return "\n".join(_table(means.sel(variable=name), samples, None) for name in means["variable"].values)
    draws = draw_blocks(comparison.scores["init_time"].values, **bootstrap.model_dump())
    verdicts = _verdicts(comparison, draws) if draws.usable else None
    tables = [_table(means.sel(variable=name), samples, verdicts) for name in means["variable"].values]
    return "\n".join([*tables, _legend(draws)])


def shown_hours(leads: list[int]) -> list[int]:
    """The lead times to print: all if they are few, else some of the usual ones and the last."""
    if len(leads) <= FEW:
        return leads
    return [lead for lead in leads if lead in SHOWN_HOURS or lead == leads[-1]]


def _verdicts(comparison: Comparison, draws: Draws) -> xr.DataArray:
    found = compare(comparison.scores, draws, forecasts=comparison.experiments, references=comparison.baselines)
    return against_best(found)["verdict"]


def _legend(draws: Draws) -> str:
    if not draws.usable:
        return f"{draws.note}\n"
    signs = (
        f"{SIGNS[1]} significantly better, {SIGNS[-1]} significantly worse than the best baseline of the lead time"
    )
    method = f"5 %, corrected for the number of comparisons, {draws.blocks} blocks of {draws.block_days} days"
    return f"{signs}\n({method})\n"


def _table(means: xr.Dataset, samples: str, verdicts: xr.DataArray | None) -> str:
    mse = means["mse"].transpose("forecast", "lead_time")
    variable = str(means["variable"].item())
    units = score_units("mse", str(means["units"].values))
    shown = shown_hours([int(lead) for lead in mse["lead_time"].values])
    columns = np.column_stack([mse.sel(lead_time=shown).values, mse.mean("lead_time").values])
    digits = decimals(mse.values)
    blank = "" if verdicts is None else f" {SIGNS[0]}"
    heads = ["", *(f"{lead} h{blank}" for lead in shown), "mean"]
    rows = []
    for name, line in zip(mse["forecast"].values, columns, strict=True):
        signs = [*_signs(verdicts, str(name), variable, shown, blank), ""]
        numbers = [number(float(value), decimals=digits) for value in line]
        rows.append([label(str(name)), *(text + sign for text, sign in zip(numbers, signs, strict=True))])
    title = f"Mean squared error of {variable}{f' ({units})' if units else ''}, {samples}"
    return "\n".join([title, *_aligned([heads, *rows]), ""])


def _signs(verdicts: xr.DataArray | None, forecast: str, variable: str, leads: list[int], blank: str) -> list[str]:
    if verdicts is None or forecast not in verdicts["forecast"].values:
        return [blank] * len(leads)
    found = verdicts.sel(forecast=forecast, variable=variable, lead_time=leads).values
    return [f" {SIGNS[int(one)]}" for one in found]


def _aligned(rows: list[list[str]]) -> list[str]:
    """Names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    ]
