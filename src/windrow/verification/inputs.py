"""What is verified: all forecasts and the truth, on exactly the same samples and points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from windrow.climatology import calendar_rows, read_climatology
from windrow.errors import UserError
from windrow.extracted import hours_since_1900
from windrow.files import read_json
from windrow.forecasts import Forecasts, ensemble_mean, open_forecasts
from windrow.grid import Grid
from windrow.shards.reader import ShardReader
from windrow.stages import Verify
from windrow.statistics import split_hash
from windrow.verification.baselines import BASELINES, Archive, truth, verifiable
from windrow.verification.damped import Damping, read_damping
from windrow.verification.external import ExternalForecasts, common_samples, open_external
from windrow.verification.metric import interior

Fields = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sources:
    """Where the inputs lie; `damping` is needed for damped persistence alone."""

    forecasts: Path
    shards: Path
    climatology: Path
    statistics: Path
    damping: Path | None = None


@dataclass(frozen=True)
class Samples:
    """Fields of some initial times, shape (init, lead, variable, y, x), without the boundary.

    Attributes
    ----------
    forecasts
        The experiment's (of an ensemble the mean), then the baselines', then the archives'.
    members
        The experiment's ensemble (member, init, lead, variable, y, x); nothing without one.
    climatology
        At the valid times; NaN where there is none.
    """

    init_hours: Numbers
    forecasts: list[Fields]
    members: Fields | None
    truth: Fields
    climatology: Fields


@dataclass(frozen=True)
class Inputs:
    """The open inputs.

    Attributes
    ----------
    steps
        Number of each initial time of the store on the time axis of the shards.
    kept
        Places in the store of the initial times that all forecasts have.
    """

    store: Forecasts
    archive: Archive
    baselines: tuple[str, ...]
    externals: tuple[ExternalForecasts, ...]
    table: Fields
    steps: Numbers
    kept: Numbers

    @property
    def names(self) -> tuple[str, ...]:
        """The forecasts in the order of the file."""
        experiment = str(self.store.group.attrs["experiment"])
        return (experiment, *self.baselines, *(external.name for external in self.externals))

    @property
    def boundary_width(self) -> int:
        """Points on each side on which the forecasts have the truth."""
        return int(self.store.group.attrs.get("boundary_width", 0))  # type: ignore[arg-type]

    @property
    def grid(self) -> Grid:
        """All points, with the boundary."""
        return self.store.grid

    @property
    def units(self) -> tuple[str, ...]:
        """Of each variable."""
        return tuple(str(self.store.attributes(name).get("units", "1")) for name in self.store.variables)

    def absent(self) -> npt.NDArray[np.bool_]:
        """Lead times that a forecast does not have: shape (forecast, lead)."""
        leads = self.store.lead_hours
        known = [np.isin(leads, external.lead_hours(leads)) for external in self.externals]
        ours = len(self.names) - len(known)
        return ~np.stack([*np.ones((ours, len(leads)), dtype=bool), *known])

    def samples(self, places: Numbers, variables: slice, *, step: int) -> Iterator[Samples]:
        """Fields of the initial times at these places in the store, which lie in one chunk of it, `step` at a time."""
        chunk = slice(int(places[0]), int(places[-1]) + 1)
        inner = (..., *interior(self.boundary_width))
        if self.store.member_count > 1:
            members = self.store.members(chunk, variables)[:, places - chunk.start][inner]
            ours = ensemble_mean(members)
        else:
            ours = self.store.fields(chunk, variables)[inner]
            if len(places) < chunk.stop - chunk.start:
                ours = ours[places - chunk.start]
        for start in range(0, len(places), step):
            some = slice(start, start + step)
            its = members[:, some] if self.store.member_count > 1 else None
            yield self._samples(places[some], variables, ours[some], its)

    def _samples(self, places: Numbers, variables: slice, ours: Fields, members: Fields | None) -> Samples:
        inits, hours, leads = self.steps[places], self.store.init_hours[places], self.store.lead_hours
        inner, archive = (..., *interior(self.boundary_width)), self.archive.of(variables)
        others = [
            *(BASELINES[name](archive, inits, len(leads)) for name in self.baselines),
            *(external.fields(hours, leads)[:, :, variables] for external in self.externals),
        ]
        rows = calendar_rows(inits + 1, len(leads), self.archive.reader.layout)
        return Samples(
            init_hours=hours,
            forecasts=[ours, *(field[inner] for field in others)],
            members=members,
            truth=truth(archive, inits, len(leads))[inner],
            climatology=self.table[:, variables][rows][inner],
        )

    def truths(self, variable: int, *, steps_at_once: int) -> Iterator[Fields]:
        """The truth of one variable at all valid times, each once: parts of shape (step, y, x)."""
        valid = np.unique(self.steps[self.kept][:, None] + np.arange(1, len(self.store.lead_hours) + 1))
        inner = (..., *interior(self.boundary_width))
        archive = self.archive.of(slice(variable, variable + 1))
        for start in range(0, len(valid), steps_at_once):
            yield archive.fields(valid[start : start + steps_at_once], 1)[:, 0, 0][inner]

    def chunks(self) -> Iterator[Numbers]:
        """The places that are kept, by the chunks of the store."""
        for _, places in _grouped(self.kept // self.store.chunk_inits, self.kept):
            yield places


def _grouped(keys: Numbers, values: Numbers) -> Iterator[tuple[int, Numbers]]:
    edges = np.flatnonzero(np.diff(keys)) + 1
    for part in np.split(np.arange(len(keys)), edges):
        yield int(keys[part[0]]), values[part]


def open_inputs(settings: Verify, sources: Sources) -> Inputs:
    """Open everything and find the samples that all forecasts have.

    Raises
    ------
    UserError
        If an input is missing or of another training split, or no initial time is left.
    """
    store = open_forecasts(sources.forecasts)
    if store.group.attrs.get("split_hash") != split_hash(settings.train):
        raise UserError(
            f"{sources.forecasts} comes from a model of another training split; run the stage forecast again"
        )
    climatology = read_climatology(sources.climatology, settings.train)
    archive = Archive(
        ShardReader(sources.shards, settings.layout), climatology, store.variables, _damping(settings, sources)
    )
    steps = (store.init_hours - hours_since_1900(settings.layout.origin)) // settings.layout.step_hours
    kept = verifiable(archive, steps, settings.baselines)
    if not kept.any():
        raise UserError(
            "no initial time has the whole day before it, which the baseline day_before needs; "
            "lengthen the split or take day_before out of verification.baselines"
        )
    grid = store.grid
    units = {name: str(store.attributes(name).get("units", "1")) for name in store.variables}
    externals = [
        open_external(name, external, grid=grid, variables=store.variables, units=units)
        for name, external in settings.external.items()
    ]
    kept &= common_samples(externals, store.init_hours, store.lead_hours)
    if not kept.any():
        raise UserError(
            "no initial time is in the archives of verification.external and has the day before it; "
            "lengthen the split or take one of them out"
        )
    return Inputs(
        store=store,
        archive=archive,
        baselines=settings.baselines,
        externals=tuple(externals),
        table=climatology.table(store.variables),
        steps=steps,
        kept=np.flatnonzero(kept),
    )


def _damping(settings: Verify, sources: Sources) -> Damping | None:
    if "damped_persistence" not in settings.baselines:
        return None
    if sources.damping is None:
        raise UserError("damped_persistence needs --damping; run the stage damping first and name its file")
    return read_damping(sources.damping, settings.train, settings.layout)


def data_ranges(settings: Verify, sources: Sources, variables: tuple[str, ...]) -> dict[str, float]:
    """Range of values of each variable for SSIM and PSNR: as set, or that of the training split.

    Raises
    ------
    UserError
        If the statistics are of another training split or lack a variable.
    """
    content = read_json(sources.statistics)
    if content.get("split_hash") != split_hash(settings.train):
        raise UserError(f"{sources.statistics} is of another training split; run the stage statistics again")
    found = {}
    for name in variables:
        if name not in settings.data_range and name not in content["variables"]:
            raise UserError(f"{sources.statistics} has no {name}; run the stage statistics again")
        found[name] = settings.data_range.get(name) or (
            content["variables"][name]["max"] - content["variables"][name]["min"]
        )
    return found
