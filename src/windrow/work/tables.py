"""Numbers and tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Rows as lines: the first columns to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            text.ljust(width) if place < left else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def hours(seconds: float) -> str:
    """Hours with as many decimals as mean something; nothing is a dash."""
    found = seconds / 3600
    if not seconds:
        return "–"
    return (
        f"{found:,.0f}"
        if found >= 100
        else f"{found:.1f}"
        if found >= 1
        else f"{found:.{3 if found >= 0.01 else 4}f}"
    )


def clock(seconds: float) -> str:
    """`9 s`, `12 min`, `3.4 h`, `2.1 d`."""
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} d"


def size(count: float) -> str:
    """Bytes: `350 kB`, `12 MB`, `1.3 TB`; nothing is a dash."""
    if not count:
        return "–"
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if count >= 10 or unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
