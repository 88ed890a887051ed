"""Read the scores and average them over the samples, each score by its own formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from windrow.errors import UserError
from windrow.verification.scores_layout import DOMAIN
from windrow.verification.thresholds import equitable_threat_score, fractions_skill_score, frequency_bias

REQUIRED = ("mse", "mae", "bias")
DIMENSIONS = ("forecast", "variable", "init_time", "lead_time")
ORDER = (
    *("forecast", "reference", "variable", "region", "weighting", "threshold", "neighbourhood"),
    *("lead_time", "resample", "band"),
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Formula:
    """How a score follows from means over the samples.

    Attributes
    ----------
    needs
        The scores of each sample whose means it takes.
    of
        The formula, of arrays. It is given means and not sums: a ratio of sums is one of means as well.
    best
        The value of a perfect forecast, which a skill refers to; nothing if there is none.
    higher_is_better
        Nothing for a score that has its best value in the middle.
    """

    needs: tuple[str, ...]
    of: Callable[..., Floats]
    best: float | None = None
    higher_is_better: bool | None = None


def _mean(value: Floats) -> Floats:
    return value


def _error(needs: str, of: Callable[..., Floats] = _mean) -> Formula:
    return Formula((needs,), of, best=0.0, higher_is_better=False)


def _likeness(needs: str) -> Formula:
    return Formula((needs,), _mean, best=1.0, higher_is_better=True)


FORMULAS: dict[str, Formula] = {
    "mse": _error("mse"),
    "rmse": _error("mse", np.sqrt),
    "mae": _error("mae"),
    "bias": Formula(("bias",), _mean),
    "error_std": _error("error_variance", np.sqrt),
    "acc": _likeness("acc"),
    "acc_centred": _likeness("acc_centred"),
    "ssim": _likeness("ssim"),
    "psnr": Formula(("psnr",), _mean, higher_is_better=True),
    "gradient_ratio": Formula(("gradient_ratio",), _mean),
    "crps": _error("crps"),
    "spread": Formula(("spread",), np.sqrt),
    "frequency_bias": Formula(("hits", "misses", "false_alarms"), frequency_bias),
    "ets": Formula(
        ("hits", "misses", "false_alarms", "correct_negatives"),
        equitable_threat_score,
        best=1.0,
        higher_is_better=True,
    ),
    "fss": Formula(("fss_error", "fss_reference"), fractions_skill_score, best=1.0, higher_is_better=True),
}


def read_scores(path: Path) -> xr.Dataset:
    """Open `scores.nc`: `lead_time` in whole hours, everything in memory.

    Raises
    ------
    UserError
        If the file is missing, is no file of scores, or the experiment's scores are not numbers.
    """
    try:
        with xr.open_dataset(path, engine="netcdf4", decode_timedelta=False) as opened:
            scores = opened.load()
    except FileNotFoundError:
        raise UserError(f"{path} is not there; run the stage verify first") from None
    except (OSError, ValueError) as problem:
        raise UserError(f"{path} is damaged ({problem}); delete it and run the stage verify again") from None
    if not {*REQUIRED, *DIMENSIONS, "units"} <= set(scores.variables):
        raise UserError(f"{path} holds no scores of forecasts; run the stage verify again")
    if not scores.sizes["init_time"]:
        raise UserError(f"{path} holds no sample; lengthen the split and run the stage verify again")
    if _diverged(scores):
        raise UserError(
            f"{path} holds scores that are not numbers, because the forecasts diverged; "
            "train again with a smaller learning_rate or with a gradient_clip"
        )
    return in_hours(scores)


def _diverged(scores: xr.Dataset) -> bool:
    """Whether the experiment has no number where others have one, or none at all of a lead time.

    A sample without a number for any forecast has no truth. A point that the experiment lacks is left out for all, and
    counted as `missing`.
    """
    if "missing" in scores and scores["missing"].values[0].any():
        return True
    chosen = select(scores)
    for name in REQUIRED:
        values = chosen[name].transpose(*DIMENSIONS).values
        bad = ~np.isfinite(values)
        if np.isinf(values[0]).any() or bad[0].all(axis=1).any():
            return True
        if len(values) > 1 and (bad[0] & ~bad[1:].all(axis=0)).any():
            return True
    return False


def in_hours(scores: xr.Dataset) -> xr.Dataset:
    """The same scores with `lead_time` as whole hours, be it a number or a duration."""
    lead_time = scores["lead_time"]
    hours = lead_time / np.timedelta64(1, "h") if lead_time.dtype.kind == "m" else lead_time
    return scores.assign_coords(lead_time=("lead_time", hours.values.astype(np.int64), {"units": "hours"}))


def select(scores: xr.Dataset, *, region: str | None = DOMAIN, weighting: str | None = "none") -> xr.Dataset:
    """The scores of one region and one weighting; None keeps all, and scores that have neither stay as they are."""
    wanted = {"region": region, "weighting": weighting}
    chosen = {name: value for name, value in wanted.items() if value is not None and name in scores.dims}
    return scores.sel(chosen)


def samples(scores: xr.Dataset, name: str) -> xr.DataArray:
    """A score of each sample in float64, NaN where it is no number.

    `error_variance` is `mse - bias²`, the variance of the error over the points.
    """
    if name == "error_variance":
        variance = samples(scores, "mse") - samples(scores, "bias") ** 2
        return variance.clip(min=0)  # rounding of a uniform error
    values = scores[name].astype(np.float64)
    return values.where(np.isfinite(values))


def available(scores: xr.Dataset) -> tuple[str, ...]:
    """The aggregates that these scores have the parts for."""
    present = set(scores.data_vars)
    if {"mse", "bias"} <= present:
        present.add("error_variance")
    return tuple(name for name, formula in FORMULAS.items() if present.issuperset(formula.needs))


def aggregate(scores: xr.Dataset, *, region: str | None = DOMAIN, weighting: str | None = "none") -> xr.Dataset:
    """Aggregates over `init_time` of every score that the samples have.

    Parameters
    ----------
    scores
        What `read_scores` gives.
    region, weighting
        As for `select`.

    Returns
    -------
    xr.Dataset
        The names of `FORMULAS`, of shape (forecast, variable, lead_time), with `threshold` and `neighbourhood`
        before `lead_time` where a score has them, and the coordinate `units` per variable. A sample without a
        number is left out. `rmse` is the root of the mean MSE, not the mean of the samples' roots; `error_std` and
        `spread` are roots of mean variances; `frequency_bias`, `ets` and `fss` come from sums over the samples.
    """
    chosen = select(scores, region=region, weighting=weighting)
    found = {
        name: evaluate(
            name, {need: samples(chosen, need).mean("init_time", skipna=True) for need in FORMULAS[name].needs}
        )
        for name in available(chosen)
    }
    return xr.Dataset(found).assign_coords(units=("variable", scores["units"].values.astype(str)))


def evaluate(name: str, means: Mapping[str, xr.DataArray]) -> xr.DataArray:
    """An aggregate from the means that it needs, its dimensions in the usual order."""
    formula = FORMULAS[name]
    found: xr.DataArray = xr.apply_ufunc(formula.of, *(means[need] for need in formula.needs))
    return found.transpose(*(dimension for dimension in ORDER if dimension in found.dims)).rename(name)


def experiment_of(scores: xr.Dataset) -> str:
    """The name of the experiment: the first of the forecasts."""
    return str(scores["forecast"].values[0])


def baselines_of(scores: xr.Dataset) -> tuple[str, ...]:
    """The names of what the experiment is compared with: the forecasts behind the first."""
    return tuple(str(name) for name in scores["forecast"].values[1:])
