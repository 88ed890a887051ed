"""How each forecast is drawn, the same in all charts of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from windrow.report.charts import DASHES, MUTED, SOLID, colour_of
from windrow.report.text import LABELS, label


@dataclass(frozen=True)
class Style:
    """Name, colour and dashes of a forecast's lines; experiments are strong."""

    name: str
    colour: str
    dash: tuple[float, ...]
    strong: bool


def styles_of(forecasts: Sequence[str], *, experiments: Sequence[str]) -> dict[str, Style]:
    """Experiments in colour, what they are compared with in grey, told apart by dashes."""
    known = [*LABELS, *(name for name in forecasts if name not in experiments and name not in LABELS)]
    found = {}
    for name in forecasts:
        if name in experiments:
            found[name] = Style(name, colour_of(list(experiments).index(name)), SOLID, True)
        else:
            found[name] = Style(label(name), MUTED, DASHES[known.index(name) % len(DASHES)], False)
    return found
