"""Skill of a forecast against a reference, from aggregates over the same samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from windrow.errors import UserError
from windrow.verification.aggregate import FORMULAS, select
from windrow.verification.bootstrap import Draws, band, resample
from windrow.verification.scores_layout import DOMAIN

SKILLFUL = tuple(name for name, formula in FORMULAS.items() if formula.best is not None)


def skill_score(score: xr.DataArray, reference: xr.DataArray, *, best: float) -> xr.DataArray:
    """`(s - s_ref) / (s_best - s_ref)`: 1 is perfect, 0 no better than the reference (Murphy 1988).

    For an error, whose best value is 0, this is `1 - s / s_ref`. NaN where the reference is perfect.
    """
    room = best - reference
    return (score - reference) / room.where(room != 0)


def skill(aggregates: xr.Dataset, *, reference: str) -> xr.Dataset:
    """Skill of every forecast against one of them, for every score that has a best value.

    Parameters
    ----------
    aggregates
        What `aggregate` gives.
    reference
        A name among its forecasts.

    Raises
    ------
    UserError
        If there is no such forecast.
    """
    _check_reference(aggregates, reference)
    names = [name for name in SKILLFUL if name in aggregates]
    return xr.Dataset({name: _against(aggregates[name], reference, name) for name in names})


def skill_bands(
    scores: xr.Dataset,
    draws: Draws,
    *,
    reference: str,
    names: Sequence[str] = ("mse",),
    region: str | None = DOMAIN,
    weighting: str | None = "none",
) -> xr.Dataset:
    """The 5-95 % bands of `skill`, the forecast and its reference taken from the same days in each resample.

    Raises
    ------
    UserError
        If there is no such forecast, or a score has no best value to refer to.
    """
    _check_reference(scores, reference)
    if unfit := [name for name in names if name not in SKILLFUL]:
        raise UserError(f"there is no skill in {unfit[0]}; take one of {', '.join(SKILLFUL)}")
    chosen = select(scores, region=region, weighting=weighting)
    return xr.Dataset(
        {name: band(_against(resample(chosen, name, draws), reference, name), draws) for name in names}
    )


def _against(values: xr.DataArray, reference: str, name: str) -> xr.DataArray:
    best = FORMULAS[name].best
    assert best is not None
    return skill_score(values, values.sel(forecast=reference, drop=True), best=best)


def _check_reference(scores: xr.Dataset, reference: str) -> None:
    names = [str(name) for name in np.atleast_1d(scores["forecast"].values)]
    if reference not in names:
        raise UserError(f"{reference} is not among the forecasts; take one of {', '.join(names)}")
