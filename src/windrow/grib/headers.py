"""What a field is, from the bytes of its header; eccodes is asked once for all fields that differ in time alone."""

from __future__ import annotations

import atexit
import datetime as dt
import functools
import hashlib
import json
import os
import re
import threading
from pathlib import Path
from typing import Any, NamedTuple

import eccodes

from windrow.grib.framing import DamageError, Frame, Section, single_field
from windrow.grib.grid import describe_grid
from windrow.grib.sizes import BITMAP_HEAD, COMPLEX, require_1, require_2

FINE, CONSTANT, EMPTY = range(3)  # states of a field: EMPTY has no value at any point
_PLAIN_LEVELS = {"surface", "meanSea", "heightAboveGround", "entireAtmosphere"}
_MISSING_UNIT = 255  # eccodes 2.50 computes forever on it
_SIMPLE_BITS = (0, 40, 41, 42)  # data templates of edition 2 in which no bits per value make a constant field
_NO_DATA = 16  # bytes: what a data section without values has at the most
_UDUNITS = {"(0 - 1)": "1", "~": "1", "Numeric": "1", "dimensionless": "1", "Proportion": "1"}
_UNKNOWN = "unknown"  # what eccodes says where it has no name; CF leaves the attribute out


class Kind(NamedTuple):
    """What fields of different times have in common; `offset_minutes` leads from the reference time to the valid one.

    `step_type` is eccodes' (`instant`, `accum`, `avg`, `max`, …), `step_range` in hours, `0-1` or `6`.
    """

    variable: str
    units: str
    standard_name: str
    long_name: str
    grid: str
    packing: str
    step_type: str
    step_range: str
    offset_minutes: int


class Header(NamedTuple):
    """The reference time, the state, and all else that tells a field from another."""

    reference: dt.datetime
    state: int
    key: bytes


class Kinds:
    """The kinds that were met so far, by their header's key, and their grids by hash. Safe to share among threads."""

    def __init__(self) -> None:
        silence()
        self.grids: dict[str, dict[str, Any]] = {}
        self._known: dict[bytes, Kind] = {}
        self._names: dict[str, tuple[str, str, str]] = {}
        self._lock = threading.Lock()

    def of(self, path: Path, frame: Frame, field: int, header: Header) -> Kind:
        """The kind of a field.

        Raises
        ------
        DamageError
            If eccodes cannot read the header.
        """
        known = self._known.get(header.key)
        if known is None:
            with self._lock:  # eccodes is not built for threads
                known = self._known[header.key] = self._asked(path, frame, field, header)
        return known

    def _asked(self, path: Path, frame: Frame, field: int, header: Header) -> Kind:
        handle = None
        try:
            handle = _handle_of(path, frame, field)
            if handle is None:
                raise ValueError("eccodes finds no message")
            return self._described(handle, header.reference)
        except (eccodes.CodesInternalError, ValueError, OverflowError) as problem:
            raise DamageError(frame.offset, f"its header cannot be read ({problem})") from None
        finally:
            if handle is not None:
                eccodes.codes_release(handle)

    def _described(self, handle: int, reference: dt.datetime) -> Kind:
        get = eccodes.codes_get
        unit = "indicatorOfUnitOfTimeRange"
        if eccodes.codes_is_defined(handle, unit) and get(handle, unit, int) == _MISSING_UNIT:
            raise ValueError("the unit of its forecast time is missing")
        if (stated := _time(get(handle, "dataDate", int), get(handle, "dataTime", int))) != reference:
            raise ValueError(f"its reference time is {reference} by its bytes and {stated} by eccodes")
        valid = _time(get(handle, "validityDate", int), get(handle, "validityTime", int))
        short_name = get(handle, "shortName")
        if short_name not in self._names:  # three slow look-ups in the tables of eccodes
            self._names[short_name] = get(handle, "units"), get(handle, "cfName"), get(handle, "name")
        return Kind(
            variable_name(short_name, get(handle, "typeOfLevel"), get(handle, "level", int)),
            *self._names[short_name],
            grid=self._grid(handle),
            packing=get(handle, "packingType"),
            step_type=get(handle, "stepType"),
            step_range=get(handle, "stepRange", str),
            offset_minutes=(valid - reference) // dt.timedelta(minutes=1),
        )

    def _grid(self, handle: int) -> str:
        described = describe_grid(handle)
        name = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]
        self.grids[name] = described
        return name


@functools.cache
def silence() -> None:
    """Keep eccodes from telling on stderr what becomes one sentence here."""
    nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - eccodes keeps it
    atexit.register(nowhere.close)
    eccodes.codes_context_set_logging(nowhere)


def _handle_of(path: Path, frame: Frame, field: int) -> int | None:
    """The header alone where that will do; the stream is unbuffered for eccodes, which reads on where it stands."""
    with path.open("rb") as stream:
        stream.seek(frame.offset)
        if len(frame.fields) == 1:
            handle: int | None = eccodes.codes_grib_new_from_file(stream, headers_only=True)
        else:
            handle = eccodes.codes_new_from_message(single_field(stream.read(frame.length), frame, field))
    return handle


