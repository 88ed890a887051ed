"""Whether one forecast is better than another, or only luckier in the days that were verified."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import stdtr

from windrow.errors import UserError
from windrow.verification.aggregate import FORMULAS, evaluate, experiment_of, samples, select
from windrow.verification.bootstrap import Draws, band, resampled_mean
from windrow.verification.corrections import CORRECTIONS
from windrow.verification.scores_layout import DOMAIN

LEVEL = 0.05
HOUR = np.timedelta64(1, "h")
COMPARED = tuple(name for name, formula in FORMULAS.items() if formula.higher_is_better is not None)

Floats = npt.NDArray[np.float64]


def diebold_mariano(differences: Floats, *, lags: int) -> tuple[Floats, Floats]:
    """The test of Diebold and Mariano (1995), corrected for small samples by Harvey, Leybourne and Newbold (1997).

    The variance of the mean is that of Newey and West (1987), with Bartlett's weights `1 - k / (lags + 1)`, which is
    never negative. The correction takes `lags + 1` for the horizon.

    Parameters
    ----------
    differences
        Score of the one minus score of the other, shape (time, ...), at equal distances in time; NaN where there is
        no sample.
    lags
        How far apart two times can be and still belong together (time steps): at least the lead time less one step,
        because forecasts that overlap share their errors.

    Returns
    -------
    tuple
        The statistic, and the two-sided p-value by Student's t with n - 1 degrees of freedom, of shape (...). NaN
        where the samples are too few for so many lags.
    """
    present = ~np.isnan(differences)
    number = present.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(present, differences, 0).sum(axis=0) / number
        departures = np.where(present, differences - mean, 0)
        variance = _bartlett_sum(departures, lags) / number**2
        horizon = lags + 1
        correction = (number + 1 - 2 * horizon + horizon * (horizon - 1) / number) / number
        statistic = mean / np.sqrt(variance) * np.sqrt(np.where(correction > 0, correction, np.nan))
    statistic = np.where((mean == 0) & (number > horizon), 0.0, np.where(number > horizon, statistic, np.nan))
    return statistic, _two_sided(statistic, np.maximum(number - 1, 1))


def _bartlett_sum(departures: Floats, lags: int) -> Floats:
    """Sum of the autocovariances, not divided by their number, with Bartlett's weights.

    It is the mean square of the sums of all windows of `lags + 1` times, those that stand out at the ends among them,
    so that it costs the same for any number of lags.
    """
    width = lags + 1
    around = [(width, width - 1)] + [(0, 0)] * (departures.ndim - 1)
    cumulative = np.cumsum(np.pad(departures, around), axis=0)
    windows = cumulative[width:] - cumulative[:-width]
    found: Floats = np.square(windows).sum(axis=0) / width
    return found


def _two_sided(statistic: Floats, freedom: Floats | int) -> Floats:
    found: Floats = 2 * stdtr(freedom, -np.abs(statistic))
    return found


def compare(
    scores: xr.Dataset,
    draws: Draws,
    *,
    score: str = "mse",
    forecasts: Sequence[str] | None = None,
    references: Sequence[str] | None = None,
    level: float = LEVEL,
    correction: str = "benjamini_hochberg",
    region: str = DOMAIN,
    weighting: str = "none",
) -> xr.Dataset:
    """Differences of an aggregate between forecasts, and whether they are significant.

    Both forecasts of a pair are taken from the same samples, and from the same days in each resample. A pair is
    different only where two tests agree, that is by the larger of two p-values: of the paired block bootstrap, whose
    spread serves as the standard error of Student's t with as many degrees of freedom as there are blocks less one;
    and, for a score that follows from one mean over the samples, of `diebold_mariano` on that mean, with lags as long
    as a block, or as the longest lead time if that is longer. These p-values are corrected for the number of
    comparisons in this call.

    Parameters
    ----------
    scores
        What `read_scores` gives.
    score
        One of `COMPARED`.
    forecasts, references
        Names of forecasts; by default the experiment, and all others. A forecast is not compared with itself.
    level
        Significant is what has a corrected p-value below it.
    correction
        Which corrected p-values give the verdict: `holm` or `benjamini_hochberg`.

    Returns
    -------
    xr.Dataset
        Of shape (forecast, reference, variable, [threshold, neighbourhood,] lead_time): `value` and
        `reference_value`; `difference` between them with its 5-95 % band, `lower` and `upper`; `p_bootstrap`,
        `p_dm`, the larger `p`; `p_holm` and `p_benjamini_hochberg`; `verdict`: 1 significantly better,
        -1 significantly worse, else 0.

    Raises
    ------
    UserError
        If the score has no better and worse, a name is unknown, or there is nothing to compare with.
    """
    if score not in COMPARED:
        raise UserError(f"forecasts cannot be compared by {score}; take one of {', '.join(COMPARED)}")
    if correction not in CORRECTIONS:
        raise UserError(f"there is no correction {correction}; take one of {', '.join(CORRECTIONS)}")
    chosen = select(scores, region=region, weighting=weighting)
    names = [str(name) for name in chosen["forecast"].values]
    firsts = [experiment_of(chosen)] if forecasts is None else list(forecasts)
    others = [name for name in names if name not in firsts] if references is None else list(references)
    if unknown := [name for name in (*firsts, *others) if name not in names]:
        raise UserError(f"{unknown[0]} is not among the forecasts; take one of {', '.join(names)}")
    if not others:
        raise UserError("there is no forecast to compare with; name references")
    rows = [
        xr.concat([_pair(chosen, draws, score, first, other) for other in others], "reference") for first in firsts
    ]
    found = xr.concat(rows, "forecast").assign_coords(forecast=firsts, reference=others)
    found["p"] = xr.apply_ufunc(np.fmax, found["p_bootstrap"], found["p_dm"])
    for name, adjust in CORRECTIONS.items():
        found[f"p_{name}"] = (found["p"].dims, adjust(found["p"].values))
    sign = 1 if FORMULAS[score].higher_is_better else -1
    significant = found[f"p_{correction}"] < level
    found["verdict"] = (sign * xr.ufuncs.sign(found["difference"])).where(significant, 0).astype(np.int8)
    found["verdict"].attrs = {"flag_values": [-1, 0, 1], "flag_meanings": "worse neither better"}
    return found.assign_attrs(score=score, level=level, correction=correction)


def against_best(found: xr.Dataset) -> xr.Dataset:
    """What `compare` found against the best of the references, which the coordinate `reference` names.

    The best one is chosen by the same samples, for each forecast, variable and lead time: it has had the luck of the
    draw, so that a verdict of better is on the safe side.
    """
    higher = FORMULAS[found.attrs["score"]].higher_is_better
    rated = found["reference_value"] if higher else -found["reference_value"]
    return found.isel(reference=rated.fillna(-np.inf).argmax("reference"))


def _pair(scores: xr.Dataset, draws: Draws, score: str, first: str, other: str) -> xr.Dataset:
    """One forecast beside another, not yet corrected."""
    formula = FORMULAS[score]
    both = scores.sel(forecast=[first, other]).drop_vars("forecast")
    values = {need: samples(both, need) for need in formula.needs}
    values = {need: one.where(one.notnull().all("forecast")) for need, one in values.items()}
    here = evaluate(score, {need: one.mean("init_time") for need, one in values.items()})
    drawn = evaluate(score, {need: resampled_mean(one, draws) for need, one in values.items()})
    difference, differences = here[0] - here[1], drawn[0] - drawn[1]
    ends = band(differences, draws)
    nowhere = xr.full_like(difference, np.nan)
    found = {
        "value": here[0],
        "reference_value": here[1],
        "difference": difference,
        "lower": ends.sel(band="lower", drop=True),
        "upper": ends.sel(band="upper", drop=True),
        "p_bootstrap": _p_bootstrap(difference, differences, draws) if draws.usable else nowhere,
        "p_dm": nowhere,
    }
    if draws.usable and len(formula.needs) == 1:
        found["p_dm"] = _p_dm(values[formula.needs[0]], draws).transpose(*difference.dims)
    pair = xr.Dataset({name: one.drop_vars("init_time", errors="ignore") for name, one in found.items()})
    return pair if first != other else xr.full_like(pair, np.nan)


def _p_bootstrap(difference: xr.DataArray, differences: xr.DataArray, draws: Draws) -> xr.DataArray:
    """Two-sided p-value of the difference, its standard error from the resamples.

    The share of the resamples beyond zero would never be below 1 / resamples, which no correction for many
    comparisons could then call significant.
    """
    few = np.sqrt(draws.blocks / (draws.blocks - 1))
    error = few * differences.std("resample")
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = difference.values / error.values
    statistic = np.where(difference.values == 0, 0.0, statistic)
    return difference.copy(data=_two_sided(statistic, draws.blocks - 1))


def _p_dm(values: xr.DataArray, draws: Draws) -> xr.DataArray:
    """Of `diebold_mariano`, the samples put on an axis of equal distances."""
    series = (values.isel(forecast=0) - values.isel(forecast=1)).transpose("init_time", ...)
    hours = ((series["init_time"] - series["init_time"].min()) / HOUR).values.astype(np.int64)
    step = max(int(np.gcd.reduce(hours)), 1)
    even = np.full((hours.max() // step + 1, *series.shape[1:]), np.nan)
    even[hours // step] = series.values
    memory = max(draws.block_days * 24, int(values["lead_time"].max()))
    _, p = diebold_mariano(even, lags=-(-memory // step) - 1)
    return series.isel(init_time=0, drop=True).copy(data=p)
