"""What is there: every field of a month with its place, its kind and its time; nothing is decoded."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from windrow.errors import UserError
from windrow.files import named, written_beside
from windrow.grib.framing import DamageError, messages_of
from windrow.grib.headers import Kind, Kinds, header_of

_EPOCH = dt.datetime(1900, 1, 1)
_MINUTE = dt.timedelta(minutes=1)
_FORMAT = 1  # of the journal; raise it when what is found in a file changes
_READERS = 4  # files that are waited for at once


class Message(NamedTuple):
    """One field: the place of its message, its number in it, its kind, its time and its state."""

    file: str
    offset: int
    length: int
    field: int
    kind: Kind
    time: dt.datetime
    state: int


@dataclass(frozen=True)
class FileState:
    """Size (bytes) and time of change (ns) of a file: another file of the same size is another inventory."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> FileState:
        """The state of a file as it is now."""
        found = path.stat()
        return cls(found.st_size, found.st_mtime_ns)


def scan(files: list[Path], root: Path, kinds: Kinds, *, journal: Path | None = None) -> Iterator[Message]:
    """Read the headers of all messages, file by file in order, a few files ahead of the consumer.

    Parameters
    ----------
    journal
        What was found in each file is kept here, a line per file; a file that has not changed is not read again.

    Raises
    ------
    UserError
        If a file is empty, truncated or holds something that is no GRIB message; the offset is named.
    """
    known = _Journal(journal, kinds)

    def scanned(path: Path) -> tuple[str, FileState, list[Message]]:
        name, state = path.relative_to(root).as_posix(), FileState.of(path)
        found = known.messages_of(name, state)
        return name, state, _scan_file(path, name, state.size, kinds) if found is None else found

    with ThreadPoolExecutor(_READERS) as pool, known:
        for name, state, messages in pool.map(scanned, files):
            known.add(name, state, messages)
            yield from messages
        known.keep_only(path.relative_to(root).as_posix() for path in files)


def _scan_file(path: Path, name: str, size: int, kinds: Kinds) -> list[Message]:
    if not size:
        raise UserError(f"{name} is empty; fetch this file again")
    try:
        with path.open("rb", buffering=0) as stream:
            found = list(_messages(stream.fileno(), path, name, size, kinds))
    except DamageError as problem:
        raise UserError(
            f"{name} is truncated or damaged at byte {problem.offset}: {problem}; fetch this file again"
        ) from None
    if not found:
        raise UserError(f"{name} holds nothing but zeros; fetch this file again")
    return found


def _messages(descriptor: int, path: Path, name: str, size: int, kinds: Kinds) -> Iterator[Message]:
    for frame in messages_of(descriptor, size):
        for field in range(len(frame.fields)):
            header = header_of(descriptor, frame, field)
            kind = kinds.of(path, frame, field, header)
            time = header.reference + kind.offset_minutes * _MINUTE
            yield Message(name, frame.offset, frame.length, field, kind, time, header.state)


