"""The settings of the data: the archive, what is taken out of it and which days serve for what."""

from __future__ import annotations

import datetime as dt
import re
import string
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, PlainSerializer, Tag, model_validator

from windrow.strict import NAME, Strict, refuse, repeated

PLACEHOLDERS = ("year", "month", "day", "hour")


def _span(value: Any) -> Any:
    """`2007-2009` or `2007` as a pair of first and last."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    if isinstance(value, str) and (found := re.fullmatch(r"(\d+)(?:\s*-\s*(\d+))?", value.strip())):
        return (int(found[1]), int(found[2] or found[1]))
    if isinstance(value, list | tuple):
        return value
    raise ValueError("expected a number or a range such as 2007-2009")


def _write_span(span: tuple[int, int]) -> str:
    return f"{span[0]}" if span[0] == span[1] else f"{span[0]}-{span[1]}"


Span = Annotated[
    tuple[int, int],
    BeforeValidator(_span, json_schema_input_type=int | str),
    PlainSerializer(_write_span, return_type=str),
]
Days = tuple[dt.date, dt.date]


class Source(Strict):
    """Where the GRIB archive lies and how its files are named."""

    name: str = Field(pattern=NAME, description="Short name of the archive; part of the paths of its inventories.")
    root: str = Field(description="Directory of the archive, absolute or from the working directory.")
    files: str = Field(
        description="Path of the files below `root`: a glob with the placeholders {year} {month} {day} {hour} "
        "(4, 2, 2 and 2 digits). Files of a month are found with its year and month filled in."
    )
    step_hours: int = Field(default=1, ge=1, le=24, description="Time between two fields (h).")
    missing: Literal["error", "mask"] = Field(
        default="error",
        description="What to do about hours that a variable lacks, and fields with points without a value: `error` "
        "stops before anything is computed; `mask` leaves these hours out for all variables, and no window, "
        "difference or score reaches across one.",
    )
    constant: Literal["error", "keep"] = Field(
        default="error",
        description="What to do about fields with one and the same value everywhere: a sign of broken files (`error`), "
        "or right, as for snow in summer (`keep`).",
    )
    remedy: str = Field(
        default="", description="What to do when the archive is not there: a sentence for the error."
    )

    @model_validator(mode="after")
    def _placeholders(self) -> Source:
        problems = _file_pattern_problems(self.files)
        if 24 % self.step_hours:
            problems.append("step_hours must divide 24")
        refuse(problems)
        return self


def _file_pattern_problems(pattern: str) -> list[str]:
    try:
        fields = [parts[1:] for parts in string.Formatter().parse(pattern) if parts[1] is not None]
    except ValueError as problem:
        return [f"files: {problem}; write placeholders as {{year}}, a brace itself as {{{{ or }}}}"]
    problems = []
    if any(specification or conversion for _, specification, conversion in fields):
        problems.append(
            "files: placeholders take no format; write {year}, which has four digits, {month}, {day}, {hour}"
        )
    if unknown := sorted({name or "" for name, *_ in fields} - set(PLACEHOLDERS)):
        problems.append(f"unknown placeholders {unknown}; there are {', '.join(PLACEHOLDERS)}")
    if any(set("{}") & set(characters) for characters in re.findall(r"\[[^]]*]", pattern)):
        problems.append("files: braces within [...] are not read; write the placeholder outside of the brackets")
    if not pattern.strip():
        problems.append("files: empty; name the files below root, such as {year}/{month}/*.grib")
    if pattern.startswith("/") or ".." in pattern.split("/"):
        problems.append("files: must be a path below root; put the directory into source.root")
    if any("**" in part and part != "**" for part in pattern.split("/")):
        problems.append(
            "files: `**` stands for directories and must be a part of the path by itself; write `**/*.grb`"
        )
    return problems


class Period(Strict):
    """Some months of some years."""

    years: Span = Field(description="A year or a range of years, `2007-2009`.")
    months: Span = Field(
        default=(1, 12), description="A month or a range of months of each of these years, `3-5`."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Period:
        problems = []
        if self.years[0] > self.years[1] or self.months[0] > self.months[1]:
            problems.append("a range runs from the first to the last")
        if not all(1 <= month <= 12 for month in self.months):
            problems.append("months run from 1 to 12")
        if not all(1800 <= year <= 2999 for year in self.years):
            problems.append("years run from 1800 to 2999")
        refuse(problems)
        return self


class Domain(Strict):
    """The part of the archive's grid that is kept, by its corner; for grids of rows of latitude and longitude."""

    south: float = Field(ge=-90, le=90, description="Latitude of the south-west corner point (degrees north).")
    west: float = Field(ge=-180, lt=360, description="Longitude of the south-west corner point (degrees east).")
    nx: int = Field(ge=1, description="Number of points from west to east.")
    ny: int = Field(ge=1, description="Number of points from south to north.")


