"""Scores as a table for the terminal."""

from __future__ import annotations

import numpy as np
import xarray as xr

from windrow.report.comparison import Comparison
from windrow.report.text import decimals, label, number, score_units
from windrow.verification.aggregate import aggregate

SHOWN_HOURS = (1, 3, 6, 9, 12)
FEW = 6


def summary_tables(comparison: Comparison, *, split: str) -> str:
    """Mean squared error per lead time and its mean over all lead times: one table per variable."""
    means = aggregate(comparison.scores)
    samples = f"{comparison.shared} common samples of the {split} split"
    return "\n".join(_table(means.sel(variable=name), samples) for name in means["variable"].values)


def shown_hours(leads: list[int]) -> list[int]:
    """The lead times to print: all if they are few, else some of the usual ones and the last."""
    if len(leads) <= FEW:
        return leads
    return [lead for lead in leads if lead in SHOWN_HOURS or lead == leads[-1]]


def _table(means: xr.Dataset, samples: str) -> str:
    mse = means["mse"].transpose("forecast", "lead_time")
    units = score_units("mse", str(means["units"].values))
    shown = shown_hours([int(lead) for lead in mse["lead_time"].values])
    columns = np.column_stack([mse.sel(lead_time=shown).values, mse.mean("lead_time").values])
    digits = decimals(mse.values)
    heads = ["", *(f"{lead} h" for lead in shown), "mean"]
    rows = [
        [label(str(name)), *(number(float(value), decimals=digits) for value in line)]
        for name, line in zip(mse["forecast"].values, columns, strict=True)
    ]
    title = f"Mean squared error of {means['variable'].item()}{f' ({units})' if units else ''}, {samples}"
    return "\n".join([title, *_aligned([heads, *rows]), ""])


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
