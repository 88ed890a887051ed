"""Fields of one variable: of all forecasts and of the truth, on the points that all of them have."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from windrow.verification.inputs import Samples

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Fields:
    """Shape (init, lead, y, x), with members (member, init, lead, y, x).

    A point at which the truth or a forecast has no value is NaN in all of them, so that all are scored on the same.

    Attributes
    ----------
    missing
        For each forecast, points at which it has no value and the truth has one.
    """

    init_hours: npt.NDArray[np.int64]
    forecasts: list[Array]
    members: Array | None
    truth: Array
    climatology: Array
    missing: npt.NDArray[np.int64]

    def part(self, inits: slice) -> Fields:
        """Some of the initial times, without members."""
        return replace(
            self,
            init_hours=self.init_hours[inits],
            forecasts=[field[inits] for field in self.forecasts],
            members=None,
            truth=self.truth[inits],
            climatology=self.climatology[inits],
        )


def fields_of(samples: Samples, variable: int, absent: npt.NDArray[np.bool_]) -> Fields:
    """Fields of the variable at this place in the samples.

    Parameters
    ----------
    absent
        Lead times that a forecast does not have, which leave out nothing of the others: shape (forecast, lead).
    """
    forecasts = [np.ascontiguousarray(field[:, :, variable]) for field in samples.forecasts]
    truth = np.ascontiguousarray(samples.truth[:, :, variable])
    missing = np.zeros(len(forecasts), dtype=np.int64)
    gaps = [_gaps(field, lacking) for field, lacking in zip(forecasts, absent, strict=True)]
    none = ~np.isfinite(truth)
    if none.any() or any(gap is not None for gap in gaps):
        missing[:] = [0 if gap is None else np.count_nonzero(gap & ~none) for gap in gaps]
        for gap in gaps:
            if gap is not None:
                none |= gap
        forecasts, truth = [_without(field, none) for field in forecasts], _without(truth, none)
    return Fields(
        init_hours=samples.init_hours,
        forecasts=forecasts,
        members=None if samples.members is None else samples.members[:, :, :, variable],
        truth=truth,
        climatology=np.ascontiguousarray(samples.climatology[:, :, variable]),
        missing=missing,
    )


def _gaps(field: Array, lacking: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_] | None:
    """Points without a value at lead times that the forecast has; nothing if there are none."""
    found = ~np.isfinite(field)
    found[:, lacking] = False
    return found if found.any() else None


def _without(field: Array, points: npt.NDArray[np.bool_]) -> Array:
    return np.where(points, np.float32(np.nan), field)
