"""What each job took: from Snakemake's benchmark files, and from SLURM's accounting where there is one.

The benchmark file of a job says what its last run took, and nothing of runs that failed or of ranks on other nodes.
SLURM's accounting knows of those: the jobs are found there by the number that `windrow` writes into their logs, and
failed attempts by the logs that Snakemake keeps of them. What a group of jobs took together is shared among them by
their wall times.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path

from windrow.errors import UserError
from windrow.files import read_json
from windrow.work.accounting import Accounting, Allocation, ask_accounting
from windrow.work.place import jobs_in, usage_in

NOT_SAID = {"", "-", "NA"}
OF_EXPERIMENTS = ("train", "export", "forecast", "verify", "report")


@dataclass(frozen=True)
class Entry:
    """What one job of a rule took.

    `job` says which: `2007-01` of `extract`. `experiment` is empty where the work serves all experiments. The time
    that cores were reserved is known from SLURM only, else 0; what the model says is filled in by who has the config.
    """

    rule: str
    job: str = ""
    experiment: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    core_seconds: float = 0.0
    gpu_seconds: float = 0.0
    memory_mb: float = 0.0
    read_mb: float = 0.0
    written_mb: float = 0.0
    runs: int = 1
    state: str = ""
    slurm_job: str = ""
    modelled_seconds: float = 0.0
    modelled_cpu_seconds: float = 0.0


@dataclass(frozen=True)
class Ledger:
    """All jobs; `note` says why SLURM's accounting is not in it, where jobs ran on SLURM."""

    entries: tuple[Entry, ...]
    note: str = ""


@dataclass(frozen=True)
class Total:
    """Several entries together; the memory is that of the largest."""

    name: str
    jobs: int
    seconds: float
    cpu_seconds: float
    core_seconds: float
    gpu_seconds: float
    memory_mb: float
    written_mb: float


def read_ledger(
    benchmarks: Path,
    *,
    archive: str = "",
    ask: Callable[[Iterable[str]], Accounting] = ask_accounting,
) -> Ledger:
    """The ledger of the dataset with this directory of benchmark files, with the inventories of an archive.

    All else is looked for where the workflow writes it, such as the logs in `logs` beside `results`.
    """
    results = benchmarks.parent
    root = results.parent.parent
    found = []
    if archive:
        inventories = results.parent / "inventory" / archive / "benchmark" / "inventory"
        found += _measured(inventories, root / "logs" / "inventory" / archive, named=False)
    found += _measured(benchmarks, root / "logs" / results.name, named=True)
    found = [
        _with_attempts(entry, root, archive if entry.rule == "inventory" else results.name) for entry in found
    ]
    accounting = ask(number for entry in found for number in entry.slurm_job.split())
    entries = _with_accounting(found, accounting)
    return Ledger(tuple(_with_gpus(entry, results) for entry in entries if _ran(entry)), accounting.note)


def _measured(benchmarks: Path, logs: Path, *, named: bool) -> list[Entry]:
    """An entry per benchmark file and per log of a job that left none; the directories are `named` by the rules."""
    measured = {path.relative_to(benchmarks).with_suffix(""): path for path in benchmarks.rglob("*.tsv")}
    logged = {path.relative_to(logs).with_suffix(""): path for path in logs.rglob("*.log")}
    entries = []
    for place in sorted(measured.keys() | logged.keys()):
        rule, job = _rule_and_job(place) if named else ("inventory", place.name)
        entry = Entry(rule, job, job.partition("-")[0] if rule in OF_EXPERIMENTS else "", runs=0)
        if place in measured:
            entry = _with_benchmark(entry, measured[place])
        if place in logged:
            text = logged[place].read_text(encoding="utf-8", errors="replace")
            memory, seconds = usage_in(text)
            entry = replace(
                entry,
                slurm_job=" ".join(jobs_in(text)),
                memory_mb=max(entry.memory_mb, memory),
                cpu_seconds=max(entry.cpu_seconds, seconds),
            )
        entries.append(entry)
    return entries


def _with_attempts(entry: Entry, root: Path, dataset: str) -> Entry:
    """With the jobs of SLURM that failed before: their logs in Snakemake's directory are kept and named by number."""
    wildcards = "_".join(filter(None, [dataset, entry.job.replace("-", "_")]))
    kept = root / ".snakemake" / "slurm_logs" / f"rule_{entry.rule}" / wildcards
    numbers = {path.stem for path in kept.glob("*.log") if path.stem.isdigit()} | set(entry.slurm_job.split())
    return replace(entry, slurm_job=" ".join(sorted(numbers, key=int)))


def _rule_and_job(place: Path) -> tuple[str, str]:
    """`extract/2007-01` is of the rule extract; `audit` of audit, which has one job."""
    return (place.parts[0], place.name) if len(place.parts) > 1 else (place.name, "")


