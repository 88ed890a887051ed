"""What Snakemake would submit: its jobs, the groups and arrays they go in, and what these ask for."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from windrow.errors import UserError

TIMEOUT_S = 600
TOLD_LINES = 4


@dataclass(frozen=True)
class Job:
    """A job of a rule, and the numbers of the jobs that it waits for."""

    rule: str
    wildcards: dict[str, str]
    threads: int
    resources: dict[str, int | str]
    after: tuple[int, ...]

    @property
    def minutes(self) -> int:
        """Time that it asks for."""
        return whole(self.resources, "runtime")


@dataclass(frozen=True)
class Submission:
    """A job, or a group of jobs, that runs in one allocation; `here` if it runs beside Snakemake itself.

    Of an array of jobs each is a submission, with the number of its array, counted from 1; 0: none.
    """

    jobs: tuple[int, ...]
    group: str
    here: bool
    threads: int
    resources: dict[str, int | str]
    array: int = 0


@dataclass(frozen=True)
class Submissions:
    """All that would run, in an order in which it could."""

    executor: str
    cores: int
    at_once: int
    jobs: tuple[Job, ...]
    parts: tuple[Submission, ...]


def whole(resources: dict[str, int | str], name: str, default: int = 0) -> int:
    """A resource as a number; what is not known before the job is ready counts as the default."""
    value = resources.get(name, default)
    return value if isinstance(value, int) else default


def ask_snakemake(arguments: Sequence[str]) -> Submissions:
    """What Snakemake would submit with these arguments, from a dry-run of its own.

    Raises
    ------
    UserError
        If Snakemake refuses; with its reason.
    """
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory, "plan.json")
        command = [sys.executable, "-W", "ignore", "-m", "windrow.work.dryrun", str(output), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=_environment()
        )
        if done.returncode or not output.exists():
            raise UserError(f"Snakemake refuses to plan this: {_reason(done)}")
        return read_submissions(json.loads(output.read_text(encoding="utf-8")))


def _environment() -> dict[str, str]:
    return os.environ | {"NO_COLOR": "1", "TERM": "dumb"}


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """What Snakemake said at its end: the last error with what follows it, or the last line."""
    lines = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip(" ^~")]
    lines = [line for line in lines if not line.startswith("Using ")]
    errors = [
        place for place, line in enumerate(lines) if re.match(r"[\w.]*(Error|Exception)\b|\S+: error: ", line)
    ]
    told = lines[errors[-1] :][:TOLD_LINES] if errors else lines[-1:]
    said = "; ".join(told).replace(":; ", ": ")
    return re.sub(r"^\S+\.py: error: ", "", said) or "it does not say why"


def read_submissions(found: dict[str, Any]) -> Submissions:
    """The plan that `windrow.work.dryrun` wrote."""
    numbered = [(part, job) for part in found["submissions"] for job in part["jobs"]]
    makers = {path: number for number, (_, job) in enumerate(numbered) for path in job["output"]}
    jobs = tuple(
        Job(
            job["rule"],
            job["wildcards"],
            job["threads"],
            job["resources"],
            tuple(sorted({makers[path] for path in job["input"] if path in makers})),
        )
        for _, job in numbered
    )
    numbers = iter(range(len(jobs)))
    arrays = _arrays(found)
    parts = tuple(
        Submission(
            tuple(next(numbers) for _ in part["jobs"]),
            part["group"],
            part["here"],
            part["threads"],
            part["resources"],
            arrays.get(place, 0),
        )
        for place, part in enumerate(found["submissions"])
    )
    return Submissions(
        found["executor"] or "local", int(found["cores"] or 1), int(found["at_once"] or 0), jobs, parts
    )


def _arrays(found: dict[str, Any]) -> dict[int, int]:
    """The number of the array of each submission that goes in one, as the plug-in for SLURM gathers them.

    It waits until all jobs of a rule are ready and submits them together, as many as the limit allows; single jobs and
    groups go alone.
    """
    chosen = set(re.split(r"[,\s]+", str(found["arrays"]))) - {""}
    limit = int(found["array_limit"]) or 1000
    by_rule: dict[str, list[int]] = {}
    for place, part in enumerate(found["submissions"]):
        rule = part["jobs"][0]["rule"]
        if not part["group"] and not part["here"] and ("all" in chosen or rule in chosen):
            by_rule.setdefault(rule, []).append(place)
    arrays: dict[int, int] = {}
    number = 0
    for places in by_rule.values():
        for first in range(0, len(places), limit):
            chunk = places[first : first + limit]
            if len(chunk) > 1:
                number += 1
                arrays |= dict.fromkeys(chunk, number)
    return arrays
