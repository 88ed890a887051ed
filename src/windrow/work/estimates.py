"""How long jobs will take: as long as in a ledger, scaled by the model of the work; or as the model says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from windrow.config import Config
from windrow.errors import UserError
from windrow.naming import dataset_name
from windrow.work.ledger import Entry, read_csv, read_ledger
from windrow.work.needs import Need, need

BY_MONTH = ("inventory", "extract", "statistics_month")
FINISHED = ("", "COMPLETED")


Wildcards = Mapping[str, str]
MODELLED = ("year", "month", "experiment", "split")
"""Wildcards that the model knows."""


@dataclass(frozen=True)
class Rate:
    """What was measured over what the model says: of the wall time, and of the CPU time."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Estimate:
    """Of one job; `measured` if it follows from a ledger."""

    seconds: float
    cpu_seconds: float
    memory_mb: int
    written: float
    measured: bool


Rates = Mapping[tuple[str, bool], Rate]
"""By rule, and whether on GPUs."""

Estimator = Callable[[str, Wildcards, int, bool | None], Estimate]
"""The estimate of a rule, for wildcards, threads, and whether on GPUs; None: on what this machine has."""


def with_model(entries: Iterable[Entry], config: Config) -> tuple[Entry, ...]:
    """The entries with what the model says of each, by which others can be scaled."""
    found = []
    for entry in entries:
        threads = max(1, round(entry.cpu_seconds / entry.seconds)) if entry.seconds else 1  # that were busy
        modelled = _need(entry.rule, config, wildcards_of(entry), threads=threads, gpu=entry.gpu_seconds > 0)
        if modelled:
            entry = replace(entry, modelled_seconds=modelled.seconds, modelled_cpu_seconds=modelled.cpu_seconds)
        found.append(entry)
    return tuple(found)


def wildcards_of(entry: Entry) -> dict[str, str]:
    """The wildcards of a job, from its name."""
    if entry.rule in BY_MONTH:
        year, _, month = entry.job.partition("-")
        return {"year": year, "month": month}
    if entry.rule == "shards":
        return {"year": entry.job}
    if entry.rule == "compare":
        return {"split": entry.job}
    experiment, _, split = entry.job.partition("-")
    return {name: value for name, value in (("experiment", experiment), ("split", split)) if value}


def _need(rule: str, config: Config, wildcards: Wildcards, *, threads: int, gpu: bool) -> Need | None:
    """What the model says; nothing of what the config has no more, such as an experiment or a year."""
    known = {name: wildcards[name] for name in MODELLED if name in wildcards}
    try:
        return need(rule, config, threads=threads, gpu=gpu, **known)
    except (KeyError, UserError, ValueError):
        return None


def measured_rates(config: Config, results: Path, ledgers: Sequence[Path]) -> Rates:
    """The rates of this dataset's own jobs; where it has none, those of the ledgers, or of all among the results."""
    own = read_ledger(results / dataset_name(config.dataset) / "benchmark", archive=config.source.name)
    paths = ledgers or sorted(results.glob("*/ledger.csv"))
    others = [entry for path in paths for entry in read_csv(path)]
    return {**rates(others), **rates(with_model(own.entries, config))}


def rates(entries: Iterable[Entry]) -> Rates:
    """What the finished jobs of each rule took, with GPUs and without, over what the model says of them."""
    groups: dict[tuple[str, bool], list[Entry]] = {}
    for entry in entries:
        failed_before = " " in entry.slurm_job
        if entry.state in FINISHED and not failed_before and entry.seconds and entry.modelled_seconds:
            groups.setdefault((entry.rule, entry.gpu_seconds > 0), []).append(entry)
    return {
        key: Rate(
            sum(one.seconds for one in group) / sum(one.modelled_seconds for one in group),
            sum(one.cpu_seconds for one in group) / max(sum(one.modelled_cpu_seconds for one in group), 1e-9),
        )
        for key, group in groups.items()
    }


def estimator(config: Config, measured: Rates) -> Estimator:
    """Estimates for a config, by these rates where there are any.

    What was measured without GPUs says nothing of work that asks for them. A machine that is not asked has GPUs if the
    ledger says so.
    """

    def estimate(rule: str, wildcards: Wildcards, threads: int, gpu: bool | None) -> Estimate:
        on_gpu = (rule, True) in measured if gpu is None else gpu
        modelled = _need(rule, config, wildcards, threads=threads, gpu=on_gpu)
        if modelled is None:
            return Estimate(0.0, 0.0, 0, 0.0, measured=False)
        rate = measured.get((rule, on_gpu), Rate(1.0, 1.0))
        return Estimate(
            rate.wall * modelled.seconds,
            rate.cpu * modelled.cpu_seconds,
            modelled.memory_mb,
            modelled.bytes_written,
            measured=(rule, on_gpu) in measured,
        )

    return estimate
