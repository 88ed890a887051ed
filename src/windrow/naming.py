"""Names of datasets after the convention of AMBS, both ways."""

from __future__ import annotations

import re
from decimal import Decimal

from pydantic import ValidationError

from windrow.config import AnyDomain, Dataset, Domain, IndexDomain, Period
from windrow.errors import UserError

_PERIOD = r"Y(\d{4})(?:to(\d{4}))?M(\d{2})(?:to(\d{2}))?"
_CORNER = r"(?P<south>\d+\.\d+)(?P<north_south>[NS])(?P<west>\d+\.\d+)(?P<east_west>[EW])"
_INDEX = r"x(?P<first_x>\d+)y(?P<first_y>\d+)"
_NAME = re.compile(
    rf"(?P<periods>{_PERIOD}(?:_{_PERIOD})*)-(?P<nx>\d+)_(?P<ny>\d+)-(?:{_CORNER}|{_INDEX})-(?P<variables>\w+)",
    re.ASCII,
)


def dataset_name(dataset: Dataset) -> str:
    """The dataset's own name, or period, nx_ny, south-west corner and variables.

    `Y2007to2009M01-40_32-42.00N03.00E-2t_tcc_msl`; the corner of a domain by index reads `x120y34`.
    """
    if dataset.name:
        return dataset.name
    domain = dataset.domain
    period = "_".join(map(_period_name, dataset.period))
    return f"{period}-{domain.nx}_{domain.ny}-{_corner(domain)}-{'_'.join(dataset.variables)}"


def _corner(domain: AnyDomain) -> str:
    if isinstance(domain, IndexDomain):
        return f"x{domain.first_x}y{domain.first_y}"
    north_south = "N" if domain.south >= 0 else "S"
    east_west = "E" if domain.west >= 0 else "W"
    return f"{_degrees(domain.south)}{north_south}{_degrees(domain.west)}{east_west}"


def _degrees(value: float) -> str:
    """Two decimals, or as many as the number has: two domains never share a name."""
    rounded = f"{abs(value):05.2f}"
    if float(rounded) == abs(value):
        return rounded
    whole, _, decimals = f"{Decimal(repr(abs(value))):f}".partition(".")
    return f"{whole:0>2}.{decimals}"


def _period_name(period: Period) -> str:
    years = "to".join(f"{year:04d}" for year in _ends(period.years))
    months = "to".join(f"{month:02d}" for month in _ends(period.months))
    return f"Y{years}M{months}"


def _ends(span: tuple[int, int]) -> tuple[int, ...]:
    return span if span[0] != span[1] else span[:1]


def parse_dataset_name(name: str) -> Dataset:
    """The dataset that a directory's name stands for; the inverse of `dataset_name`.

    Raises
    ------
    UserError
        If the name does not follow the convention.
    """
    found = _NAME.fullmatch(name)
    try:
        if found:
            return _parse(found)
    except ValidationError:
        pass
    raise UserError(f"{name!r} is no dataset name; one reads Y2007to2009M01-40_32-42.00N03.00E-2t_tcc")


def _parse(found: re.Match[str]) -> Dataset:
    return Dataset(
        period=tuple(map(_parse_period, re.finditer(_PERIOD, found["periods"]))),
        domain=_parse_domain(found),
        variables=tuple(found["variables"].split("_")),
    )


def _parse_domain(found: re.Match[str]) -> AnyDomain:
    nx, ny = int(found["nx"]), int(found["ny"])
    if found["first_x"]:
        return IndexDomain(first_x=int(found["first_x"]), first_y=int(found["first_y"]), nx=nx, ny=ny)
    return Domain(
        south=float(found["south"]) * (1 if found["north_south"] == "N" else -1),
        west=float(found["west"]) * (1 if found["east_west"] == "E" else -1),
        nx=nx,
        ny=ny,
    )


def _parse_period(found: re.Match[str]) -> Period:
    first_year, last_year, first_month, last_month = found.groups()
    return Period(
        years=(int(first_year), int(last_year or first_year)),
        months=(int(first_month), int(last_month or first_month)),
    )
