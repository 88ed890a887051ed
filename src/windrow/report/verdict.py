"""What the scores say, in sentences."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from windrow.report.text import decimals, enumeration, hours, phrase, quantity


def verdict(
    mse: xr.DataArray, *, experiment: str, baselines: Sequence[str], units: str, tested: xr.Dataset | None = None
) -> str:
    """Two sentences on one experiment: its error at the longest lead time, and where it beats every baseline.

    Parameters
    ----------
    mse
        Mean squared errors of shape (forecast, lead_time).
    units
        Units of the mean squared error.
    tested
        What `against_best` gives of the experiment, of shape (lead_time,); without it significance is not spoken of.
    """
    if not baselines:
        text = quantity(float(mse.sel(forecast=experiment)[-1]), units, decimals=decimals(mse[:, -1]))
        return f"At {_last(mse)} the mean squared error is {text}. No baseline was asked for to compare it with."
    end, wins = _at_the_end(mse, experiment, baselines, units), _where_it_wins(mse, experiment, baselines)
    if tested is None or not np.isfinite(tested["p"].values).any():
        return f"{end} {wins}"
    return f"{end[:-1]}{_how_sure(tested)}. {wins[:-1]}{_where_it_is_sure(mse, experiment, baselines, tested)}."


def _how_sure(tested: xr.Dataset) -> str:
    """Whether the difference at the longest lead time is significant."""
    p, sure = float(tested["p"][-1]), bool(tested["verdict"][-1] != 0)
    if not np.isfinite(p):
        return ""
    said = "below 0.001" if p < 0.001 else f"{p:.2g}"
    return f"; the difference is {'' if sure else 'not '}significant (p{' = ' if p >= 0.001 else ' '}{said})"


def _where_it_is_sure(mse: xr.DataArray, experiment: str, baselines: Sequence[str], tested: xr.Dataset) -> str:
    """Where the wins are significant, as the end of a sentence."""
    leads = [int(lead) for lead in mse["lead_time"]]
    wins = (mse.sel(forecast=experiment) < best_baseline(mse, baselines=baselines)).values
    if not wins.any():
        worse = tested["verdict"].values == -1
        return f"; it is significantly worse {_at(leads, worse)}" if worse.any() else ""
    sure = wins & (tested["verdict"].values == 1)
    if not sure.any():
        return ", but nowhere significantly"
    return f", significantly {'at all of them' if (sure == wins).all() else _at(leads, sure)}"


def _at(leads: list[int], where: npt.NDArray[np.bool_]) -> str:
    if where.all():
        return "at every lead time"
    return f"at {hours([lead for lead, true in zip(leads, where, strict=True) if true], among=leads)}"


def comparison_verdict(
    mse: xr.DataArray,
    *,
    experiments: Sequence[str],
    baselines: Sequence[str],
    units: str,
    tested: xr.Dataset | None = None,
    foreign: Collection[tuple[str, str]] = (),
) -> str:
    """Which experiment is best at which lead time, then the verdict on the one that is best at the longest."""
    if len(experiments) == 1:
        (only,) = experiments
        return verdict(mse, experiment=only, baselines=baselines, units=units, tested=_of(tested, only))
    winners = best_experiments(mse, experiments=experiments)
    leads = [int(lead) for lead in mse["lead_time"]]
    if len(set(winners)) == 1:
        first = f"{winners[0]} has the lowest mean squared error of the experiments at every lead time."
    else:
        won = {name: [lead for lead, best in zip(leads, winners, strict=True) if best == name] for name in winners}
        parts = [f"{name} at {hours(times, among=leads)}" for name, times in won.items()]
        first = f"Lowest mean squared error among the experiments: {enumeration(parts)}."
    best = winners[-1]
    baselines = [name for name in baselines if (best, name) not in foreign]
    second = verdict(mse, experiment=best, baselines=baselines, units=units, tested=_of(tested, best))
    return f"{first} {second.replace('error is', f'error of {best} is', 1)}"


def _of(tested: xr.Dataset | None, experiment: str) -> xr.Dataset | None:
    return None if tested is None else tested.sel(forecast=experiment)


def best_experiments(mse: xr.DataArray, *, experiments: Sequence[str]) -> list[str]:
    """The name of the experiment with the lowest error at each lead time; of equal ones the first."""
    places = mse.sel(forecast=list(experiments)).argmin("forecast").values
    return [experiments[int(place)] for place in places]


def best_baseline(mse: xr.DataArray, *, baselines: Sequence[str]) -> xr.DataArray:
    """The lowest error among the baselines at each lead time: shape (lead_time,)."""
    return mse.sel(forecast=list(baselines)).min("forecast")


def _last(mse: xr.DataArray) -> str:
    return f"{int(mse['lead_time'][-1])}\N{NO-BREAK SPACE}h"


def _at_the_end(mse: xr.DataArray, experiment: str, baselines: Sequence[str], units: str) -> str:
    end = mse[:, -1]
    rival = baselines[int(end.sel(forecast=list(baselines)).values.argmin())]
    own, best = float(end.sel(forecast=experiment)), float(end.sel(forecast=rival))
    digits = decimals([min(own, best)])
    return (
        f"At {_last(mse)} the mean squared error is {quantity(own, units, decimals=digits)}, "
        f"{_apart(own, best)} the best baseline, {phrase(rival)} ({quantity(best, units, decimals=digits)})."
    )


def _apart(own: float, best: float) -> str:
    """How far an error is from another one: `19 % below`."""
    if own == best:
        return "as large as that of"
    side = "below" if own < best else "above"
    if best == 0:
        return side
    share = abs(own / best - 1)
    return f"{f'{100 * share:.0f}' if share >= 0.01 else 'less than 1'}\N{NO-BREAK SPACE}% {side}"


def _where_it_wins(mse: xr.DataArray, experiment: str, baselines: Sequence[str]) -> str:
    own = mse.sel(forecast=experiment)
    wins = (own < best_baseline(mse, baselines=baselines)).values
    leads = [int(lead) for lead in mse["lead_time"]]
    every = "every baseline" if len(baselines) > 1 else "the baseline"
    if wins.all():
        return f"It beats {every} at every lead time."
    if not wins.any():
        return f"At no lead time does it beat {every}."
    first, last = (int(place) for place in np.flatnonzero(wins)[[0, -1]])
    one_run = wins[first : last + 1].all()
    if one_run and last == len(leads) - 1:
        return f"It beats {every} from lead time {leads[first]}\N{NO-BREAK SPACE}h on."
    if one_run and first == 0:
        return f"It beats {every} up to lead time {leads[last]}\N{NO-BREAK SPACE}h, and not beyond."
    won = [lead for lead, win in zip(leads, wins, strict=True) if win]
    return f"It beats {every} at {hours(won, among=leads)}, and not at the other lead times."
