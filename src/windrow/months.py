"""Months as pairs of year and number: their ends, their days, their files."""

from __future__ import annotations

import datetime as dt
import glob
import hashlib
import os
import stat

from windrow.config import Days, Source
from windrow.errors import UserError


def first_hour(month: tuple[int, int]) -> dt.datetime:
    """The first instant of a month."""
    return dt.datetime(*month, 1)


def end_of_month(month: tuple[int, int]) -> dt.datetime:
    """The first instant after a month."""
    year, number = month
    return dt.datetime(year + number // 12, number % 12 + 1, 1)


def last_day(month: tuple[int, int]) -> dt.date:
    """The last day of a month."""
    return (end_of_month(month) - dt.timedelta(days=1)).date()


def days_of_month(spans: tuple[Days, ...], month: tuple[int, int]) -> tuple[Days, ...]:
    """The parts of the spans that lie in a month."""
    first = first_hour(month).date()
    last = last_day(month)
    return tuple((max(a, first), min(b, last)) for a, b in spans if a <= last and b >= first)


def parse_month(text: str) -> tuple[int, int]:
    """`2007-01` as year and month.

    Raises
    ------
    UserError
        If the text is no month.
    """
    try:
        found = dt.datetime.strptime(text, "%Y-%m")
    except ValueError:
        raise UserError(f"{text!r} is no month; write YYYY-MM") from None
    return found.year, found.month


def filled(pattern: str, year: int, month: int) -> str:
    """A pattern of `source.files` as a glob for a month."""
    return pattern.format(year=f"{year:04d}", month=f"{month:02d}", day="[0-9][0-9]", hour="[0-9][0-9]")


def nothing_for(root: object, year: int, month: int, wanted: str) -> str:
    """The sentence about a month that the archive lacks."""
    return (
        f"the archive {root} has nothing for {year:04d}-{month:02d} (looked for {wanted}); "
        "fetch that month, or take it out of dataset.period"
    )


def archive_files(root: str, pattern: str, year: int, month: int) -> list[str]:
    """Names, below the root, of the files that can hold fields of a month; sorted.

    Raises
    ------
    UserError
        If there is no archive, or nothing of this month in it.
    """
    return list(_states(root, pattern, year, month))


def _states(root: str, pattern: str, year: int, month: int) -> dict[str, os.stat_result]:
    """The same with what the file system says of each; it is asked once a file: archives have hundreds of thousands."""
    if not os.path.isdir(root):
        raise UserError(f"no such archive: {root}")
    wanted = filled(pattern, year, month)
    names = sorted(glob.glob(wanted, root_dir=root, recursive=True, include_hidden=True))
    directory = os.open(root, os.O_RDONLY)
    try:
        states = {name: _state(root, name, directory) for name in names}
    finally:
        os.close(directory)
    found = {name: state for name, state in states.items() if not stat.S_ISDIR(state.st_mode)}
    if not found:
        raise UserError(nothing_for(root, year, month, wanted))
    return found


def _state(root: str, name: str, directory: int) -> os.stat_result:
    try:
        return os.stat(name, dir_fd=directory)
    except OSError:
        raise UserError(f"{os.path.join(root, name)} is a link to nothing; mend it, or delete it") from None


def archive_state(source: Source, year: int, month: int) -> str:
    """A short hash of the names, sizes and times of change of a month's files; the archive's own place is not in it.

    Raises
    ------
    UserError
        If there is no archive, or nothing of this month in it.
    """
    if not os.path.isdir(source.root):
        raise UserError(f"no such archive: {source.root}; {source.remedy or 'mend source.root in the config'}")
    states = _states(source.root, source.files, year, month)
    lines = [f"{name} {state.st_size} {state.st_mtime_ns}\n" for name, state in states.items()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]