def _time(date: int, time: int) -> dt.datetime:
    return dt.datetime(date // 10000, date // 100 % 100, date % 100, time // 100, time % 100)


def header_of(descriptor: int, frame: Frame, field: int) -> Header:
    """Read the header of a field.

    Raises
    ------
    DamageError
        If a section is too short or the reference time is none.
    """
    read = {1: _header_1, 2: _header_2}[frame.edition]
    try:
        return read(descriptor, frame, frame.fields[field])
    except (ValueError, IndexError) as problem:
        if isinstance(problem, DamageError):
            raise
        raise DamageError(frame.offset, f"its header cannot be read ({problem})") from None


def _header_1(descriptor: int, frame: Frame, sections: dict[int, Section]) -> Header:
    """Octets 13 to 17 and 25 of the product section are the reference time; years of a century run from 1 to 100."""
    product = frame.bytes_of(descriptor, *sections[1])
    grid = frame.bytes_of(descriptor, *sections[2]) if 2 in sections else b""
    data = frame.bytes_of(descriptor, sections[4].start, 14)
    bitmap = frame.bytes_of(descriptor, sections[3].start, 6) if 3 in sections else None
    require_1(data, bitmap)
    reference = dt.datetime((product[24] - 1) * 100 + product[12], *product[13:17])
    simple = not data[3] & 0xC0
    masked = product[:12] + product[17:24] + product[25:]
    key = b"1" + masked + grid + bytes([data[3] & 0xF0, 3 in sections]) + (b"" if simple else data[11:])
    constant = simple and data[10] == 0
    return Header(reference, _state(descriptor, frame, constant, sections.get(3), sections[4]), key)


def _header_2(descriptor: int, frame: Frame, sections: dict[int, Section]) -> Header:
    """Octets 13 to 19 of the identity section are the reference time."""
    identity = frame.bytes_of(descriptor, *sections[1])
    described = [frame.bytes_of(descriptor, *sections[number]) for number in (2, 3, 4) if number in sections]
    representation = frame.bytes_of(descriptor, *sections[5])
    indicator = frame.bytes_of(descriptor, sections[6].start + 5, 1)
    require_2(frame.bytes_of(descriptor, sections[3].start, 10), representation, indicator, sections)
    reference = dt.datetime(int.from_bytes(identity[12:14]), *identity[14:19])
    key = b"".join(
        [b"2", frame.start[6:7], identity[:12], identity[19:], *described, representation[9:11], indicator]
    )
    start, length = sections[7]
    constant = _constant_2(representation, frame.bytes_of(descriptor, start, min(length, _NO_DATA)))
    bitmap = None if indicator[0] else sections[6]
    return Header(reference, _state(descriptor, frame, constant, bitmap, sections[7]), key)


def _constant_2(representation: bytes, data: bytes) -> bool:
    """Octet 20 are the bits per value, or in complex packing those per group, whose widths octets 36 and 37 give."""
    template = int.from_bytes(representation[9:11])
    if template in COMPLEX:
        return representation[19] == representation[35] == representation[36] == 0 and not any(data[5:])
    return template in _SIMPLE_BITS and representation[19] == 0


def _state(descriptor: int, frame: Frame, constant: bool, bitmap: Section | None, data: Section) -> int:
    """Whether a field is all one value, or none; a bitmap is read only where there is hardly any data."""
    if bitmap is not None and (constant or data.length <= _NO_DATA):
        bits = frame.bytes_of(descriptor, bitmap.start + BITMAP_HEAD, bitmap.length - BITMAP_HEAD)
        if not any(bits):
            return EMPTY
    return CONSTANT if constant else FINE


def variable_name(short_name: str, type_of_level: str, level: int) -> str:
    """The name of a field in config and files: `2t`, `t850` (hPa), `t_hybrid137`."""
    if type_of_level in _PLAIN_LEVELS:
        return short_name
    if type_of_level == "isobaricInhPa":
        return f"{short_name}{level}"
    return f"{short_name}_{type_of_level}{level}"


def cf_names(kind: Kind) -> dict[str, str]:
    """Units that UDUNITS reads, standard name and long name, as far as eccodes knows them."""
    said = {
        "units": _UDUNITS.get(kind.units, kind.units),
        "standard_name": kind.standard_name,
        "long_name": kind.long_name,
    }
    return {name: value for name, value in said.items() if value != _UNKNOWN}


def cell_method(kind: Kind) -> str:
    """How the values stand for their time, in CF's words; the length of the interval as far as it is known.

    Raises
    ------
    ValueError
        If CF has no word for it.
    """
    words = {
        "instant": "point",
        "accum": "sum",
        "avg": "mean",
        "max": "maximum",
        "min": "minimum",
        "sd": "standard_deviation",
        "diff": "sum",
    }
    if kind.step_type not in words:
        raise ValueError(kind.step_type)
    hours = span_hours(kind)
    if not hours:
        return f"time: {words[kind.step_type]}"
    return f"time: {words[kind.step_type]} (comment: over the {hours} h up to the time)"


def span_hours(kind: Kind) -> int:
    """The hours that an accumulated, averaged or extreme value stands for; 0 of an instant, or where it is not said."""
    span = re.fullmatch(r"(\d+)-(\d+)", kind.step_range)
    return int(span[2]) - int(span[1]) if span and kind.step_type != "instant" else 0
