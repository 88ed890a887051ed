"""Where messages and their sections begin and end, from the bytes alone: damage never reaches eccodes.

Sections are numbered as in the editions' own tables: 1 product, 2 grid, 3 bitmap, 4 data in edition 1; 1 identity,
2 local, 3 grid, 4 product, 5 representation, 6 bitmap, 7 data in edition 2 (WMO manual on codes, I.2, FM 92).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

_HEAD = 16
_TAIL = 4
_CHUNK = 1 << 16
_READ = 1 << 12  # takes the sections before the data, with the coefficients of 137 levels
_LARGE = 0x800000
_LEAST_1 = {1: 28, 2: 6, 3: 6, 4: 11}  # bytes of each section
_LEAST_2 = {1: 21, 3: 14, 4: 9, 5: 12, 6: 6, 7: 5}
_SAME_BITMAP = 254  # as the field before
_REPEATED = {2: 3, 3: 4, 4: 5, 5: 6, 6: 7}  # what may follow a section of edition 2 within a field


class DamageError(ValueError):
    """The bytes at `offset` are no whole GRIB message; the text says why."""

    def __init__(self, offset: int, why: str) -> None:
        super().__init__(why)
        self.offset = offset


class Section(NamedTuple):
    """A section's place within its message (bytes)."""

    start: int
    length: int


class Frame(NamedTuple):
    """A message's place in its file, and for each of its fields the sections by their number."""

    offset: int
    length: int
    edition: int
    fields: tuple[dict[int, Section], ...]
    start: bytes  # as much of the message as was read at once

    def bytes_of(self, descriptor: int, start: int, length: int) -> bytes:
        """A part of the message."""
        if start + length <= len(self.start):
            return self.start[start : start + length]
        return os.pread(descriptor, length, self.offset + start)


def messages_of(descriptor: int, size: int) -> Iterator[Frame]:
    """Every message of an open file of `size` bytes.

    Between messages there is nothing, or the zeros that MARS pads GRIB 1 with to multiples of 120 bytes.

    Raises
    ------
    DamageError
        If a message is truncated, its section lengths do not fit, or something else lies between two messages.
    """
    offset = _after_zeros(descriptor, 0)
    while offset < size:
        frame = message_at(descriptor, offset, size)
        yield frame
        offset = _after_zeros(descriptor, offset + frame.length)


def message_at(descriptor: int, offset: int, size: int) -> Frame:
    """The message that begins at a byte of an open file.

    Raises
    ------
    DamageError
        If there is none, or not all of it.
    """
    start = os.pread(descriptor, _READ, offset)
    if start[:4] != b"GRIB"[: len(start)]:
        stop = _next_message(descriptor, offset, size)
        raise DamageError(offset, f"{stop - offset} bytes that are no GRIB message")
    if len(start) < _HEAD:
        raise DamageError(offset, f"the file ends after {len(start)} bytes of a message")
    framed = {1: _edition_1, 2: _edition_2}
    if start[7] not in framed:
        raise DamageError(offset, f"GRIB edition {start[7]}; there are 1 and 2")
    frame = framed[start[7]](descriptor, Frame(offset, 0, start[7], (), start), size)
    if frame.bytes_of(descriptor, frame.length - _TAIL, _TAIL) != b"7777":
        raise DamageError(offset, f"a message of {frame.length} bytes that does not end in 7777")
    if (end := sum(max(frame.fields[-1].values())) + _TAIL) != frame.length:
        raise _unfit(offset, frame.length, end)
    return frame


def _unfit(offset: int, length: int, end: int) -> DamageError:
    return DamageError(offset, f"a message of {length} bytes with sections of {end}")


def _after_zeros(descriptor: int, offset: int) -> int:
    """The first byte from `offset` on that is not zero, or the end of the file."""
    if os.pread(descriptor, 1, offset) != b"\0":
        return offset
    while chunk := os.pread(descriptor, _CHUNK, offset):
        if rest := chunk.lstrip(b"\0"):
            return offset + len(chunk) - len(rest)
        offset += len(chunk)
    return offset


