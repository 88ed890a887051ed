"""The sample's archive: GRIB files by the hour, and a marker that says what they are and whether all are there.

The messages use ECMWF's parameter table and have no local section: no class, stream or experiment version.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import eccodes
import numpy as np

from windrow.errors import UserError
from windrow.files import read_json, write_json, written_beside
from windrow.sample.atmosphere import HALF_LEVEL_A_PA, HALF_LEVEL_B, LEVELS, hours_of, simulate
from windrow.sample.ground import NX, NY, SOUTH, STEP_DEGREES, WEST, Floats

VERSION = 3
MARKER = "sample.json"
SURFACE = {"2t": 167, "tcc": 164, "msl": 151, "10u": 165, "10v": 166}
TEMPERATURE = 130
LAND = {"lsm": 172}  # once a month, in the file of its first hour
ON_LEVEL_1 = {"lnsp": 152, "z": 129}  # of the surface, but where ECMWF archives them


def write_sample(
    root: Path,
    *,
    years: Sequence[int] = (2007, 2008, 2009),
    months: Sequence[int] = (1,),
    days: int | None = None,
    seed: int = 1,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Write hourly files `YYYY/MM/YYYYMMDDHH_sf.grb` and `_ml.grb`, unless the same archive is there already.

    Parameters
    ----------
    root
        Directory of the archive. Its file `sample.json` names these parameters, and whether all is written.
    years, months
        Every one of these months of every one of these years.
    days
        Only the first days of each month.
    seed
        Chooses the weather. The same parameters give the same bytes.
    progress
        Is told of every month that is done, as `2007-01`.

    Raises
    ------
    UserError
        If a parameter makes no sense, or `root` holds GRIB files of another origin.
    """
    wanted = _parameters(years=years, months=months, days=days, seed=seed)
    files = archive_files(wanted)
    if _is_complete(root, wanted, files):
        return
    _remove_other(root, files)
    write_json(root / MARKER, {**wanted, "complete": False})
    for year in wanted["years"]:
        for month in wanted["months"]:
            _write_month(root, year, month, days=days, seed=seed)
            if progress is not None:
                progress(f"{year:04d}-{month:02d}")
    write_json(root / MARKER, {**wanted, "complete": True})


def archive_files(parameters: dict[str, Any]) -> list[str]:
    """The files, relative to the root, that an archive of these parameters is made of."""
    return [
        _file(time, kind)
        for year in parameters["years"]
        for month in parameters["months"]
        for time in hours_of(year, month, days=parameters["days"])
        for kind in ("sf", "ml")
    ]


def _parameters(
    *,
    years: Sequence[int],
    months: Sequence[int],
    days: int | None,
    seed: int,
) -> dict[str, Any]:
    """What makes an archive what it is.

    Raises
    ------
    UserError
        If one of them makes no sense.
    """
    if not years or not all(1800 <= year <= 9999 for year in years):
        raise UserError(f"the sample cannot be of the years {list(years)}; name years from 1800 to 9999")
    if not months or not all(1 <= month <= 12 for month in months):
        raise UserError(f"the sample cannot be of the months {list(months)}; name months from 1 to 12")
    if days is not None and days < 1:
        raise UserError(f"the sample cannot be {days} days long; ask for one day or more")
    if seed < 0:
        raise UserError(f"the sample's seed cannot be {seed}; choose 0 or more")
    months, years = sorted(set(months)), sorted(set(years))
    return {"version": VERSION, "years": years, "months": months, "days": days, "seed": seed}


def _is_complete(root: Path, wanted: dict[str, Any], files: list[str]) -> bool:
    if _marker(root) != {**wanted, "complete": True}:
        return False
    return all((root / file).is_file() for file in files)


