"""Block bootstrap over initial times: how far an aggregate would differ, had other days been verified.

Errors of neighbouring initial times are alike, so that whole blocks of days are drawn and not single samples: moving
blocks on a circle (Künsch 1989; Politis and Romano 1992), or fixed ones (Carlstein 1986).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import ndtr, stdtrit

from windrow.verification.aggregate import FORMULAS, available, evaluate, samples, select
from windrow.verification.scores_layout import DOMAIN

MIN_BLOCKS = 5
MIN_BLOCK_DAYS = 3
TAIL = 0.05  # of the bands, on either side
BAND = ("lower", "upper")
DAY = np.timedelta64(24, "h")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Draws:
    """Which days each resample holds, and how often.

    Attributes
    ----------
    order, starts
        The samples in the order of time, and where in this order each day with samples starts.
    counts
        How often a resample holds a day, shape (resample, day).
    block_days, blocks
        Length of a block, and how many there are in the samples.
    usable
        Whether there are enough blocks for bands. If not, all bands and p-values are NaN.
    note
        What a reader must know: that blocks were shortened, or why there are no bands. Else empty.
    """

    order: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp]
    counts: Floats
    block_days: int
    blocks: int
    usable: bool
    note: str

    @property
    def tail(self) -> float:
        """The part of the resamples beyond either end of a band.

        A percentile interval is too narrow for few blocks. It is widened as Student's t is wider than the normal
        distribution and as the variance of n blocks underestimates by (n - 1) / n (Hesterberg 2015).
        """
        if not self.usable:
            return TAIL
        widened = np.sqrt(self.blocks / (self.blocks - 1)) * stdtrit(self.blocks - 1, TAIL)
        return float(ndtr(widened))


def draw_blocks(
    init_time: npt.NDArray[np.datetime64],
    *,
    block_days: int,
    resamples: int,
    seed: int,
    moving: bool,
) -> Draws:
    """Draw the days of every resample.

    Days count from the first initial time. Days without samples keep their place, so that a block is as long in time
    wherever it lies; of a gap longer than a block, a block's length stays. Where the samples hold fewer than
    `MIN_BLOCKS` blocks the blocks are shortened, down to `MIN_BLOCK_DAYS`; with fewer days than that takes there are
    no bands.

    Parameters
    ----------
    init_time
        The samples' initial times.
    moving
        Blocks begin on any day and go on with the first day after the last. Otherwise the days are cut once into
        blocks of about `block_days` days, none shorter than that.
    """
    order = np.argsort(init_time, kind="stable")
    day = (init_time[order] - init_time.min()) // DAY
    present, starts = np.unique(day, return_index=True)
    places = np.concatenate([[0], np.cumsum(np.minimum(np.diff(present), block_days))]).astype(np.intp)
    days = int(places[-1]) + 1
    length = min(block_days, days // MIN_BLOCKS)
    shortest = min(MIN_BLOCK_DAYS, block_days)
    nothing = Draws(order, starts, np.ones((0, len(places))), length, 0, usable=False, note="")
    too_few = (
        f"The samples span {days} day{'s' * (days > 1)}: too few for bands and for statements on significance, which "
        f"need {MIN_BLOCKS} blocks of {shortest} days."
    )
    if length < shortest:
        return replace(nothing, note=too_few)
    blocks = days // length
    fixed, of_place = np.unique(places * blocks // days, return_inverse=True)
    if len(fixed) < MIN_BLOCKS:  # days without samples fill the others
        return replace(nothing, note=too_few)
    random = np.random.default_rng(seed)
    if moving:
        firsts = random.integers(days, size=(resamples, blocks))
        counts = _day_counts(firsts, days, length)[:, places]
    else:
        drawn = random.integers(len(fixed), size=(resamples, len(fixed)))
        counts = _occurrences(drawn, len(fixed))[:, of_place]
    shortened = f"The samples span {days} days, so blocks of {length} and not of {block_days} days were drawn."
    note = shortened if length < block_days else ""
    return Draws(order, starts, counts, length, len(fixed), usable=True, note=note)


def _occurrences(drawn: npt.NDArray[np.int64], number: int) -> Floats:
    """How often each of a number of things is in each row: shape (row, thing)."""
    rows = np.arange(len(drawn))[:, None] * number
    counted = np.bincount((rows + drawn).ravel(), minlength=len(drawn) * number)
    found: Floats = counted.reshape(len(drawn), number).astype(np.float64)
    return found


def _day_counts(firsts: npt.NDArray[np.int64], days: int, length: int) -> Floats:
    """How often a day is in blocks that begin on the days `firsts`, on a circle."""
    begun = _occurrences(firsts, days)
    found: Floats = np.sum([np.roll(begun, shift, axis=1) for shift in range(length)], axis=0)
    return found


def resampled_mean(values: xr.DataArray, draws: Draws) -> xr.DataArray:
    """Means over `init_time` of every resample, NaN left out: `resample` in the place of `init_time`, at the end."""
    array = values.values
    axis = values.get_axis_num("init_time")
    assert isinstance(axis, int)
    if (np.diff(draws.order) != 1).any():
        array = np.take(array, draws.order, axis=axis)
    missing = np.isnan(array)
    if missing.any():
        numbers = _day_sums(~missing, axis, draws)
        array = np.where(missing, 0.0, array)
    else:
        lengths = np.diff([*draws.starts, len(draws.order)])
        numbers = lengths[:, None].astype(np.float64)
    above = _day_sums(array, axis, draws).T @ draws.counts.T
    below = numbers.T @ draws.counts.T
    means = np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)
    kept = [name for name in values.dims if name != "init_time"]
    coordinates = {name: one for name, one in values.coords.items() if "init_time" not in one.dims}
    shape = (*(values.sizes[name] for name in kept), len(draws.counts))
    return xr.DataArray(means.reshape(shape), dims=(*kept, "resample"), coords=coordinates)


def _day_sums(array: npt.NDArray[np.generic], axis: int, draws: Draws) -> Floats:
    """Sums over the samples of each day: shape (day, everything else)."""
    sums = np.add.reduceat(array, draws.starts, axis=axis, dtype=np.float64)
    flat: Floats = np.moveaxis(sums, axis, 0).reshape(len(draws.starts), -1)
    return flat


def resample(scores: xr.Dataset, name: str, draws: Draws) -> xr.DataArray:
    """An aggregate of every resample, `resample` as its last dimension; of selected scores, see `select`."""
    return evaluate(name, {need: resampled_mean(samples(scores, need), draws) for need in FORMULAS[name].needs})


def band(resampled: xr.DataArray, draws: Draws) -> xr.DataArray:
    """The ends of the 5-95 % band of what was resampled: `band` in the place of `resample`.

    Resamples without a value, such as ratios of no events, are left out. NaN where there is none, and everywhere if
    there are too few blocks.
    """
    values = resampled.transpose(..., "resample").values
    if not draws.usable:
        ends = np.full((2, *values.shape[:-1]), np.nan)
    else:
        ends = _quantiles(values, np.array([draws.tail, 1 - draws.tail]))
    dimensions = [name for name in resampled.dims if name != "resample"]
    found = xr.DataArray(
        np.moveaxis(ends, 0, -1),
        dims=(*dimensions, "band"),
        coords={name: one for name, one in resampled.coords.items() if "resample" not in one.dims},
        name=resampled.name,
    )
    return found.assign_coords(band=list(BAND))


def _quantiles(values: Floats, probabilities: Floats) -> Floats:
    """Quantiles along the last axis, shape (probability, ...), NaN left out."""
    rows = values.reshape(-1, values.shape[-1])
    ends = np.quantile(rows, probabilities, axis=-1)  # NaN wherever one is among the values: these are taken again
    gaps = np.isnan(ends[0]) & ~np.isnan(rows).all(axis=-1)
    if gaps.any():
        ends[:, gaps] = np.nanquantile(rows[gaps], probabilities, axis=-1)
    found: Floats = ends.reshape(len(probabilities), *values.shape[:-1])
    return found


def bands(
    scores: xr.Dataset,
    draws: Draws,
    *,
    names: Sequence[str] | None = None,
    region: str | None = DOMAIN,
    weighting: str | None = "none",
) -> xr.Dataset:
    """The 5-95 % bands of the aggregates of `aggregate`, with the last dimension `band` (`lower`, `upper`).

    Parameters
    ----------
    names
        Aggregates; by default all that the scores have the parts for.
    """
    chosen = select(scores, region=region, weighting=weighting)
    wanted = available(chosen) if names is None else tuple(names)
    return xr.Dataset({name: band(resample(chosen, name, draws), draws) for name in wanted})
