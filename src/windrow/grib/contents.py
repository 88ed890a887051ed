"""A month's inventory as it is asked for: which fields there are, at which hours, and where."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from windrow.errors import UserError
from windrow.files import read_json
from windrow.grib.decode import Place
from windrow.grib.headers import Kind
from windrow.grib.inventory import FileState

_LEVEL = re.compile(r"(.+)_hybrid(\d+)")


@dataclass(frozen=True)
class Entry:
    """One message of a variable at an hour."""

    place: Place
    kind: Kind
    state: int


@dataclass(frozen=True)
class Contents:
    """What a month holds.

    Attributes
    ----------
    first
        The month's first time, ISO 8601.
    hours
        Hours since `first` at which fields are expected.
    entries
        Messages by name and hour; more than one are doubles.
    """

    month: str
    first: str
    hours: range
    entries: dict[str, dict[int, list[Entry]]]
    grids: dict[str, dict[str, Any]]
    files: dict[str, FileState]
    off_step: dict[str, list[str]]

    def place(self, name: str, hour: int) -> Place:
        """Where a field lies that is there."""
        return self.entries[name][hour][0].place

    def kind(self, name: str) -> Kind:
        """What the first field of a name is."""
        return next(iter(self.entries[name].values()))[0].kind

    def levels(self, short_name: str) -> list[int]:
        """The model levels of a parameter, from the top."""
        found = (_LEVEL.fullmatch(name) for name in self.entries)
        return sorted(int(one[2]) for one in found if one and one[1] == short_name)


def read_contents(path: Path) -> Contents:
    """Read a month's inventory.

    Raises
    ------
    UserError
        If it is not there, damaged or of another version.
    """
    content = read_json(path)
    try:
        return contents_of(content)
    except (KeyError, TypeError, IndexError) as problem:
        raise UserError(f"{path} is no inventory of this version ({problem!r}); run the inventory again") from None


def contents_of(content: dict[str, Any]) -> Contents:
    """An inventory, as `windrow.grib.inventory.as_columns` makes it, by name and hour."""
    columns, files = content["messages"], content["files"]
    kinds = [Kind(**kind) for kind in content["kinds"]]
    entries: defaultdict[str, defaultdict[int, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    names = ("file", "offset", "length", "field", "kind", "state", "hour")
    for file, offset, length, field, kind, state, hour in zip(*(columns[name] for name in names), strict=True):
        place = Place(files["name"][file], offset, length, field)
        entries[kinds[kind].variable][hour].append(Entry(place, kinds[kind], state))
    states = (FileState(*state) for state in zip(files["size"], files["mtime_ns"], strict=True))
    step = content["step_hours"]
    return Contents(
        month=content["month"],
        first=content["first"],
        hours=range(0, content["expected"] * step, step),
        entries={name: dict(sorted(hours.items())) for name, hours in entries.items()},
        grids=content["grids"],
        files=dict(zip(files["name"], states, strict=False)),
        off_step=content["off_step"],
    )


def offer(contents: Contents, variable: str) -> str:
    """What can be had instead of a variable that is not there."""
    if off := contents.off_step.get(variable):
        return f"its {len(off)} times, {off[0]} the first, are not on the step that source.step_hours gives"
    return f"it has {listed(contents.entries)}"


def listed(names: Iterable[str]) -> str:
    """Names of variables for a message; those on levels are gathered: `2t, tcc, t on hybrid levels 1, 6-10`."""
    plain, levels = [], defaultdict(list)
    for name in sorted(names):
        if found := re.fullmatch(r"(.+)_(\D+)(\d+)", name):
            levels[found[1], found[2]].append(int(found[3]))
        else:
            plain.append(name)
    gathered = [
        f"{short_name} on {kind} level{'s' if len(numbers) > 1 else ''} {ranges(numbers)}"
        for (short_name, kind), numbers in levels.items()
    ]
    return ", ".join([*plain, *gathered])


def ranges(numbers: list[int]) -> str:
    """`1, 6-10`: neighbours differ from their place in the order by the same number."""
    runs = groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0])
    ends = [[number for _, number in run] for _, run in runs]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in ends)
