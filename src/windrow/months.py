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


def month_inputs(source: Source, year: int, month: int) -> tuple[list[str], str]:
    """What of the archive a month is made of, and the pattern that finds it below the root.

    That is the month's directory if `source.files` has one per month, else its files. A directory stands for its
    files since an hourly archive has a thousand a month; it is newer when a file is added, removed or renamed.
    """
    directory, _, _ = source.files.rpartition("/")
    filled = {"year": f"{year:04d}", "month": f"{month:02d}", "day": "[0-9][0-9]", "hour": "[0-9][0-9]"}
    whole = "{month}" in directory and "{day}" not in directory
    wanted = (directory if whole else source.files).format(**filled)
    return sorted(glob.glob(os.path.join(source.root, wanted))), wanted
