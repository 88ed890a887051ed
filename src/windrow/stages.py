"""What each stage needs to know of the config, and nothing else.

A stage's settings travel as one canonical JSON: it is the rule's parameter, so that an edit reruns just the
stages that it touches; it is the step's only source of settings; and it is kept in the stage's output.
"""

from __future__ import annotations

import datetime as dt

from windrow.config import AnyDomain, Days, Experiment, External, Region, Report, Sequences, Strict
from windrow.verification_settings import Bootstrap


class Inventory(Strict):
    """Where to look for the messages of a month; not where the archive lies, so that it can be moved."""

    files: str
    step_hours: int


class Extract(Strict):
    """What to cut out of the messages."""

    domain: AnyDomain
    variables: tuple[str, ...]
    step_hours: int
    missing: str
    constant: str


class Statics(Strict):
    """Which fields without time to cut out of the messages."""

    domain: AnyDomain
    statics: tuple[str, ...]


class Audit(Strict):
    """What the months of the dataset must hold."""

    variables: tuple[str, ...]
    step_hours: int
    missing: str
    constant: str


class Statistics(Strict):
    """The training days, all or those of one month, and the variables."""

    train: tuple[Days, ...]
    step_hours: int
    variables: tuple[str, ...]


class Layout(Strict):
    """Where a time lies in the shards: `step = (time - origin) / step_hours`, `block = step // block_steps`."""

    origin: dt.datetime
    step_hours: int
    block_steps: int
    variables: tuple[str, ...]
    ny: int
    nx: int


class ShardsLayout(Strict):
    """The layout and the length of the time axis."""

    layout: Layout
    steps: int


class Shards(Strict):
    """The blocks of a year; each belongs to the year of the first of the dataset's hours in it."""

    layout: Layout
    year: int
    blocks: tuple[int, ...]


class ExportShards(Strict):
    """The days of a split and its windows."""

    layout: Layout
    split: str
    days: tuple[Days, ...]
    sequences: Sequences


class Damping(Strict):
    """The training days, and the variables and lead times that a factor is fitted for."""

    layout: Layout
    train: tuple[Days, ...]
    variables: tuple[str, ...]
    leads: int


class Train(Strict):
    """All that the weights depend on, and the domain, which a forecast from new fields is cropped to."""

    layout: Layout
    domain: AnyDomain
    train: tuple[Days, ...]
    validation: tuple[Days, ...]
    sequences: Sequences
    experiment: Experiment


class Forecast(Strict):
    """The windows to forecast."""

    layout: Layout
    train: tuple[Days, ...]
    days: tuple[Days, ...]
    split: str
    sequences: Sequences
    experiment_name: str
    batch_size: int
    members: int


class Export(Strict):
    """The windows that an exported network is compared on."""

    layout: Layout
    test: tuple[Days, ...]
    sequences: Sequences


class Verify(Strict):
    """What to compare the forecasts with."""

    layout: Layout
    train: tuple[Days, ...]
    baselines: tuple[str, ...]
    external: dict[str, External]
    regions: dict[str, Region]
    thresholds: tuple[float, ...]
    neighbourhoods: tuple[int, ...]
    data_range: dict[str, float]


class ReportPage(Strict):
    """What the report shows and how."""

    dataset: str
    experiment_name: str
    split: str
    report: Report
    bootstrap: Bootstrap
    layout: Layout
    settings: dict[str, object]


class Compare(Strict):
    """The experiments side by side, and the settings of each, by which they differ."""

    dataset: str
    split: str
    bootstrap: Bootstrap
    published: str
    experiments: dict[str, dict[str, object]]
