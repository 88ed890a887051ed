"""Damped persistence: how much of a departure from the climatology is left after some hours, by the training split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.climatology import Climatology, calendar_rows
from windrow.config import Days
from windrow.errors import UserError
from windrow.files import read_json
from windrow.sequences import step_ranges
from windrow.shards.layout import runs
from windrow.shards.reader import ShardReader
from windrow.stages import Layout
from windrow.statistics import split_hash

_CHUNK_VALUES = 2**21  # of a variable, in double precision 16 MB
Sums = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Damping:
    """Factors (lead, variable) by which a departure is multiplied, for the leads 1, 2, ... of the step."""

    variables: tuple[str, ...]
    factors: Sums

    def of(self, variables: tuple[str, ...], leads: int) -> Sums:
        """Factors of these variables for so many leads: (lead, variable).

        Raises
        ------
        UserError
            If there are not as many.
        """
        missing = [name for name in variables if name not in self.variables]
        if missing or leads > len(self.factors):
            what = f"{missing[0]}" if missing else f"{leads} lead times"
            raise UserError(f"the factors of damped persistence are not of {what}; run the stage damping again")
        return self.factors[:leads, [self.variables.index(name) for name in variables]]


def lagged_sums(departures: npt.NDArray[np.float64], leads: int, *, starts: int) -> Sums:
    """Sums over points and pairs of steps: of the products `a(t) a(t + lead)` and of `a(t)**2`.

    Pairs with a NaN count in neither.

    Parameters
    ----------
    departures
        (step, point), consecutive steps.
    starts
        Pairs begin at the first `starts` steps.

    Returns
    -------
    Sums
        Shape (leads, 3): products, squares, number of pairs.
    """
    valid = ~np.isnan(departures)
    whole = bool(valid.all())
    known = departures if whole else np.where(valid, departures, 0.0)
    squares, numbers = np.square(known), valid.astype(np.float64)
    of_step = squares.sum(axis=1)
    found = np.zeros((leads, 3))
    for lead in range(1, leads + 1):
        count = max(0, min(starts, len(known) - lead))
        later = slice(lead, lead + count)
        found[lead - 1, 0] = np.vecdot(known[:count], known[later]).sum()
        if whole:
            found[lead - 1, 1:] = of_step[:count].sum(), count * known.shape[1]
        else:
            found[lead - 1, 1:] = [np.vecdot(one[:count], numbers[later]).sum() for one in (squares, numbers)]
    return found


def fit_damping(
    reader: ShardReader,
    climatology: Climatology,
    train: tuple[Days, ...],
    variables: tuple[str, ...],
    *,
    leads: int,
) -> dict[str, Any]:
    """The factors of least squares over the training split, in the form of `damping.json`.

    For each variable and lead the factor `sum a(t) a(t + lead) / sum a(t)**2`, over all points and all pairs of hours
    between which no hour of the training split is missing; `a` is the departure from the climatology. It is the
    lagged correlation where the variance does not change with time. A few steps are in memory at a time.

    Raises
    ------
    UserError
        If some lead has no pair.
    """
    layout = reader.layout
    columns = [layout.variables.index(name) for name in variables]
    means = climatology.table(variables)
    sums = np.zeros((len(variables), leads, 3))
    for chunk, starts in _chunks(reader, train, leads):
        rows = calendar_rows(np.array([chunk.start]), len(chunk), layout)[0]
        for place, column in enumerate(columns):
            fields = reader.windows(np.array([chunk.start]), len(chunk), columns=[column])[0, :, 0]
            departures = np.subtract(fields, means[rows, place], dtype=np.float64)
            sums[place] += lagged_sums(departures.reshape(len(chunk), -1), leads, starts=starts)
    if not (lacking := sums[..., 2] > 0).all():
        place, lead = np.argwhere(~lacking)[0].tolist()
        raise UserError(
            f"the training split has no two fields of {variables[place]} that are {(lead + 1) * layout.step_hours} h "
            "apart with all hours between; lengthen splits.train or take damped_persistence out of "
            "verification.baselines"
        )
    products, squares, pairs = np.moveaxis(sums, -1, 0)
    factors = np.divide(products, squares, out=np.zeros_like(products), where=squares > 0)
    return {
        "split_hash": split_hash(train),
        "lead_hours": [layout.step_hours * lead for lead in range(1, leads + 1)],
        "variables": {
            name: {"factors": factors[place].tolist(), "pairs": pairs[place].astype(int).tolist()}
            for place, name in enumerate(variables)
        },
    }


def _chunks(reader: ShardReader, train: tuple[Days, ...], leads: int) -> Iterator[tuple[range, int]]:
    """Runs of steps that exist, cut into pieces; pairs begin at the first so many steps of a piece."""
    layout = reader.layout
    size = max(leads, _CHUNK_VALUES // (layout.ny * layout.nx))
    for steps in step_ranges(train, layout.origin, step_hours=layout.step_hours):
        for first, end in runs(reader.available(steps)):
            for start in range(steps.start + first, steps.start + end, size):
                stop = min(start + size, steps.start + end)
                yield range(start, min(stop + leads, steps.start + end)), stop - start


def read_damping(path: Path, train: tuple[Days, ...], layout: Layout) -> Damping:
    """Read `damping.json`.

    Raises
    ------
    UserError
        If it is not there, is damaged, or is of another split or step.
    """
    content = read_json(path)
    try:
        if content["split_hash"] != split_hash(train):
            raise UserError(f"{path} is of another training split; run the stage damping again")
        hours = [layout.step_hours * lead for lead in range(1, len(content["lead_hours"]) + 1)]
        if content["lead_hours"] != hours:
            raise UserError(f"{path} is of another time step; run the stage damping again")
        factors = np.array([one["factors"] for one in content["variables"].values()], dtype=np.float64)
        return Damping(tuple(content["variables"]), factors.reshape(-1, len(hours)).T)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise UserError(f"{path} is damaged ({problem!r}); delete it and run the stage damping again") from None