def _with_benchmark(entry: Entry, path: Path) -> Entry:
    with path.open(encoding="utf-8", newline="") as stream:
        lines = [
            {name: _number(line.get(name) or "") for name in ("s", "cpu_time", "max_rss", "io_in", "io_out")}
            for line in csv.DictReader(stream, delimiter="\t")
        ]
    return replace(
        entry,
        seconds=sum(line["s"] for line in lines),
        cpu_seconds=sum(line["cpu_time"] for line in lines),
        memory_mb=max((line["max_rss"] for line in lines), default=0.0),
        read_mb=sum(line["io_in"] for line in lines),
        written_mb=sum(line["io_out"] for line in lines),
        runs=len(lines),
    )


def _number(text: str) -> float:
    return 0.0 if text in NOT_SAID else float(text)


def _ran(entry: Entry) -> bool:
    return bool(entry.runs)


def _with_accounting(entries: list[Entry], accounting: Accounting) -> list[Entry]:
    """What SLURM gave to each; the largest of two measurements counts, as each may have missed a part."""
    together: dict[str, list[Entry]] = {}
    for entry in entries:
        for number in entry.slurm_job.split():
            together.setdefault(number, []).append(entry)
    found = []
    for entry in entries:
        numbers = [number for number in entry.slurm_job.split() if number in accounting.allocations]
        shares = [_share(entry, together[number]) for number in numbers]
        alone = all(len(together[number]) == 1 for number in numbers)
        given = [accounting.allocations[number] for number in numbers]
        found.append(_joined(entry, given, shares, alone=alone) if given else entry)
    return found


def _share(entry: Entry, together: list[Entry]) -> float:
    whole = sum(one.seconds for one in together)
    return entry.seconds / whole if whole else 1 / len(together)


def _joined(entry: Entry, given: list[Allocation], shares: list[float], *, alone: bool) -> Entry:
    pairs = list(zip(shares, given, strict=True))
    seconds = sum(share * one.seconds for share, one in pairs)
    return replace(
        entry,
        seconds=max(entry.seconds, seconds),
        cpu_seconds=max(entry.cpu_seconds, sum(share * one.cpu_seconds for share, one in pairs)),
        core_seconds=sum(share * one.core_seconds for share, one in pairs),
        gpu_seconds=sum(share * one.gpu_seconds for share, one in pairs),
        memory_mb=max(entry.memory_mb, *(one.memory_mb for one in given)) if alone else entry.memory_mb,
        runs=max(entry.runs, sum(one.runs for one in given)),
        state=given[-1].state,
    )


def _with_gpus(entry: Entry, results: Path) -> Entry:
    """A training's GPUs from its history, where SLURM does not count them."""
    history = results / entry.experiment / "history.json"
    if entry.rule != "train" or entry.gpu_seconds or not history.exists():
        return entry
    told = read_json(history)
    on_gpu = told.get("device") == "cuda"
    return replace(entry, gpu_seconds=entry.seconds * int(told.get("processes", 1))) if on_gpu else entry


def totals_by(entries: Iterable[Entry], key: Callable[[Entry], str]) -> list[Total]:
    """The entries of equal key together, in the order in which the keys come."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return [total(name, group) for name, group in groups.items()]


def total(name: str, entries: Iterable[Entry]) -> Total:
    """All these entries together."""
    found = list(entries)
    return Total(
        name,
        len(found),
        sum(entry.seconds for entry in found),
        sum(entry.cpu_seconds for entry in found),
        sum(entry.core_seconds for entry in found),
        sum(entry.gpu_seconds for entry in found),
        max((entry.memory_mb for entry in found), default=0.0),
        sum(entry.written_mb for entry in found),
    )


def as_csv(entries: Iterable[Entry]) -> str:
    """A line per job, with a head."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    names = [field.name for field in fields(Entry)]
    writer.writerow(names)
    for entry in entries:
        values = [getattr(entry, name) for name in names]
        writer.writerow([round(value, 3) if isinstance(value, float) else value for value in values])
    return stream.getvalue()


def read_csv(path: Path) -> tuple[Entry, ...]:
    """The entries that `as_csv` wrote.

    Raises
    ------
    UserError
        If the file is not there or is none of these.
    """
    empty = Entry("")
    types = {field.name: type(getattr(empty, field.name)) for field in fields(Entry)}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            if reader.fieldnames != list(types):
                raise ValueError("other columns")
            return tuple(Entry(**{name: kind(line[name]) for name, kind in types.items()}) for line in reader)
    except FileNotFoundError:
        raise UserError(f"{path} is not there; write it with `windrow ledger --csv`") from None
    except (TypeError, ValueError, csv.Error):
        raise UserError(f"{path} is no ledger; write one with `windrow ledger --csv`") from None
