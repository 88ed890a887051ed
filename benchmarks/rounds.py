"""Run the contenders of a row in turn, so that a machine that slows down slows all of them down."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from measuring import FailedError, Measured, run
from rows import Contender, Row
from tables import digits, duration, markdown, megabytes, middle, spread, times_faster, verdict

HEADER = ("", "median", "shortest – longest", "processor time", "peak memory", "the first is", "to reach")


@dataclass
class Outcome:
    """What was measured of a contender: times and peak memory of every run, or why it has none.

    The processor time of a loop is not known: that of its process has the imports too.
    """

    contender: Contender
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)
    setups: list[float] = field(default_factory=list)
    problem: str = ""

    def forget(self) -> None:
        """Drop what was measured so far."""
        for figures in (self.seconds, self.cpu_seconds, self.peaks, self.setups):
            figures.clear()


def compete(row: Row, work: Path, *, runs: int, at_once: int, warm_up: bool = True) -> list[Outcome]:
    """Run every contender `runs` times, one after the other in each round; check the results of the first round.

    With `warm_up` a first round is not counted: a virtual machine that touches its memory for the first time, cold
    files and modules that are not compiled yet are not what is compared.
    """
    outcomes = [Outcome(contender, problem=contender.unavailable) for contender in row.contenders]
    for number in range(1 - warm_up, runs + 1):
        for place, outcome in enumerate(outcomes):
            if outcome.problem:
                continue
            try:
                _once(
                    outcome, work / "logs" / f"{row.key}-{place}", at_once=at_once, is_first=number == 1 - warm_up
                )
            except FailedError as problem:
                outcome.problem = str(problem)
                tell(f"{row.key}: {outcome.contender.name} FAILED: {problem}")
            else:
                tell(f"{row.key} {number}/{runs}: {outcome.contender.name}: {duration(outcome.seconds[-1])}")
        if not number:
            for outcome in outcomes:
                outcome.forget()
    return outcomes


def _once(outcome: Outcome, log: Path, *, at_once: int, is_first: bool) -> None:
    contender = outcome.contender
    clear(contender.results)
    os.sync()  # what the one before has written is not this one's work
    measured = run(contender.stages, log, at_once=at_once)
    if is_first:
        for number, command in enumerate(contender.checks):
            run([[command]], log.with_name(f"{log.name}-check{number}"))
    if contender.is_loop:
        told = _printed(measured)
        outcome.seconds.append(told["seconds"])
        outcome.setups.append(told["opened_at"] - measured.begun)
        outcome.peaks.append(int(told["own_bytes"]))
    else:
        outcome.seconds.append(measured.seconds)
        outcome.cpu_seconds.append(measured.cpu_seconds)
        outcome.peaks.append(measured.peak_bytes)


def _printed(measured: Measured) -> dict[str, float]:
    """The line of JSON that a timed loop prints."""
    lines = [line for line in measured.output.splitlines() if line.startswith("{")]
    if not lines:
        raise FailedError("it printed no times")
    found: dict[str, float] = json.loads(lines[-1])
    return found


def clear(paths: Sequence[Path]) -> None:
    """Remove results and make their directories."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)


def tell(line: str) -> None:
    """Progress goes to standard error, the tables to standard output."""
    print(line, file=sys.stderr, flush=True)


def as_table(row: Row, outcomes: list[Outcome]) -> str:
    """The row as a table of its contenders."""
    ours = outcomes[0].seconds
    return f"**{row.title}**\n\n" + markdown(HEADER, [_line(outcome, ours) for outcome in outcomes])


def _line(outcome: Outcome, ours: list[float]) -> list[str]:
    contender = outcome.contender
    if outcome.problem:
        why = outcome.problem.splitlines()[-1][:120].replace("|", "/")
        return [f"{contender.name} ({why})", *[""] * (len(HEADER) - 1)]
    processor = middle(outcome.cpu_seconds) if outcome.cpu_seconds else ""
    figures = [middle(outcome.seconds), spread(outcome.seconds), processor, megabytes(outcome.peaks)]
    if not ours or outcome.seconds is ours:
        return [contender.name, *figures, "", ""]
    ratio = times_faster(ours, outcome.seconds)
    return [contender.name, *figures, f"{digits(ratio)} × as fast", verdict(ratio, contender.target)]


def setups(outcomes: list[Outcome]) -> str:
    """How long the readers of windows take to open a store."""
    told = [f"{one.contender.name} {middle(one.setups)}" for one in outcomes if one.setups]
    return (
        f"To import and open, not in the times: {'; '.join(told)}. Memory here is the processes' own (`RssAnon`), "
        "without the pages of files that are mapped, which the kernel takes back when it needs them."
        if told
        else ""
    )


def in_directory(work: Path | None, measure: Callable[[Path], int]) -> int:
    """Measure in the given directory, which is kept, or in a temporary one, which is removed."""
    if work:
        return measure(work.resolve())
    with tempfile.TemporaryDirectory(prefix="windrow-benchmark-") as temporary:
        return measure(Path(temporary))
