"""Read the scores and average them over the samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from windrow.errors import UserError

PER_SAMPLE = ("mse", "mae", "bias")
DIMENSIONS = ("forecast", "variable", "init_time", "lead_time")


def read_scores(path: Path) -> xr.Dataset:
    """Open `scores.nc`: `lead_time` in whole hours, everything in memory.

    Raises
    ------
    UserError
        If the file is missing, is no file of scores, or holds scores that are not numbers.
    """
    try:
        with xr.open_dataset(path, engine="netcdf4", decode_timedelta=False) as opened:
            scores = opened.load()
    except FileNotFoundError:
        raise UserError(f"{path} is not there; run the stage verify first") from None
    except (OSError, ValueError) as problem:
        raise UserError(f"{path} is damaged ({problem}); delete it and run the stage verify again") from None
    if not {*PER_SAMPLE, *DIMENSIONS, "units"} <= set(scores.variables):
        raise UserError(f"{path} holds no scores of forecasts; run the stage verify again")
    if not scores.sizes["init_time"]:
        raise UserError(f"{path} holds no sample; lengthen the split and run the stage verify again")
    if any(not np.isfinite(scores[name]).all() for name in PER_SAMPLE):
        raise UserError(
            f"{path} holds scores that are not numbers, because the forecasts diverged; "
            "train again with a smaller learning_rate or with a gradient_clip"
        )
    return in_hours(scores)


def in_hours(scores: xr.Dataset) -> xr.Dataset:
    """The same scores with `lead_time` as whole hours, be it a number or a duration."""
    lead_time = scores["lead_time"]
    hours = lead_time / np.timedelta64(1, "h") if lead_time.dtype.kind == "m" else lead_time
    return scores.assign_coords(lead_time=("lead_time", hours.values.astype(np.int64), {"units": "hours"}))


def aggregate(scores: xr.Dataset) -> xr.Dataset:
    """Means over `init_time` of the scores of each sample.

    Returns
    -------
    xr.Dataset
        `mse`, `rmse`, `mae` and `bias` of shape (forecast, variable, lead_time), with the coordinate `units`
        per variable. `rmse` is the root of the mean MSE, not the mean of the samples' roots.
    """
    means = scores[list(PER_SAMPLE)].mean("init_time", skipna=False)
    found = means.assign(rmse=np.sqrt(means["mse"])).transpose("forecast", "variable", "lead_time")
    return found.assign_coords(units=("variable", scores["units"].values.astype(str)))


def experiment_of(scores: xr.Dataset) -> str:
    """The name of the experiment: the first of the forecasts."""
    return str(scores["forecast"].values[0])


def baselines_of(scores: xr.Dataset) -> tuple[str, ...]:
    """The names of the baselines: the forecasts behind the first."""
    return tuple(str(name) for name in scores["forecast"].values[1:])
