"""Forecasts of other models out of archives of netCDF or GRIB files, on the points of the dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from threading import Lock
from typing import Protocol

import numpy as np
import numpy.typing as npt

from windrow.errors import UserError
from windrow.grid import Grid
from windrow.verification_settings import External

Fields = npt.NDArray[np.float32]
Hours = npt.NDArray[np.int64]
LOCK = Lock()  # neither netCDF4 nor eccodes is built for threads


class Index(Protocol):
    """Where the fields of an archive lie."""

    @property
    def leads(self) -> Mapping[int, frozenset[int]]:
        """The lead times (h) at which all variables exist, by initial time (hours since 1900)."""

    def read(self, inits: list[int], leads: list[int]) -> Fields:
        """Fields (init, lead, variable, y, x) on the wanted points; all of them exist."""


@dataclass(frozen=True)
class ExternalForecasts:
    """An archive's forecasts.

    Its lead times are those of the wanted ones that it has from any initial time; an initial time that lacks one of
    them is not used. At the other lead times there is nothing to score.
    """

    name: str
    index: Index
    variables: int
    shape: tuple[int, int]

    def lead_hours(self, wanted: Hours) -> Hours:
        """Which of these lead times the archive has."""
        known = frozenset[int]().union(*self.index.leads.values())
        return wanted[np.isin(wanted, list(known))]

    def covers(self, init_hours: Hours, lead_hours: Hours) -> npt.NDArray[np.bool_]:
        """Which of these initial times (hours since 1900) the archive has, with all of its lead times."""
        needed = set(self.lead_hours(lead_hours).tolist())
        known = self.index.leads
        return np.array(
            [bool(needed) and needed <= known.get(init, frozenset()) for init in init_hours.tolist()], dtype=bool
        )

    def fields(self, init_hours: Hours, lead_hours: Hours) -> Fields:
        """Forecasts (init, lead, variable, y, x) from initial times that it covers; NaN at leads that it lacks."""
        found = np.full((len(init_hours), len(lead_hours), self.variables, *self.shape), np.nan, dtype=np.float32)
        leads = self.lead_hours(lead_hours)
        if len(init_hours):
            with LOCK:
                read = self.index.read(init_hours.tolist(), leads.tolist())
            found[:, np.isin(lead_hours, leads)] = read
        return found


def open_external(
    name: str, settings: External, *, grid: Grid, variables: tuple[str, ...], units: Mapping[str, str]
) -> ExternalForecasts:
    """Find out what an archive has; no field is read.

    Parameters
    ----------
    grid
        The points that are scored; the archive has them and may have more.
    variables, units
        What is scored, and its units.

    Raises
    ------
    UserError
        If no file is there, one cannot be read, a variable is missing, it has other units or lies on other points.
    """
    key = f"verification.external.{name}"
    paths = [Path(path) for path in sorted(glob(settings.files, recursive=True))]
    if not paths:
        raise UserError(f"{key}.files: {settings.files} matches no file; bring the archive, or take {name} out")
    names = {settings.variables.get(variable, variable): units[variable] for variable in variables}
    try:
        index = _index(paths, names, grid)
    except UserError as problem:
        raise UserError(f"{key}: {problem}") from None
    return ExternalForecasts(name, index, len(variables), grid.shape)


def _index(paths: list[Path], names: Mapping[str, str], grid: Grid) -> Index:
    # Each of the readers takes longer to import than small archives to score; most experiments need neither.
    if all(map(_is_grib, paths)):
        from windrow.verification.external_grib import index_grib

        return index_grib(paths, names, grid)
    from windrow.verification.external_netcdf import index_netcdf

    return index_netcdf(paths, names, grid)


def common_samples(
    archives: list[ExternalForecasts], init_hours: Hours, lead_hours: Hours
) -> npt.NDArray[np.bool_]:
    """Which initial times all archives cover; says how many each archive leaves out.

    Raises
    ------
    UserError
        If an archive has none of them.
    """
    kept = np.ones(len(init_hours), dtype=bool)
    for archive in archives:
        its = archive.covers(init_hours, lead_hours)
        if not its.any():
            raise UserError(
                f"verification.external.{archive.name} has none of the {len(its)} initial times with its lead times; "
                f"bring these, or take {archive.name} out"
            )
        if not its.all():
            print(f"{archive.name} lacks {(~its).sum()} of {len(its)} initial times, which are left out for all")
        kept &= its
    if not kept.any():
        raise UserError(
            "the archives of verification.external have no initial time in common; take one of them out"
        )
    return kept


def _is_grib(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"GRIB"