def _next_message(descriptor: int, offset: int, size: int) -> int:
    """Where the next GRIB begins; the chunks overlap so that none is missed."""
    start = offset
    while chunk := os.pread(descriptor, _CHUNK, start):
        if (found := chunk.find(b"GRIB")) >= 0:
            return start + found
        start += max(1, len(chunk) - _TAIL + 1)
    return size


def _edition_1(descriptor: int, frame: Frame, size: int) -> Frame:
    """Its sections are counted in three bytes; larger messages count in 120 bytes, as ECMWF has it."""
    length = int.from_bytes(frame.start[4:7])
    sections = {1: Section(8, int.from_bytes(frame.start[8:11]))}
    end = sum(sections[1])
    for number, flag in ((2, 0x80), (3, 0x40)):
        if frame.start[15] & flag:
            sections[number] = Section(end, _number(descriptor, frame, end, 3))
            end = sum(sections[number])
    data = _number(descriptor, frame, end, 3)
    if length & _LARGE and data < 120:
        length = (length & ~_LARGE) * 120 - data + _TAIL
        data = max(0, length - end - _TAIL)
    _check_whole(frame.offset, length, size)
    sections[4] = Section(end, data)
    if end + data + _TAIL > length:
        raise _unfit(frame.offset, length, end + data + _TAIL)
    _check_lengths(frame.offset, sections, _LEAST_1)
    return frame._replace(length=length, fields=(sections,))


def _edition_2(descriptor: int, frame: Frame, size: int) -> Frame:
    """Sections 2 to 7, 3 to 7 or 4 to 7 may be repeated: each section 7 ends a field, which keeps what came before."""
    length = int.from_bytes(frame.start[8:16])
    _check_whole(frame.offset, length, size)
    fields: list[dict[int, Section]] = []
    sections: dict[int, Section] = {}
    end, before = _HEAD, 0
    while end < length - _TAIL:
        head = frame.bytes_of(descriptor, end, 6)
        section = Section(end, int.from_bytes(head[:4]))
        number = head[4] if len(head) == 6 else 0
        in_order = number == 1 if not before else number in _allowed_after(before)
        if not (5 <= section.length <= length - _TAIL - end and in_order):
            raise DamageError(
                frame.offset, f"a message of {length} bytes whose sections do not fit at its byte {end}"
            )
        if not (number == 6 and section.length > 5 and head[5] == _SAME_BITMAP and 6 in sections):
            sections[number] = section
        if number == 7:
            fields.append(dict(sections))
        end, before = sum(section), number
    if before != 7:
        raise DamageError(frame.offset, f"a message of {length} bytes without data")
    for one in fields:
        _check_lengths(frame.offset, one, _LEAST_2)
    return frame._replace(length=length, fields=tuple(fields))


def _allowed_after(number: int) -> tuple[int, ...]:
    return {1: (2, 3), 7: (2, 3, 4)}.get(number) or (_REPEATED[number],)


def _number(descriptor: int, frame: Frame, start: int, width: int) -> int:
    return int.from_bytes(frame.bytes_of(descriptor, start, width))


def _check_whole(offset: int, length: int, size: int) -> None:
    if offset + length > size:
        raise DamageError(offset, f"a message of {length} bytes of which the file has {size - offset}")
    if length <= _HEAD + _TAIL:
        raise DamageError(offset, f"a message of {length} bytes")


def _check_lengths(offset: int, sections: dict[int, Section], least: dict[int, int]) -> None:
    for number, section in sections.items():
        if section.length < least.get(number, 5):
            raise DamageError(offset, f"a section {number} of {section.length} bytes")


def single_field(content: bytes, frame: Frame, field: int) -> bytes:
    """A field of a message of edition 2 with several, as a message of its own; any other message as it is."""
    if len(frame.fields) == 1:
        return content
    sections = frame.fields[field]
    parts = [content[start : start + length] for _, (start, length) in sorted(sections.items())]
    length = _HEAD + sum(map(len, parts)) + _TAIL
    return b"".join([content[:8], length.to_bytes(8), *parts, b"7777"])
