"""How much there is to work on: counts that follow from the config, without a look at any file."""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from dataclasses import dataclass
from functools import lru_cache

from windrow.config import Config, IndexDomain, known_steps
from windrow.dataset import Days, by_month, joined, months_of_year

FLOAT32, FLOAT64 = 4, 8
AMBS_GROUP = 10  # as in `windrow.sequences`
LEVELS_READ = 3  # messages behind a field on a pressure level: the levels around it and the surface pressure
LEAST_MESSAGES = 24  # of an hour in an archive: more than is taken out of it
PAGE = 4096


@dataclass(frozen=True)
class Size:
    """What the dataset is made of.

    Attributes
    ----------
    points
        Of the domain.
    steps_of_day
        Time steps of a day.
    months
        Of the period.
    months_of_year
        Of a year that the training split has days in: those of the climatology.
    forecasts
        Scored side by side: the experiment's, the baselines', the archives'.
    projected
        Whether each point has coordinates of its own.
    """

    variables: int
    pressure_variables: int
    targets: int
    temperatures: int
    ny: int
    nx: int
    steps_of_day: int
    months: int
    months_of_year: int
    known_steps: int
    leads: int
    forecasts: int
    projected: bool

    @property
    def points(self) -> int:
        """Of the domain."""
        return self.ny * self.nx

    @property
    def field_bytes(self) -> int:
        """A variable at a time, in single precision."""
        return FLOAT32 * self.points

    @property
    def step_bytes(self) -> int:
        """All variables at a time."""
        return self.variables * self.field_bytes

    @property
    def window_steps(self) -> int:
        """Time steps that are known and that are forecast."""
        return self.known_steps + self.leads

    @property
    def climatology_bytes(self) -> int:
        """The mean of each month, hour and point of all variables."""
        return self.months_of_year * self.steps_of_day * self.step_bytes

    @property
    def table_bytes(self) -> int:
        """The same for one variable and all twelve months, as it is looked up."""
        return 12 * self.steps_of_day * self.field_bytes

    @property
    def coordinate_bytes(self) -> int:
        """Of the points, in memory."""
        return 2 * FLOAT64 * (self.points if self.projected else self.ny + self.nx)

    @property
    def archived_messages(self) -> int:
        """Of a time step in the archive, at a guess: what it holds is known when it is read."""
        return max(LEAST_MESSAGES, 2 * self.variables)

    @property
    def read_messages(self) -> int:
        """Of a time step that are read for the variables, at most."""
        return self.variables + (LEVELS_READ - 1) * self.pressure_variables


class _Hashed:
    """A config that counts as the same when it is the same object."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def __hash__(self) -> int:
        return id(self.config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashed) and other.config is self.config


@lru_cache(maxsize=8)
def _size(config: _Hashed) -> Size:
    found = config.config
    dataset, verification = found.dataset, found.verification
    targets = next(iter(found.experiments.values())).targets
    return Size(
        variables=len(dataset.variables),
        pressure_variables=sum(map(is_on_pressure, dataset.variables)),
        targets=len(targets),
        temperatures=sum(map(is_temperature, targets)),
        ny=dataset.domain.ny,
        nx=dataset.domain.nx,
        steps_of_day=24 // found.source.step_hours,
        months=len(found.months),
        months_of_year=len(months_of_year(found.splits.train)),
        known_steps=known_steps(found.sequences),
        leads=found.sequences.target_steps,
        forecasts=1 + len(verification.baselines) + len(verification.external),
        projected=isinstance(dataset.domain, IndexDomain),
    )


def size(config: Config) -> Size:
    """The size of a config's dataset; found once for each config."""
    return _size(_Hashed(config))


def is_on_pressure(variable: str) -> bool:
    """Whether the name ends with a pressure, such as `t850`."""
    return re.fullmatch(r"[a-z]+\d{2,4}", variable) is not None


def is_temperature(variable: str) -> bool:
    """Whether it is in kelvins, by its name: the scores have a bin for each."""
    return re.fullmatch(r"t\d+|2t|2d|skt|sst|stl\d|mx2t\w*|mn2t\w*", variable) is not None


def steps_of_month(config: Config, year: str, month: str) -> int:
    """Time steps of a month."""
    return monthrange(int(year), int(month))[1] * size(config).steps_of_day


def steps_of_year(config: Config, year: str) -> int:
    """Time steps of the dataset's months of a year."""
    number = int(year)
    months = {
        month
        for part in config.dataset.period
        if part.years[0] <= number <= part.years[1]
        for month in range(part.months[0], part.months[1] + 1)
    }
    return sum(monthrange(number, month)[1] for month in months) * size(config).steps_of_day


def days_of(spans: tuple[Days, ...]) -> int:
    """How many days the spans have."""
    return sum((last - first).days + 1 for first, last in spans)


def steps_of_split(config: Config, split: str) -> int:
    """Time steps of a split, with what its windows look back on."""
    spans: tuple[Days, ...] = getattr(config.splits, split)
    return days_of(spans) * size(config).steps_of_day + config.sequences.lookback_steps * len(spans)


def months_of_split(config: Config, split: str) -> int:
    """Calendar months that a split has days in."""
    return len(by_month(getattr(config.splits, split)))


def windows_of(config: Config, split: str) -> int:
    """Windows of a split of which no hour is missing."""
    sequences, steps_of_day = config.sequences, size(config).steps_of_day
    length = sequences.input_steps + sequences.target_steps
    spans = joined(getattr(config.splits, split))
    counts = [
        max(0, ((last - first + dt.timedelta(days=1)).days * steps_of_day - length) // sequences.stride + 1)
        for first, last in (by_month(tuple(spans)) if sequences.within_month else spans)
    ]
    if sequences.within_month:
        counts = [count // AMBS_GROUP * AMBS_GROUP for count in counts]
    return sum(counts)
