"""Curves that others have published, to be drawn beside one's own.

A publication is a file `NAME.csv` here, a line for each value: score, experiment, variable, lead_time (h; empty: the
value stands for all lead times), value, uncertainty (of the reading, half its width), source. Scores and baselines
have the names of `scores.nc`: what Gong et al. (2022) call persistence is `day_before`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from windrow.errors import UserError


@dataclass(frozen=True)
class Curve:
    """A score of an experiment over the lead time.

    Attributes
    ----------
    lead_times
        In hours; empty if one value stands for all lead times.
    uncertainty
        Half the width of what was read, the same unit as the values.
    source
        The publication and where it says so.
    """

    score: str
    experiment: str
    variable: str
    lead_times: tuple[float, ...]
    values: tuple[float, ...]
    uncertainty: float
    source: str


def names() -> tuple[str, ...]:
    """The publications that there are."""
    found = (path.name for path in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".csv") for name in found if name.endswith(".csv")))


def read(name: str) -> tuple[Curve, ...]:
    """The curves of a publication, in the order of its file.

    Raises
    ------
    UserError
        If there is no such publication.
    """
    if name not in names():
        raise UserError(f"there are no published curves {name}; report.published may be {', '.join(names())}")
    lines: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for line in _lines(name):
        lines.setdefault((line["score"], line["experiment"], line["variable"]), []).append(line)
    return tuple(
        Curve(
            score=score,
            experiment=experiment,
            variable=variable,
            lead_times=tuple(float(one["lead_time"]) for one in its if one["lead_time"]),
            values=tuple(float(one["value"]) for one in its),
            uncertainty=float(its[0]["uncertainty"]),
            source=its[0]["source"],
        )
        for (score, experiment, variable), its in lines.items()
    )


def _lines(name: str) -> Iterator[dict[str, str]]:
    with files(__name__).joinpath(f"{name}.csv").open(encoding="utf-8") as stream:
        yield from csv.DictReader(stream)
