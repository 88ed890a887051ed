"""SLURM's own account of its jobs: what `sacct` says of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace

from windrow.work.site import count_gpus

FIELDS = ("JobIDRaw", "State", "ElapsedRaw", "TotalCPU", "MaxRSS", "AllocTRES")
TIMEOUT_S = 60
ASKED_AT_ONCE = 500
_SIZES = {"": 1 / 2**20, "K": 1 / 2**10, "M": 1.0, "G": 2.0**10, "T": 2.0**20}


@dataclass(frozen=True)
class Allocation:
    """What SLURM gave to a job, all the times together that it ran under this number."""

    job: str
    runs: int
    state: str
    seconds: float
    cpu_seconds: float
    core_seconds: float
    gpu_seconds: float
    memory_mb: float


@dataclass(frozen=True)
class Accounting:
    """The allocations by the number of the job; and why there are none, in a few words."""

    allocations: dict[str, Allocation]
    note: str = ""


def ask_accounting(jobs: Iterable[str]) -> Accounting:
    """What SLURM knows of these jobs; nothing, and why, where there is no accounting."""
    numbers = sorted(set(jobs), key=int)
    if not numbers:
        return Accounting({})
    if shutil.which("sacct") is None:
        return Accounting({}, "there is no sacct on this machine")
    told = ""
    for first in range(0, len(numbers), ASKED_AT_ONCE):
        command = ["sacct", "--duplicates", "--noheader", "--parsable2", f"--format={','.join(FIELDS)}"]
        command.append(f"--jobs={','.join(numbers[first : first + ASKED_AT_ONCE])}")
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return Accounting({}, "sacct does not answer")
        if done.returncode:
            return Accounting({}, f"sacct fails: {' '.join(done.stderr.split()) or 'it does not say why'}")
        told += done.stdout
    return Accounting(parse_accounting(told))


def parse_accounting(told: str) -> dict[str, Allocation]:
    """The allocations in the lines that `sacct --parsable2` gives for `FIELDS`.

    A line per job, with its steps (`123.batch`, `123.0`) behind it; a job that was put back into the queue has
    several. Time and cores are those of the job, the memory is that of the largest task of any step.
    """
    found: dict[str, Allocation] = {}
    for line in filter(None, map(str.strip, told.splitlines())):
        number, state, elapsed, cpu, memory, tres = line.split("|")
        job, _, step = number.partition(".")
        known = found.get(job, Allocation(job, 0, "", 0, 0, 0, 0, 0))
        known = replace(known, memory_mb=max(known.memory_mb, parse_size(memory)))
        if not step:
            seconds = float(elapsed or 0)
            given = dict(part.partition("=")[::2] for part in tres.split(",") if part)
            known = replace(
                known,
                runs=known.runs + 1,
                state=state.split(" ")[0],  # `CANCELLED by 1000`
                seconds=known.seconds + seconds,
                cpu_seconds=known.cpu_seconds + parse_seconds(cpu),
                core_seconds=known.core_seconds + seconds * int(given.get("cpu", 0)),
                gpu_seconds=known.gpu_seconds + seconds * _gpus(given),
            )
        found[job] = known
    return found


def _gpus(given: dict[str, str]) -> int:
    """GPUs of all kinds; where the kinds are listed too, each counts once."""
    if "gres/gpu" in given:
        return int(given["gres/gpu"])
    return sum(
        count_gpus(f"{name.removeprefix('gres/')}:{number}") for name, number in given.items() if "/gpu:" in name
    )


def parse_seconds(clock: str) -> float:
    """A time as SLURM writes it: `1-02:03:04`, `02:03:04`, `03:04.567`; nothing is 0."""
    if not clock:
        return 0.0
    days, _, rest = clock.rpartition("-")
    seconds = 86400.0 * int(days or 0)
    for place, part in enumerate(reversed(rest.split(":"))):
        seconds += float(part) * 60**place
    return seconds


def parse_size(text: str) -> float:
    """A memory size (MiB) as SLURM writes it: `1234K`, `1.5G`; nothing is 0."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)", text)
    return float(found[1]) * _SIZES[found[2]] if found else 0.0
