"""The scores as rows of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from windrow.report.text import SCORE_NAMES, decimals, label, number, percent, score_units
from windrow.report.verdict import best_baseline


@dataclass(frozen=True)
class Cell:
    """A number as text; `best` if none of its column is better."""

    text: str
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

    caption: str
    leads: tuple[int, ...]
    groups: tuple[Group, ...]


def score_table(means: xr.Dataset, *, caption: str, experiments: Sequence[str]) -> Table:
    """Every score of every forecast of one variable.

    Parameters
    ----------
    means
        What `aggregate` gives, of one variable: shape (forecast, lead_time).
    """
    groups = tuple(_score_group(means, score, experiments) for score in SCORE_NAMES)
    return Table(caption, _leads(means), groups)


def _score_group(means: xr.Dataset, score: str, experiments: Sequence[str]) -> Group:
    values = means[score].transpose("forecast", "lead_time").values
    signed = score == "bias"
    # The bias can be next to nothing; it gets the digits of the error that it is a part of.
    digits = decimals(means["mae" if signed else score].values)
    # Numbers that print alike share the bold.
    best = _lowest(np.abs(values).round(digits))
    rows = tuple(
        Row(
            label(name),
            name in experiments,
            tuple(
                Cell(number(value, decimals=digits, signed=signed), bool(lowest))
                for value, lowest in zip(values[place], best[place], strict=True)
            ),
        )
        for place, name in enumerate(map(str, means["forecast"].values))
    )
    return Group(_titled(SCORE_NAMES[score], score_units(score, str(means["units"].values))), rows)


def difference_table(
    means: xr.Dataset, *, caption: str, experiments: Sequence[str], baselines: Sequence[str]
) -> Table:
    """How far each experiment's mean squared error is from that of the lead time's best baseline."""
    floor = best_baseline(means["mse"], baselines=baselines).values
    values = means["mse"].sel(forecast=list(experiments)).transpose("forecast", "lead_time").values
    best = _lowest(values)
    rows = tuple(
        Row(
            name,
            True,
            tuple(_difference(*cell) for cell in zip(values[place], floor, best[place], strict=True)),
        )
        for place, name in enumerate(experiments)
    )
    return Table(caption, _leads(means), (Group("Mean squared error against the best baseline, %", rows),))


def _difference(own: float, floor: float, best: bool) -> Cell:
    return Cell(percent(own / floor - 1) if floor else "–", bool(best))


def _lowest(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Where the lowest of each column stands: shape (forecast, lead_time)."""
    found: npt.NDArray[np.bool_] = values == values.min(axis=0)
    return found


def _leads(means: xr.Dataset) -> tuple[int, ...]:
    return tuple(int(lead) for lead in means["lead_time"].values)


def _titled(name: str, units: str) -> str:
    return f"{name}, {units}" if units else name
