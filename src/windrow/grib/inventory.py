"""What is there: every message of a month with its place, its variable, its time and its grid."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import eccodes

from windrow.errors import UserError
from windrow.grib.framing import DamageError, messages_of
from windrow.grib.grid import describe_grid
from windrow.months import filled, nothing_for

_PLAIN_LEVELS = {"surface", "meanSea", "heightAboveGround", "entireAtmosphere"}
Names = dict[str, tuple[str, str, str]]  # units, standard and long name by short name
_MISSING_UNIT = 255  # eccodes 2.50 computes forever on it


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
    wanted = filled(pattern, *month)
    found = sorted(path for path in root.glob(wanted) if path.is_file())
    if not found:
        raise UserError(nothing_for(root, *month, wanted))
    return found


def scan(files: list[Path], root: Path, grids: dict[str, dict[str, Any]]) -> Iterator[Message]:
    """Read the headers of all messages; new grids are added to `grids` under the hash of their section.

    Raises
    ------
    UserError
        If a file is empty, truncated or holds something that is no GRIB message; the offset is named.
    """
    names: Names = {}
    for path in files:
        name = path.relative_to(root).as_posix()
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if not size:
                raise UserError(f"{name} is empty; fetch this file again")
            yield from _scan_file(stream, name, size, grids, names)


def _scan_file(
    stream: BinaryIO, name: str, size: int, grids: dict[str, dict[str, Any]], names: Names
) -> Iterator[Message]:
    try:
        for offset, length in messages_of(stream.fileno(), size):
            yield _describe(stream, name, offset, length, grids, names)
    except DamageError as problem:
        raise UserError(
            f"{name} is truncated or damaged at byte {problem.offset}: {problem}; fetch this file again"
        ) from None


def _describe(
    stream: BinaryIO, name: str, offset: int, length: int, grids: dict[str, dict[str, Any]], names: Names
) -> Message:
    """What a message's header says; `stream` is unbuffered for eccodes, which reads on from where it stands."""
    handle = None
    try:
        stream.seek(offset)
        handle = eccodes.codes_grib_new_from_file(stream, headers_only=True)
        if handle is None:
            raise DamageError(offset, "eccodes finds no message")
        return Message(name, offset, length, *_header(handle, grids, names))
    except (eccodes.CodesInternalError, ValueError) as problem:
        raise DamageError(offset, f"its header cannot be read ({problem})") from None
    finally:
        if handle is not None:
            eccodes.codes_release(handle)


def _header(
    handle: int, grids: dict[str, dict[str, Any]], names: Names
) -> tuple[str, dt.datetime, str, str, str, str, str]:
    get = eccodes.codes_get
    unit = "indicatorOfUnitOfTimeRange"
    if eccodes.codes_is_defined(handle, unit) and get(handle, unit, int) == _MISSING_UNIT:
        raise ValueError("the unit of its forecast time is missing")
    grid = get(handle, "md5GridSection")
    if grid not in grids:
        grids[grid] = describe_grid(handle)
    date, time = get(handle, "validityDate", int), get(handle, "validityTime", int)
    short_name = get(handle, "shortName")
    if short_name not in names:  # three slow look-ups in the tables of eccodes
        names[short_name] = get(handle, "units"), get(handle, "cfName"), get(handle, "name")
    return (
        variable_name(short_name, get(handle, "typeOfLevel"), get(handle, "level", int)),
        dt.datetime(date // 10000, date // 100 % 100, date % 100, time // 100, time % 100),
        grid,
        get(handle, "packingType"),
        *names[short_name],
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


def file_states(files: list[Path], root: Path) -> dict[str, list[Any]]:
    """Name, size (bytes) and time of change (ns) of the files: another file of the same size is another inventory."""
    states = [path.stat() for path in files]
    return {
        "name": [path.relative_to(root).as_posix() for path in files],
        "size": [state.st_size for state in states],
        "mtime_ns": [state.st_mtime_ns for state in states],
    }


def times_by_variable(messages: Iterable[Message]) -> dict[str, list[str]]:
    """The times of the messages, sorted, by variable: how those off the step are told."""
    found = sorted({(message.variable, message.time) for message in messages})
    return {
        name: [time.isoformat() for _, time in group] for name, group in groupby(found, key=lambda pair: pair[0])
    }


def as_columns(
    messages: list[Message],
    times: list[dt.datetime],
    grids: dict[str, dict[str, Any]],
    *,
    month: str,
    off_step: dict[str, list[str]] | None = None,
    files: dict[str, list[Any]] | None = None,
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
        "files": files or {},
        "variables": summarise(messages, times),
        "off_step": off_step or {},
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
        raise UserError(f"{month}: the archive has no {variable}; {_offer(inventory, variable)}")
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


def _offer(inventory: dict[str, Any], variable: str) -> str:
    """What can be had instead of a variable that is not there."""
    if off := inventory["off_step"].get(variable):
        return f"its {len(off)} times, {off[0]} the first, are not on the step that source.step_hours gives"
    return f"it has {listed(inventory['variables'])}"


def listed(names: Iterable[str]) -> str:
    """Names of variables for a message; those on levels that cannot be asked for are gathered.

    `2t, tcc, t on hybrid levels 1, 6-10 (not readable yet)`
    """
    plain, levels = [], defaultdict(list)
    for name in sorted(names):
        if found := re.fullmatch(r"(.+)_(\D+)(\d+)", name):
            levels[found[1], found[2]].append(int(found[3]))
        else:
            plain.append(name)
    gathered = [
        f"{short_name} on {kind} level{'s' if len(numbers) > 1 else ''} {_ranges(numbers)} (not readable yet)"
        for (short_name, kind), numbers in levels.items()
    ]
    return ", ".join([*plain, *gathered])


def _ranges(numbers: list[int]) -> str:
    """`1, 6-10`: neighbours differ from their place in the order by the same number."""
    runs = groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0])
    ends = [[number for _, number in run] for _, run in runs]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in ends)


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
