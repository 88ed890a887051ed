"""How fast the error grows with the lead time."""

from __future__ import annotations

import numpy as np
import xarray as xr

from windrow.verification.aggregate import select
from windrow.verification.bootstrap import Draws, band, resample
from windrow.verification.scores_layout import DOMAIN


def error_growth(rmse: xr.DataArray) -> xr.Dataset:
    """Least-squares lines through the root mean squared error over lead time, and through its logarithm.

    Parameters
    ----------
    rmse
        With the dimension `lead_time` (h); the `rmse` of `aggregate`.

    Returns
    -------
    xr.Dataset
        `slope`, the growth in units of the variable per hour, and `rate`, the exponential growth per hour; the
        doubling time of Lorenz (1982) is `ln 2 / rate` hours. NaN with fewer than two lead times, and where an error
        is not a number; `rate` also where an error is zero.
    """
    return xr.Dataset({"slope": _slope(rmse), "rate": _slope(xr.ufuncs.log(rmse.where(rmse > 0)))})


def error_growth_bands(
    scores: xr.Dataset, draws: Draws, *, region: str | None = DOMAIN, weighting: str | None = "none"
) -> xr.Dataset:
    """The 5-95 % bands of `error_growth`."""
    chosen = select(scores, region=region, weighting=weighting)
    growth = error_growth(resample(chosen, "rmse", draws))
    return xr.Dataset({str(name): band(one, draws) for name, one in growth.items()})


def _slope(values: xr.DataArray) -> xr.DataArray:
    lead = values["lead_time"].astype(np.float64)
    away = lead - lead.mean()
    width = (away**2).sum()
    return (away * values).sum("lead_time", skipna=False) / width.where(width > 0)
