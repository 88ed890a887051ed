"""What a page draws its conclusions from: means, bands and tests, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import xarray as xr

from windrow.verification.aggregate import aggregate
from windrow.verification.bootstrap import Draws, bands, draw_blocks
from windrow.verification.significance import COMPARED, against_best, compare
from windrow.verification_settings import Bootstrap

THRESHOLD_DIMENSIONS = {"threshold", "neighbourhood"}
TOLD_BY_MSE = {"rmse"}


@dataclass(frozen=True)
class Assessment:
    """Scores of experiments and of what they are compared with, on the same samples.

    Attributes
    ----------
    means, bands
        What `aggregate` and `bootstrap.bands` give.
    pairs
        What `significance.compare` gives, by score: each experiment against each reference; empty without references.
    foreign
        Pairs of an experiment and a reference that are of other points, and are not compared.
    """

    scores: xr.Dataset
    experiments: tuple[str, ...]
    references: tuple[str, ...]
    draws: Draws
    means: xr.Dataset
    bands: xr.Dataset
    pairs: dict[str, xr.Dataset]
    foreign: frozenset[tuple[str, str]] = frozenset()

    @property
    def forecasts(self) -> list[str]:
        """Names of all forecasts, the experiments first."""
        return [str(name) for name in self.scores["forecast"].values]

    @property
    def variables(self) -> list[str]:
        """Names of the variables."""
        return [str(name) for name in self.scores["variable"].values]

    @property
    def leads(self) -> list[int]:
        """Lead times in hours."""
        return [int(lead) for lead in self.scores["lead_time"].values]

    def units(self, variable: str) -> str:
        """Units of a variable."""
        return str(self.means["units"].sel(variable=variable).values)

    def best(self, score: str = "mse") -> xr.Dataset | None:
        """Each experiment against the best reference of each lead time, if there is any."""
        return against_best(self.pairs[score]) if score in self.pairs else None


def assess(
    scores: xr.Dataset,
    *,
    experiments: Sequence[str],
    references: Sequence[str],
    bootstrap: Bootstrap,
    foreign: frozenset[tuple[str, str]] = frozenset(),
) -> Assessment:
    """Average, resample and test.

    Parameters
    ----------
    references
        What each experiment is compared with; an experiment may be among them.
    foreign
        Pairs of an experiment and a reference that are of other points.
    """
    draws = draw_blocks(scores["init_time"].values, **bootstrap.model_dump())
    means = aggregate(scores)
    compared = [
        name
        for name in COMPARED
        if name in means and not THRESHOLD_DIMENSIONS & set(means[name].dims) and name not in TOLD_BY_MSE
    ]
    pairs = {
        name: _without(
            compare(scores, draws, score=name, forecasts=list(experiments), references=list(references)), foreign
        )
        for name in compared
        if references
    }
    return Assessment(
        scores, tuple(experiments), tuple(references), draws, means, bands(scores, draws), pairs, foreign
    )


def _without(pairs: xr.Dataset, foreign: frozenset[tuple[str, str]]) -> xr.Dataset:
    """The same without numbers for these pairs."""
    if not foreign:
        return pairs
    kept = [
        ~pairs["reference"].isin([other for one, other in foreign if one == name])
        for name in map(str, pairs["forecast"].values)
    ]
    return pairs.where(xr.concat(kept, pairs["forecast"]))
