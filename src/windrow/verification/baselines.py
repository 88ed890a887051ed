"""Forecasts that need no training, from the same shards and for the same windows as the model's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from windrow.climatology import Climatology
from windrow.errors import UserError
from windrow.shards.layout import time_of
from windrow.shards.reader import ShardReader
from windrow.verification.damped import Damping

DAY_HOURS = 24
Fields = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Archive:
    """What the baselines draw on: the archive, the climatology, the columns of the variables that are scored.

    `damping` is needed for `damped_persistence` alone.
    """

    reader: ShardReader
    climatology: Climatology
    variables: tuple[str, ...]
    damping: Damping | None = None

    @property
    def day_steps(self) -> int:
        """Time steps of a day."""
        return DAY_HOURS // self.reader.layout.step_hours

    def fields(self, firsts: npt.NDArray[np.int64], steps: int) -> Fields:
        """Windows of the scored variables: shape (init, step, variable, y, x)."""
        columns = [self.reader.layout.variables.index(name) for name in self.variables]
        return self.reader.windows(firsts, steps, columns=columns)

    def of(self, variables: slice) -> Archive:
        """The same with some of the variables alone."""
        return replace(self, variables=self.variables[variables])


def truth(archive: Archive, inits: npt.NDArray[np.int64], leads: int) -> Fields:
    """What came: the `leads` steps after each initial step, shape (init, lead, variable, y, x)."""
    return archive.fields(inits + 1, leads)


def persistence(archive: Archive, inits: npt.NDArray[np.int64], leads: int) -> Fields:
    """The last field, held."""
    return np.repeat(archive.fields(inits, 1), leads, axis=1)


def day_before(archive: Archive, inits: npt.NDArray[np.int64], leads: int) -> Fields:
    """The same hour of the last day whose hours were all known at the initial time."""
    day = archive.day_steps
    behind = [day * -(-lead // day) for lead in range(1, leads + 1)]
    return np.concatenate(
        [archive.fields(inits + lead - back, 1) for lead, back in enumerate(behind, start=1)], axis=1
    )


def climatology(archive: Archive, inits: npt.NDArray[np.int64], leads: int) -> Fields:
    """The training split's mean of the month, hour of day and point."""
    return _means(archive, inits, range(1, leads + 1))


def damped_persistence(archive: Archive, inits: npt.NDArray[np.int64], leads: int) -> Fields:
    """The climatology and what is left of the last field's departure from it.

    Raises
    ------
    UserError
        If there are no factors.
    """
    if archive.damping is None:
        raise UserError(
            "damped_persistence needs its factors; run the stage damping and give its file by --damping"
        )
    factors = archive.damping.of(archive.variables, leads).astype(np.float32)[..., None, None]
    departure = archive.fields(inits, 1) - _means(archive, inits, range(1))
    return climatology(archive, inits, leads) + factors * departure


def _means(archive: Archive, inits: npt.NDArray[np.int64], leads: range) -> Fields:
    """The climatology at these steps after each initial step: (init, lead, variable, y, x)."""
    times: list[dt.datetime] = [
        time_of(int(init) + lead, archive.reader.layout) for init in inits for lead in leads
    ]
    found = archive.climatology.at(times, archive.variables)
    return found.reshape(len(inits), len(leads), *found.shape[1:])


BASELINES: dict[str, Callable[[Archive, npt.NDArray[np.int64], int], Fields]] = {
    "persistence": persistence,
    "day_before": day_before,
    "climatology": climatology,
    "damped_persistence": damped_persistence,
}


def verifiable(
    archive: Archive, inits: npt.NDArray[np.int64], baselines: tuple[str, ...]
) -> npt.NDArray[np.bool_]:
    """Which initial steps all baselines can forecast from: `day_before` needs the day up to the initial time."""
    if "day_before" not in baselines:
        return np.ones(len(inits), dtype=bool)
    back = archive.day_steps - 1
    first = int(inits.min()) - back
    present = archive.reader.available(range(first, int(inits.max()) + 1))
    missing_before = np.concatenate([[0], np.cumsum(~present)])
    starts = inits - back - first
    whole: npt.NDArray[np.bool_] = missing_before[starts + back + 1] == missing_before[starts]
    return whole
