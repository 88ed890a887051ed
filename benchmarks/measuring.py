"""Run whole processes: wall time by the monotonic clock, peak memory as the kernel counts it.

What a child is said to have used at its peak includes the pages of the process that started it, up to its exec. So
the runner imports the standard library alone and leaves all arrays to its children.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

Command = Sequence[str | Path]
LIMIT_S = 1800  # a process that hangs ends the run of one contender and not the benchmark
TOLD = 15  # lines of the log in an error


@dataclass(frozen=True)
class Measured:
    """When it began, wall time to the last end, processor time of all, peak memory of the largest, what was printed."""

    begun: float
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


class FailedError(RuntimeError):
    """A process ended with an error."""


def run(stages: Sequence[Sequence[Command]], log: Path, *, at_once: int = 1) -> Measured:
    """Run stages one after the other, the commands of a stage `at_once`.

    Raises
    ------
    FailedError
        If one ends with an error; the end of what it printed is told.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    logs = [
        [log.with_suffix(f".{stage}.{place}") for place, _ in enumerate(some)] for stage, some in enumerate(stages)
    ]
    begun = time.monotonic()
    used: list[tuple[float, int]] = []
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        for commands, own_logs in zip(stages, logs, strict=True):
            used += pool.map(_child, commands, own_logs)
    seconds = time.monotonic() - begun
    cpu_seconds, peaks = zip(*used, strict=True)
    output = "".join(path.read_text() for some in logs for path in some)
    return Measured(begun, seconds, sum(cpu_seconds), max(peaks), output)


def _child(command: Command, log: Path) -> tuple[float, int]:
    """Processor time (seconds) and peak memory (bytes) of one process and those it waited for."""
    with log.open("w") as stream:
        try:
            process = subprocess.Popen(
                list(map(str, command)), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
            )
        except OSError as problem:
            raise FailedError(f"{command[0]} cannot be started: {problem.strerror}") from None
    timer = Timer(LIMIT_S, process.kill)
    timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        told = "\n".join(log.read_text(errors="replace").splitlines()[-TOLD:])
        raise FailedError(f"`{' '.join(map(str, command[:4]))} …` ended with {process.returncode}:\n{told}")
    return usage.ru_utime + usage.ru_stime, int(usage.ru_maxrss) * 1024
