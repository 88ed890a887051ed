"""How far a long piece of work is: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

WIDTH = 30
Result = TypeVar("Result")


def bar(done: int, whole: int, seconds_left: float, note: str = "") -> str:
    """Such as `[######------] 50 %, epoch 3, 0:12:30 left`."""
    filled = WIDTH * done // whole
    left = round(seconds_left)
    told = [f"{100 * done // whole} %", note, f"{left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left"]
    return f"[{'#' * filled}{'-' * (WIDTH - filled)}] {', '.join(filter(None, told))}"


def telling(
    results: Iterable[Result],
    whole: int,
    *,
    note: str = "",
    seconds: float = 10.0,
    stream: TextIO | None = None,
) -> Iterator[Result]:
    """The results as they come, and how many of the `whole` there are.

    Parameters
    ----------
    seconds
        Between two lines where the stream is no terminal; work that takes less says nothing.
    stream
        Standard error if none is given.
    """
    stream = sys.stderr if stream is None else stream
    live = stream.isatty()
    begun = told = time.monotonic()
    try:
        for done, result in enumerate(results, start=1):
            yield result
            now = time.monotonic()
            if live or now - told >= seconds:
                told = now
                line = bar(done, whole, (whole - done) * (now - begun) / done, note)
                print(f"\r{line}" if live else line, end="" if live else "\n", file=stream, flush=True)
    finally:
        if live:
            print(file=stream)