class _Journal:
    """Lines of JSON, one per file; a line that a killed process left half-written is not read."""

    def __init__(self, path: Path | None, kinds: Kinds) -> None:
        self._path, self._kinds = path, kinds
        self._lines: dict[str, dict[str, Any]] = {}
        self._new: Any = None
        if path is not None and path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if entry.get("format") == _FORMAT:
                    self._lines[entry["file"]] = entry

    def __enter__(self) -> None:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._new = self._path.open("a", encoding="utf-8")

    def __exit__(self, *_: object) -> None:
        if self._new is not None and self._path is not None:
            with named(self._path):
                self._new.close()

    def messages_of(self, name: str, state: FileState) -> list[Message] | None:
        """What is known of a file; None if it is another by now."""
        entry = self._lines.get(name)
        if entry is None or (entry["size"], entry["mtime_ns"]) != (state.size, state.mtime_ns):
            return None
        self._kinds.grids.update(entry["grids"])
        kinds = [Kind(*one) for one in entry["kinds"]]
        return [
            Message(name, offset, length, field, kinds[kind], _EPOCH + minutes * _MINUTE, of_field)
            for kind, minutes, offset, length, field, of_field in entry["messages"]
        ]

    def add(self, name: str, state: FileState, messages: list[Message]) -> None:
        """Keep what was found in a file."""
        entry = self._lines.get(name)
        if (
            self._path is None
            or self._new is None
            or (entry and (entry["size"], entry["mtime_ns"]) == (state.size, state.mtime_ns))
        ):
            return
        kinds = {kind: place for place, kind in enumerate(dict.fromkeys(one.kind for one in messages))}
        entry = {
            "format": _FORMAT,
            "file": name,
            "size": state.size,
            "mtime_ns": state.mtime_ns,
            "kinds": list(kinds),
            "grids": {kind.grid: self._kinds.grids[kind.grid] for kind in kinds},
            "messages": [
                (kinds[one.kind], (one.time - _EPOCH) // _MINUTE, one.offset, one.length, one.field, one.state)
                for one in messages
            ],
        }
        self._lines[name] = entry
        with named(self._path):
            self._new.write(f"\n{json.dumps(entry)}\n")
            self._new.flush()

    def keep_only(self, names: Iterable[str]) -> None:
        """Forget the files that are no longer there."""
        wanted = set(names)
        if self._path is not None and (len(self._lines) > len(wanted)):
            with written_beside(self._path) as beside:
                lines = [json.dumps(entry) for name, entry in self._lines.items() if name in wanted]
                beside.write_text("\n".join([*lines, ""]), encoding="utf-8")


def expected_times(first: dt.datetime, end: dt.datetime, *, step_hours: int) -> list[dt.datetime]:
    """The times that a complete archive has in [first, end)."""
    step = dt.timedelta(hours=step_hours)
    return [first + index * step for index in range((end - first) // step)]


def times_by_variable(messages: Iterable[Message]) -> dict[str, list[str]]:
    """The times of the messages, sorted, by variable: how those off the step are told."""
    found: defaultdict[str, set[dt.datetime]] = defaultdict(set)
    for message in messages:
        found[message.kind.variable].add(message.time)
    return {name: [time.isoformat() for time in sorted(times)] for name, times in sorted(found.items())}


def as_columns(
    messages: list[Message],
    times: list[dt.datetime],
    grids: dict[str, dict[str, Any]],
    *,
    month: str,
    step_hours: int,
    off_step: dict[str, list[str]] | None = None,
    files: dict[str, FileState] | None = None,
) -> dict[str, Any]:
    """The inventory of a month as it is stored: tables of names and, per message, columns of numbers."""
    names = list(files or dict.fromkeys(message.file for message in messages))
    file_places = {name: place for place, name in enumerate(names)}
    kinds = {kind: place for place, kind in enumerate(sorted({message.kind for message in messages}))}
    used = {kind.grid for kind in kinds}
    first = times[0]
    return {
        "month": month,
        "first": first.isoformat(),
        "expected": len(times),
        "step_hours": step_hours,
        "files": {
            "name": names,
            "size": [state.size for state in (files or {}).values()],
            "mtime_ns": [state.mtime_ns for state in (files or {}).values()],
        },
        "off_step": off_step or {},
        "grids": {name: grid for name, grid in sorted(grids.items()) if name in used},
        "kinds": [kind._asdict() for kind in kinds],
        "messages": {
            "file": [file_places[message.file] for message in messages],
            "kind": [kinds[message.kind] for message in messages],
            "hour": [(message.time - first) // dt.timedelta(hours=1) for message in messages],
            "offset": [message.offset for message in messages],
            "length": [message.length for message in messages],
            "field": [message.field for message in messages],
            "state": [message.state for message in messages],
        },
    }


def file_states(files: list[Path], root: Path) -> dict[str, FileState]:
    """The states of the files, by name."""
    return {path.relative_to(root).as_posix(): FileState.of(path) for path in files}
