"""Markdown: tables of what was measured, and their place between two markers of a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import floor, log10
from statistics import median

MEGABYTE = 1e6


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column is text, the others are aligned to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def duration(seconds: float) -> str:
    """A time with three digits and its unit."""
    for least, size, unit in (
        (48 * 3600, 86400, "d"),
        (7200, 3600, "h"),
        (120, 60, "min"),
        (1, 1, "s"),
        (1e-3, 1e-3, "ms"),
    ):
        if seconds >= least:
            return f"{digits(seconds / size)} {unit}"
    return f"{digits(seconds * 1e6)} µs"


def digits(value: float) -> str:
    """Three significant digits, never as a power of ten."""
    if value == 0:
        return "0"
    return f"{value:.{max(0, 2 - floor(log10(abs(value))))}f}"


def size(count: float) -> str:
    """Bytes in decimal units."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{digits(count / unit)} {name}"
    return f"{count:.0f} B"


def middle(values: Sequence[float]) -> str:
    """The median time."""
    return duration(median(values))


def spread(values: Sequence[float]) -> str:
    """The shortest and the longest time."""
    return f"{duration(min(values))} – {duration(max(values))}"


def megabytes(peaks: Sequence[int]) -> str:
    """The largest of some memory peaks."""
    return f"{max(peaks) / MEGABYTE:.0f} MB"


def peaks_told(peaks: dict[str, Sequence[int]], most_gb: float) -> str:
    """The largest memory peak of each task, and whether all are small enough."""
    largest = {name: max(some) / 1e9 for name, some in peaks.items() if some}
    told = ", ".join(f"{peak:.2f} GB for {name}" for name, peak in largest.items())
    return f"{told}; {at_most(max(largest.values(), default=0.0), most_gb, ' GB')}"


def times_faster(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How many times faster ours is: the ratio of the medians."""
    return median(theirs) / median(ours)


def verdict(ratio: float, target: float | None) -> str:
    """Whether a target is reached; nothing if there is none."""
    if target is None:
        return ""
    return f"{target:g} ×, {'reached' if ratio >= target else '**missed**'}"


def at_most(value: float, target: float, unit: str = " ×") -> str:
    """Whether a figure that should be small is small enough."""
    return f"≤ {target:g}{unit}, {'reached' if value <= target else '**missed**'}"


def at_least(value: float, target: float, unit: str = " ×") -> str:
    """Whether a figure that should be large is large enough."""
    return f"≥ {target:g}{unit}, {'reached' if value >= target else '**missed**'}"


def put_between(text: str, name: str, content: str) -> str:
    """The text with `content` between `<!-- begin: NAME -->` and `<!-- end: NAME -->`.

    Raises
    ------
    ValueError
        If the markers do not stand there once, in this order.
    """
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"the text has no place for {name}: it needs the line {begin} and, behind it, {end}")
    pattern = re.compile(f"({re.escape(begin)}).*?({re.escape(end)})", flags=re.DOTALL)
    return pattern.sub(lambda found: f"{found[1]}\n{content.strip()}\n{found[2]}", text)
