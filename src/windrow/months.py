"""Months as pairs of year and number: their ends, their days, their files."""

from __future__ import annotations

import datetime as dt
import glob
import os

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


def month_inputs(source: Source, year: int, month: int) -> tuple[list[str], str]:
    """What of the archive a month is made of, and the pattern that finds it below the root.

    That is the month's directory if `source.files` has one per month, else its files. A directory stands for its
    files since an hourly archive has a thousand a month; it is newer when a file is added, removed or renamed.
    """
    directory, _, _ = source.files.rpartition("/")
    whole = "{month}" in directory and "{day}" not in directory
    wanted = filled(directory if whole else source.files, year, month)
    return sorted(glob.glob(os.path.join(source.root, wanted))), wanted
