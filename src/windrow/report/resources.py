"""What the jobs took: the ledger as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from windrow.report.history import duration
from windrow.report.tables import Rows
from windrow.report.text import number, quantity
from windrow.work.ledger import OF_EXPERIMENTS, Entry, Ledger, Total, read_ledger, total, totals_by

COLUMNS = ("jobs", "wall time", "CPU hours", "GPU hours", "peak memory")
RESERVED = "core hours reserved"
SHARED = "for all experiments"
UNFINISHED = ("report", "compare")
"""Rules of which the one that is being made has no measurement yet."""


@dataclass(frozen=True)
class Resources:
    """A table of the rules that led to a report, and one of the experiments of the dataset so far."""

    columns: tuple[str, ...]
    rules: Rows
    experiments: Rows
    note: str = ""


def read_resources(benchmarks: Path, *, experiment: str, split: str, archive: str) -> Resources | None:
    """The tables from the benchmark files of a dataset; None where there are none."""
    return resources_of(read_ledger(benchmarks, archive=archive), experiment=experiment, split=split)


def resources_of(ledger: Ledger, *, experiment: str, split: str) -> Resources | None:
    """The tables of a ledger.

    Of a rule that has a job for each experiment only that of this one counts among the rules.
    """
    entries = [entry for entry in ledger.entries if entry.rule not in UNFINISHED]
    if not entries:
        return None
    reserved = any(entry.core_seconds for entry in entries)
    own = totals_by((entry for entry in entries if _concerns(entry, experiment, split)), lambda entry: entry.rule)
    each = totals_by(sorted(entries, key=lambda entry: entry.experiment), lambda entry: entry.experiment or SHARED)
    return Resources(
        (*COLUMNS, *([RESERVED] if reserved else [])),
        _rows(own, reserved=reserved),
        _rows([*each, total("together", entries)], reserved=reserved),
        ledger.note,
    )


def _concerns(entry: Entry, experiment: str, split: str) -> bool:
    return entry.rule not in OF_EXPERIMENTS or entry.job in {experiment, f"{experiment}-{split}"}


def _rows(totals: Sequence[Total], *, reserved: bool) -> Rows:
    """A row per total: each cell as text and as a number."""
    return tuple(
        (
            one.name,
            (
                (str(one.jobs), one.jobs),
                (_seconds(one.seconds), one.seconds),
                (_hours(one.cpu_seconds), one.cpu_seconds),
                (_hours(one.gpu_seconds), one.gpu_seconds),
                (quantity(one.memory_mb, "MB", decimals=0), one.memory_mb),
                *([(_hours(one.core_seconds), one.core_seconds)] if reserved else []),
            ),
        )
        for one in totals
    )


def _seconds(value: float) -> str:
    return duration(value) if value >= 10 else quantity(value, "s", decimals=1)


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    return number(hours, decimals=0 if hours >= 100 else 1 if hours >= 10 else 3) if seconds else "–"
