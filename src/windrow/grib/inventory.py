"""What is there: every message of a month with its place, its variable, its time and its grid."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import eccodes

from windrow.errors import UserError
from windrow.grib.grid import describe_grid

_PLAIN_LEVELS = {"surface", "meanSea", "heightAboveGround", "entireAtmosphere"}


class Message(NamedTuple):
    """One GRIB message: where it lies and what it holds."""

    file: str
    offset: int
    length: int
    variable: str
    time: dt.datetime
    grid: str
    packing: str
    units: str
    standard_name: str
    long_name: str


def month_files(root: Path, pattern: str, month: tuple[int, int]) -> list[Path]:
    """The files of the archive that can hold messages of a month, sorted.

    Raises
    ------
    UserError
        If there is no archive, or no file for this month.
    """
    if not root.is_dir():
        raise UserError(f"no such archive: {root}; mend source.root in the config")
    year, number = month
    wanted = pattern.format(year=f"{year:04d}", month=f"{number:02d}", day="[0-9][0-9]", hour="[0-9][0-9]")
    found = sorted(root.glob(wanted))
    if not found:
        raise UserError(
            f"the archive {root} has no files for {year:04d}-{number:02d} (looked for {wanted}); "
            "fetch that month, or take it out of dataset.period"
        )
    return found


def scan(files: list[Path], root: Path, grids: dict[str, dict[str, Any]]) -> Iterator[Message]:
    """Read the headers of all messages; new grids are added to `grids` under the hash of their section.

    Raises
    ------
    UserError
        If a file is truncated or holds something that is no GRIB message; the offset is named.
    """
    for path in files:
        with path.open("rb") as stream:
            yield from _scan_file(stream, path.relative_to(root).as_posix(), path.stat().st_size, grids)


def _scan_file(stream: BinaryIO, name: str, size: int, grids: dict[str, dict[str, Any]]) -> Iterator[Message]:
    end = 0
    while True:
        try:
            handle = eccodes.codes_grib_new_from_file(stream, headers_only=True)
        except eccodes.CodesInternalError as problem:
            raise _damaged(name, end, str(problem)) from None
        if handle is None:
            break
        try:
            message = _describe(handle, name, grids)
        finally:
            eccodes.codes_release(handle)
        _check_padding(stream, name, end, message.offset)
        end = message.offset + message.length
        if end > size:
            raise _damaged(name, message.offset, f"a message of {message.length} bytes in a file of {size}")
        yield message
    _check_padding(stream, name, end, size)


def _check_padding(stream: BinaryIO, name: str, start: int, stop: int) -> None:
    """Between messages there is nothing, or the zeros that MARS pads GRIB 1 with to multiples of 120 bytes."""
    if os.pread(stream.fileno(), stop - start, start).strip(b"\0"):  # eccodes goes on where it stopped
        raise _damaged(name, start, f"{stop - start} bytes that are no GRIB message")


def _damaged(name: str, offset: int, what: str) -> UserError:
    return UserError(f"{name} is truncated or damaged at byte {offset}: {what}; fetch this file again")


def _describe(handle: int, name: str, grids: dict[str, dict[str, Any]]) -> Message:
    get = eccodes.codes_get
    grid = get(handle, "md5GridSection")
    if grid not in grids:
        grids[grid] = describe_grid(handle)
    date, time = get(handle, "validityDate", int), get(handle, "validityTime", int)
    return Message(
        file=name,
        offset=int(get(handle, "offset")),
        length=get(handle, "totalLength", int),
        variable=variable_name(get(handle, "shortName"), get(handle, "typeOfLevel"), get(handle, "level", int)),
        time=dt.datetime(date // 10000, date // 100 % 100, date % 100, time // 100, time % 100),
        grid=grid,
        packing=get(handle, "packingType"),
        units=get(handle, "units"),
        standard_name=get(handle, "cfName"),
        long_name=get(handle, "name"),
    )


def variable_name(short_name: str, type_of_level: str, level: int) -> str:
    """The name of a field in config and files: `2t`, `t850` (hPa), `t_hybrid137`."""
    if type_of_level in _PLAIN_LEVELS:
        return short_name
    if type_of_level == "isobaricInhPa":
        return f"{short_name}{level}"
    return f"{short_name}_{type_of_level}{level}"


def summarise(messages: list[Message], times: list[dt.datetime]) -> dict[str, dict[str, Any]]:
    """For each variable: units, names, and the expected times that are missing or doubled."""
    counts = Counter((message.variable, message.time) for message in messages)
    first = {message.variable: message for message in reversed(messages)}
    return {
        name: {
            "units": first[name].units,
            "standard_name": first[name].standard_name,
            "long_name": first[name].long_name,
            "missing": [time.isoformat() for time in times if not counts[name, time]],
            "doubled": [time.isoformat() for time in times if counts[name, time] > 1],
        }
        for name in sorted(first)
    }


def expected_times(first: dt.datetime, end: dt.datetime, *, step_hours: int) -> list[dt.datetime]:
    """The times that a complete archive has in [first, end)."""
    step = dt.timedelta(hours=step_hours)
    return [first + index * step for index in range((end - first) // step)]


def as_columns(
    messages: list[Message], times: list[dt.datetime], grids: dict[str, dict[str, Any]], *, month: str
) -> dict[str, Any]:
    """The inventory of a month as it is stored: tables of names and, per message, columns of numbers."""
    tables = {key: sorted({getattr(message, key) for message in messages}) for key in _TABLES}
    index = {key: {value: place for place, value in enumerate(values)} for key, values in tables.items()}
    columns: dict[str, list[int]] = {
        key: [index[key][getattr(message, key)] for message in messages] for key in _TABLES
    }
    first = times[0]
    columns["hour"] = [(message.time - first) // dt.timedelta(hours=1) for message in messages]
    columns["offset"] = [message.offset for message in messages]
    columns["length"] = [message.length for message in messages]
    return {
        "month": month,
        "first": first.isoformat(),
        "expected": len(times),
        "variables": summarise(messages, times),
        "grids": grids,
        "tables": tables,
        "messages": columns,
    }


_TABLES = ("file", "variable", "grid", "packing")


def places_of(inventory: dict[str, Any], variable: str) -> dict[int, tuple[str, int, int]]:
    """File, offset and length of a variable's message by the hour of the month.

    Raises
    ------
    UserError
        If the variable is not there, or an expected hour of it is missing or doubled.
    """
    known = inventory["variables"]
    month = inventory["month"]
    if variable not in known:
        raise UserError(f"{month}: the archive has no {variable}; it has {', '.join(known)}")
    for fault, remedy in (("missing", "fetch"), ("doubled", "delete one of")):
        if times := known[variable][fault]:
            raise UserError(
                f"{month}: {variable} is {fault} at {', '.join(times[:5])}"
                f"{f' and {len(times) - 5} more times' if len(times) > 5 else ''}; {remedy} the messages, "
                "then run the inventory again"
            )
    tables, columns = inventory["tables"], inventory["messages"]
    wanted = tables["variable"].index(variable)
    return {
        columns["hour"][place]: (
            tables["file"][columns["file"][place]],
            columns["offset"][place],
            columns["length"][place],
        )
        for place, found in enumerate(columns["variable"])
        if found == wanted
    }


def grid_of(inventory: dict[str, Any], variables: tuple[str, ...]) -> dict[str, Any]:
    """The one grid that all these variables have in this month.

    Raises
    ------
    UserError
        If they lie on different grids.
    """
    names = inventory["tables"]["variable"]
    columns = inventory["messages"]
    wanted = {names.index(variable) for variable in variables}
    found = {grid for grid, name in zip(columns["grid"], columns["variable"], strict=True) if name in wanted}
    if len(found) > 1:
        raise UserError(f"{inventory['month']}: {', '.join(variables)} lie on {len(found)} different grids")
    grid: dict[str, Any] = inventory["grids"][inventory["tables"]["grid"][found.pop()]]
    return grid