class IndexDomain(Strict):
    """The part of the archive's grid that is kept, by index; for every grid, also projected and rotated ones."""

    first_x: int = Field(
        ge=0, description="Columns of the archive's grid that are left out on its western edge, where x is lowest."
    )
    first_y: int = Field(
        ge=0, description="Rows of the archive's grid that are left out on its southern edge, where y is lowest."
    )
    nx: int = Field(ge=1, description="Number of points along x, eastward.")
    ny: int = Field(ge=1, description="Number of points along y, northward.")


MIXED_DOMAIN = "domain_form"


def _form_of_domain(value: Any) -> str | None:
    """The model that a domain's keys ask for; none if they ask for both."""
    if isinstance(value, Strict):
        return type(value).__name__
    keys = set(value) if isinstance(value, dict) else set()
    by_index, by_corner = keys & {"first_x", "first_y"}, keys & {"south", "west"}
    if by_index and by_corner:
        return None
    return "IndexDomain" if by_index else "Domain"


AnyDomain = Annotated[
    Annotated[Domain, Tag("Domain")] | Annotated[IndexDomain, Tag("IndexDomain")],
    Discriminator(
        _form_of_domain,
        custom_error_type=MIXED_DOMAIN,
        custom_error_message="Give either south and west or first_x and first_y, not some of both",
    ),
]


class Dataset(Strict):
    """What is taken out of the archive: months, domain, variables."""

    name: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9][\w.-]*$|^$",
        description="Directory of the results; empty: `Y2007to2009M01-40_32-42.00N03.00E-2t_tcc`, built from the keys "
        "below as in AMBS. With a name of its own a dataset keeps its months and blocks when its period grows.",
    )
    period: tuple[Period, ...] = Field(min_length=1, description="The months to take.")
    domain: AnyDomain = Field(description="The domain to crop to.")
    variables: tuple[str, ...] = Field(
        min_length=1,
        description="ECMWF short names, with the pressure level behind (hPa): `2t`, `tcc`, `t850`.",
    )
    statics: tuple[str, ...] = Field(
        default=(),
        description="ECMWF short names of fields that are the same at all times, such as `z` and `lsm`; they are "
        "taken from the first message of the dataset's first month that has them.",
    )

    @model_validator(mode="after")
    def _unique(self) -> Dataset:
        problems = [f"a variable is named twice ({one})" for one in repeated("variables", self.variables)]
        problems += [f"a static is named twice ({one})" for one in repeated("statics", self.statics)]
        problems += [
            f"{name!r} is no variable name: letters and digits only"
            for name in (*self.variables, *self.statics)
            if not re.fullmatch(r"[A-Za-z0-9]+", name)
        ]
        months = [month for part in self.period for month in months_of(part)]
        if len(set(months)) < len(months):
            problems.append("the parts of `period` overlap")
        refuse(problems)
        return self


def months_of(period: Period) -> list[tuple[int, int]]:
    """Year and month of each month of the period."""
    return [
        (year, month)
        for year in range(period.years[0], period.years[1] + 1)
        for month in range(period.months[0], period.months[1] + 1)
    ]


class Splits(Strict):
    """Which days train, which tune and which judge."""

    train: tuple[Days, ...] = Field(min_length=1, description="Pairs of first and last day, both included (UTC).")
    validation: tuple[Days, ...] = Field(min_length=1, description="Pairs of days, used to choose the epoch.")
    test: tuple[Days, ...] = Field(min_length=1, description="Pairs of days, used for scores alone.")

    @model_validator(mode="after")
    def _apart(self) -> Splits:
        named = sorted((first, last, split) for split, spans in self for first, last in spans)
        problems = [f"{split}: {first} comes after {last}" for first, last, split in named if first > last]
        problems += [
            f"{one} and {other} overlap on {first}; move one of them"
            for (_, last, one), (first, _, other) in pairwise(named)
            if first <= last
        ]
        refuse(problems)
        return self


def joined(spans: tuple[Days, ...]) -> list[Days]:
    """The same days in as few spans as possible."""
    found: list[Days] = []
    for first, last in sorted(spans):
        if found and found[-1][1] + dt.timedelta(days=1) == first:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found


def by_month(spans: tuple[Days, ...]) -> list[Days]:
    """The same days in spans that end with their month, in order."""
    found: list[Days] = []
    for first, last in sorted(spans):
        while first <= last:
            next_month = (first.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
            end = min(last, next_month - dt.timedelta(days=1))
            found.append((first, end))
            first = end + dt.timedelta(days=1)
    return found


def months_of_year(spans: tuple[Days, ...]) -> set[int]:
    """The months, 1 to 12, that the days lie in."""
    return {
        (first + dt.timedelta(days=day)).month for first, last in spans for day in range((last - first).days + 1)
    }
