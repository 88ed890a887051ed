"""Names of datasets after the convention of AMBS, both ways."""

from __future__ import annotations

import re
from decimal import Decimal

from pydantic import ValidationError

from windrow.config import Dataset, Domain, Period
from windrow.errors import UserError

_PERIOD = r"Y(\d{4})(?:to(\d{4}))?M(\d{2})(?:to(\d{2}))?"
_NAME = re.compile(rf"({_PERIOD}(?:_{_PERIOD})*)-(\d+)_(\d+)-(\d+\.\d+)([NS])(\d+\.\d+)([EW])-(\w+)", re.ASCII)


def dataset_name(dataset: Dataset) -> str:
    """`Y2007to2009M01-40_32-42.00N03.00E-2t_tcc_msl`: period, nx_ny, south-west corner, variables; or its own name."""
    if dataset.name:
        return dataset.name
    domain = dataset.domain
    north_south = "N" if domain.south >= 0 else "S"
    east_west = "E" if domain.west >= 0 else "W"
    corner = f"{_degrees(domain.south)}{north_south}{_degrees(domain.west)}{east_west}"
    period = "_".join(map(_period_name, dataset.period))
    return f"{period}-{domain.nx}_{domain.ny}-{corner}-{'_'.join(dataset.variables)}"


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
    nx, ny, south, north_south, west, east_west, variables = found.groups()[-7:]
    return Dataset(
        period=tuple(map(_parse_period, re.finditer(_PERIOD, found[1]))),
        domain=Domain(
            south=float(south) * (1 if north_south == "N" else -1),
            west=float(west) * (1 if east_west == "E" else -1),
            nx=int(nx),
            ny=int(ny),
        ),
        variables=tuple(variables.split("_")),
    )


def _parse_period(found: re.Match[str]) -> Period:
    first_year, last_year, first_month, last_month = found.groups()
    return Period(
        years=(int(first_year), int(last_year or first_year)),
        months=(int(first_month), int(last_month or first_month)),
    )
