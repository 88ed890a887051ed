"""The scores as rows of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from windrow.report.text import SCORE_NAMES, decimals, label, number, score_units
from windrow.verification.aggregate import FORMULAS

TABLED = (
    *("mse", "rmse", "mae", "bias", "error_std", "acc", "acc_centred", "ssim", "psnr", "gradient_ratio"),
    *("crps", "spread"),
)
PERFECT = {"gradient_ratio": 1.0}


Rows = tuple[tuple[str, tuple[tuple[str, object], ...]], ...]
"""Of a plain table: a label, and of each cell its text and its number."""


@dataclass(frozen=True)
class Cell:
    """A number as text; `best` if none of its column is better."""

    text: str
    value: float
    best: bool = False


@dataclass(frozen=True)
class Row:
    """The cells of one forecast."""

    label: str
    model: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Group:
    """The rows of one score."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """Groups of rows over the same lead times (hours)."""

    name: str
    caption: str
    leads: tuple[int, ...]
    groups: tuple[Group, ...]


def score_table(means: xr.Dataset, *, caption: str, experiments: Sequence[str]) -> Table:
    """The scores of every forecast of one variable.

    Parameters
    ----------
    means
        What `aggregate` gives, of one variable: shape (forecast, lead_time).
    """
    groups = tuple(_score_group(means, score, experiments) for score in TABLED if score in means)
    return Table(f"table-{means['variable'].item()}", caption, _leads(means), groups)


def _score_group(means: xr.Dataset, score: str, experiments: Sequence[str]) -> Group:
    values = means[score].transpose("forecast", "lead_time").values
    signed = score == "bias"
    # The bias can be next to nothing; it gets the digits of the error that it is a part of.
    digits = decimals(means["mae" if signed else score].values)
    # Numbers that print alike share the bold.
    best = _best(values.round(digits), score)
    rows = tuple(
        Row(
            label(name),
            name in experiments,
            tuple(
                Cell(number(value, decimals=digits, signed=signed), float(value), bool(lowest))
                for value, lowest in zip(values[place], best[place], strict=True)
            ),
        )
        for place, name in enumerate(map(str, means["forecast"].values))
    )
    return Group(_titled(SCORE_NAMES[score], score_units(score, str(means["units"].values))), rows)


def _best(values: npt.NDArray[np.float64], score: str) -> npt.NDArray[np.bool_]:
    """Where the best of each column stands: shape (forecast, lead_time)."""
    distance = -values if FORMULAS[score].higher_is_better else np.abs(values - PERFECT.get(score, 0.0))
    lowest = np.where(np.isfinite(distance), distance, np.inf).min(axis=0)
    found: npt.NDArray[np.bool_] = distance == lowest
    return found


def _leads(means: xr.Dataset) -> tuple[int, ...]:
    return tuple(int(lead) for lead in means["lead_time"].values)


def _titled(name: str, units: str) -> str:
    return f"{name}, {units}" if units else name