def _marker(root: Path) -> dict[str, Any] | None:
    """What the archive at `root` says of itself; None if there is no sample.

    Raises
    ------
    UserError
        If there is something else.
    """
    if not (root / MARKER).is_file():
        if next(root.glob("*/*/*_*.grb"), None) is not None:
            raise UserError(f"{root} holds GRIB files that are no sample; choose another directory")
        return None
    marker: dict[str, Any] = read_json(root / MARKER)
    if not {"version", "years", "months", "days", "complete"} <= set(marker):
        raise UserError(f"{root / MARKER} is not from this command; choose another directory")
    return marker


def _remove_other(root: Path, files: list[str]) -> None:
    """Remove the files of an earlier sample that are not among these."""
    earlier = _marker(root)
    if earlier is not None:
        for file in set(archive_files(earlier)) - set(files):
            (root / file).unlink(missing_ok=True)


def _write_month(root: Path, year: int, month: int, *, days: int | None, seed: int) -> None:
    surface = {name: _template(number) for name, number in SURFACE.items()}
    single = {name: _template(number, level=1) for name, number in ON_LEVEL_1.items()}
    levels = {level: _template(TEMPERATURE, level=level) for level in LEVELS}
    land = {name: _template(number, bits=1) for name, number in LAND.items()}
    hours = hours_of(year, month, days=days)
    try:
        for time, fields in zip(hours, simulate(year, month, days=days, seed=seed), strict=True):
            here = surface | land if time == hours[0] else surface
            messages = [_encoded(handle, time, fields[name]) for name, handle in here.items()]
            _write(root / _file(time, "sf"), messages)
            messages = [_encoded(handle, time, fields[name]) for name, handle in single.items()]
            messages += [_encoded(levels[level], time, fields["t"][i]) for i, level in enumerate(LEVELS)]
            _write(root / _file(time, "ml"), messages)
    finally:
        for handle in (*surface.values(), *land.values(), *single.values(), *levels.values()):
            eccodes.codes_release(handle)


def _template(number: int, *, level: int | None = None, bits: int = 16) -> int:
    """A GRIB 1 message without values, of a surface field or of a hybrid level."""
    handle: int = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib1")
    keys = {
        "deleteLocalDefinition": 1,
        "centre": "ecmf",  # whose table 128 the parameters are of
        "table2Version": 128,
        "generatingProcessIdentifier": 255,  # none
        "indicatorOfParameter": number,
        "typeOfLevel": "surface" if level is None else "hybrid",
        "level": level or 0,
        "Ni": NX,
        "Nj": NY,
        "latitudeOfFirstGridPointInDegrees": SOUTH + STEP_DEGREES * (NY - 1),
        "latitudeOfLastGridPointInDegrees": SOUTH,
        "longitudeOfFirstGridPointInDegrees": WEST,
        "longitudeOfLastGridPointInDegrees": WEST + STEP_DEGREES * (NX - 1),
        "iDirectionIncrementInDegrees": STEP_DEGREES,
        "jDirectionIncrementInDegrees": STEP_DEGREES,
        "bitsPerValue": bits,
    }
    for key, value in keys.items():
        eccodes.codes_set(handle, key, value)
    if level is not None:
        eccodes.codes_set(handle, "PVPresent", 1)
        eccodes.codes_set_double_array(handle, "pv", [*HALF_LEVEL_A_PA, *HALF_LEVEL_B])
    return handle


def _encoded(template: int, time: dt.datetime, values: Floats) -> bytes:
    handle = eccodes.codes_clone(template)
    try:
        eccodes.codes_set(handle, "dataDate", time.year * 10000 + time.month * 100 + time.day)
        eccodes.codes_set(handle, "dataTime", time.hour * 100)
        eccodes.codes_set_values(handle, np.ascontiguousarray(values).ravel())
        content: bytes = eccodes.codes_get_message(handle)
    finally:
        eccodes.codes_release(handle)
    return content


def _write(path: Path, messages: list[bytes]) -> None:
    with written_beside(path) as beside:
        beside.write_bytes(b"".join(messages))


def _file(time: dt.datetime, kind: str) -> str:
    return f"{time:%Y/%m/%Y%m%d%H}_{kind}.grb"
