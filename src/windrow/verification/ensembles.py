"""Scores of an ensemble: members (member, ..., y, x) against truth (..., y, x), point by point."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Fields = npt.NDArray[np.floating]
Maps = npt.NDArray[np.float64]
TIES_SEED = 42


def crps(members: Fields, truth: Fields, *, fair: bool = True) -> Maps:
    """Continuous ranked probability score of each point, in the variable's units: (..., y, x).

    `mean |x_i - y| - sum_ij |x_i - x_j| / (2 M D)` with D = M - 1 for the fair score, which does not depend on the
    number of members in expectation (Ferro 2014, doi 10.1002/qj.2270), and D = M for that of the members' empirical
    distribution (Gneiting and Raftery 2007, eq. 21), which for one member is the absolute error.

    Raises
    ------
    ValueError
        If there are too few members: two for the fair score.
    """
    count = len(members)
    if count < 1 + fair:
        raise ValueError(f"the {'fair ' if fair else ''}CRPS of {count} members")
    departures = np.sort(np.subtract(members, truth), axis=0)  # NaN last; from the truth, to keep the digits
    # of sorted members, sum_ij |x_i - x_j| = 2 sum_i (2 i - M - 1) x_i, i from 1
    weights = (2 * np.arange(1, count + 1) - count - 1) / (count * max(count - fair, 1))
    found = np.zeros(truth.shape)
    for weight, departure in zip(weights, departures, strict=True):
        found += np.abs(departure) / count - weight * departure
    return found


def spread(members: Fields) -> Maps:
    """Variance of the members, n - 1: (..., y, x).

    Where the ensemble is as uncertain as it says, its mean over many forecasts, times (M + 1) / M, is the mean squared
    error of the ensemble mean (Fortin et al. 2014, doi 10.1175/JHM-D-14-0008.1). The root is taken after the mean.

    Raises
    ------
    ValueError
        If there is only one member.
    """
    if len(members) < 2:
        raise ValueError("the spread of one member")
    found: Maps = members.var(axis=0, ddof=1, dtype=np.float64)
    return found


class RankHistogram:
    """How often the truth lies below all members, above one, ... above all (Hamill 2001).

    A truth that equals some members takes one of the ranks between them by chance. The numbers drawn depend on the
    initial time alone, so that the counts are the same however the initial times are dealt out.

    Parameters
    ----------
    members
        How many there are.
    shape
        Of the axes between the initial times and the points, such as (lead, variable).
    """

    def __init__(self, members: int, shape: tuple[int, ...] = (), *, seed: int = TIES_SEED) -> None:
        self.counts = np.zeros((*shape, members + 1), dtype=np.int64)
        self._seed = seed

    def add(self, members: Fields, truth: Fields, init_hours: npt.NDArray[np.int64]) -> None:
        """Count the points of some initial times; those where the truth or a member is NaN are left out.

        Parameters
        ----------
        members, truth
            (member, init, *shape, y, x) and (init, *shape, y, x).
        init_hours
            Of the initial times, hours since 1900.
        """
        cells = self.counts.reshape(-1, self.counts.shape[-1])
        ranks = self.counts.shape[-1]
        first = ranks * np.arange(len(cells)).reshape(*self.counts.shape[:-1], 1, 1)
        for place, hour in enumerate(init_hours.tolist()):
            its, came = members[:, place], truth[place]
            found = (its < came).sum(axis=0)
            ties = (its == came).sum(axis=0)
            if ties.any():
                found += np.random.default_rng([self._seed, hour % 2**64]).integers(0, ties + 1)
            valid = ~(np.isnan(its).any(axis=0) | np.isnan(came))
            cells += np.bincount((found + first)[valid], minlength=cells.size).reshape(cells.shape)

    def merge(self, other: RankHistogram) -> None:
        """Add what another one has counted."""
        self.counts += other.counts
