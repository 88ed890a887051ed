"""What each job took: Snakemake's benchmark files as a table."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from windrow.report.history import duration
from windrow.report.text import number, quantity

NOT_SAID = {"", "-", "NA"}


@dataclass(frozen=True)
class Rule:
    """The jobs of a rule: how many, their wall time together and the largest peak memory."""

    name: str
    jobs: int
    seconds: float
    cpu_seconds: float
    memory_mb: float


def read_benchmarks(directory: Path, *, experiment: str, split: str) -> list[Rule]:
    """The rules that led to a report, in order of their first letters; nothing where there is no such directory.

    Of a rule that has a job for each experiment only that of this one counts: its file is named after both.
    """
    found: dict[str, list[dict[str, float]]] = {}
    for path in sorted(directory.rglob("*.tsv")):
        rule, job = _rule_and_job(path.relative_to(directory))
        if _concerns(rule, job, experiment, split):
            found.setdefault(rule, []).extend(_jobs(path))
    return [
        Rule(
            name,
            len(jobs),
            sum(job["s"] for job in jobs),
            sum(job["cpu_time"] for job in jobs),
            max(job["max_rss"] for job in jobs),
        )
        for name, jobs in found.items()
        if jobs
    ]


def _rule_and_job(path: Path) -> tuple[str, str]:
    """`extract/2007-01.tsv` is of the rule extract; `audit.tsv` of audit, which has one job."""
    return (path.parts[0], path.stem) if len(path.parts) > 1 else (path.stem, "")


def _concerns(rule: str, job: str, experiment: str, split: str) -> bool:
    of_experiments = {"train", "export", "forecast", "verify"}
    if rule in {"report", "compare"}:  # the one that is being made has none yet
        return False
    return rule not in of_experiments or job in {experiment, f"{experiment}-{split}"}


def _jobs(path: Path) -> Iterator[dict[str, float]]:
    with path.open(encoding="utf-8", newline="") as stream:
        for line in csv.DictReader(stream, delimiter="\t"):
            yield {name: _number(line.get(name) or "") for name in ("s", "cpu_time", "max_rss")}


def _number(text: str) -> float:
    return 0.0 if text in NOT_SAID else float(text)


def resource_rows(rules: list[Rule]) -> tuple[tuple[str, tuple[tuple[str, float], ...]], ...]:
    """A row per rule: each cell as text and as a number."""
    return tuple(
        (
            rule.name,
            (
                (str(rule.jobs), rule.jobs),
                (duration(rule.seconds) if rule.seconds >= 10 else _seconds(rule.seconds), rule.seconds),
                (_seconds(rule.cpu_seconds), rule.cpu_seconds),
                (quantity(rule.memory_mb, "MB", decimals=0), rule.memory_mb),
            ),
        )
        for rule in rules
    )


def _seconds(value: float) -> str:
    return f"{number(value, decimals=1)}\N{NO-BREAK SPACE}s"
