"""Where an experiment is better or worse than what it is compared with, and where that is significant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from windrow.report.text import SCORE_NAMES, label, percent
from windrow.verification.aggregate import FORMULAS, Formula

MARKS = {1: "▲", -1: "▼"}
WORDS = {1: "better", -1: "worse", 0: "alike"}


@dataclass(frozen=True)
class Mark:
    """A cell: the mark and the percentage as text, what it means in words, and the class that colours it."""

    text: str
    words: str
    kind: str
    value: float


@dataclass(frozen=True)
class Line:
    """The cells of one row."""

    label: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Block:
    """The rows of one variable or of one experiment."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Scorecard:
    """Blocks of rows over the same lead times."""

    name: str
    caption: str
    leads: tuple[int, ...]
    blocks: tuple[Block, ...]


def block_of(found: xr.Dataset, *, title: str, rows: str, score: str) -> Block:
    """What `significance.compare` has found, of one variable and of one forecast or one reference.

    Parameters
    ----------
    rows
        The dimension of the rows, `forecast` or `reference`.
    """
    return Block(
        title,
        tuple(
            Line(label(str(name)), tuple(_marks(found.sel({rows: name}), score))) for name in found[rows].values
        ),
    )


def line_of(found: xr.Dataset, *, score: str) -> Line:
    """The same of one forecast and the best reference of each lead time."""
    return Line(SCORE_NAMES[score], tuple(_marks(found, score)))


def _marks(found: xr.Dataset, score: str) -> list[Mark]:
    parts = (found[name].transpose("lead_time").values for name in ("value", "reference_value", "verdict", "p"))
    return [_mark(FORMULAS[score], *cell) for cell in zip(*parts, strict=True)]


def _mark(formula: Formula, value: float, reference: float, verdict: float, p: float) -> Mark:
    """The gain in per cent of the way to the best value; of a score without one, of the reference itself."""
    gain = value - reference if formula.higher_is_better else reference - value
    if not np.isfinite(gain):
        return Mark("–", "no value", "none", float("nan"))
    room = abs(reference) if formula.best is None else abs(formula.best - reference)
    share = gain / room if room else float("nan")
    side = int(np.sign(gain))
    significant = bool(verdict == side != 0)
    words = WORDS[side] + (", significant" if significant else ", not significant" if side else "")
    if np.isfinite(p):
        words += f", p {'below 0.001' if p < 0.001 else f'= {p:.2g}'}"
    text = percent(share) if np.isfinite(share) else "?"
    kind = ("sure-" if significant else "") + WORDS[side]
    return Mark(f"{MARKS[side]}{text}" if significant else text, words, kind, float(f"{100 * share:.6g}"))
