"""Where messages begin and end, from the bytes alone: what is cut off or overwritten never reaches eccodes."""

from __future__ import annotations

import os
from collections.abc import Iterator

_HEAD = 16
_TAIL = 4
_CHUNK = 1 << 16
_LARGE = 0x800000


class DamageError(ValueError):
    """The bytes at `offset` are no whole GRIB message; the text says why."""

    def __init__(self, offset: int, why: str) -> None:
        super().__init__(why)
        self.offset = offset


def messages_of(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Offset and length of every message of an open file of `size` bytes.

    Between messages there is nothing, or the zeros that MARS pads GRIB 1 with to multiples of 120 bytes.

    Raises
    ------
    DamageError
        If a message is truncated, its section lengths do not fit, or something else lies between two messages.
    """
    offset = _after_zeros(descriptor, 0)
    while offset < size:
        length = _length_at(descriptor, offset, size)
        yield offset, length
        offset = _after_zeros(descriptor, offset + length)


def _after_zeros(descriptor: int, offset: int) -> int:
    """The first byte from `offset` on that is not zero, or the end of the file."""
    if os.pread(descriptor, 1, offset) != b"\0":
        return offset
    while chunk := os.pread(descriptor, _CHUNK, offset):
        if rest := chunk.lstrip(b"\0"):
            return offset + len(chunk) - len(rest)
        offset += len(chunk)
    return offset


def _length_at(descriptor: int, offset: int, size: int) -> int:
    head = os.pread(descriptor, _HEAD, offset)
    if head[:4] != b"GRIB"[: len(head)]:
        stop = _next_message(descriptor, offset, size)
        raise DamageError(offset, f"{stop - offset} bytes that are no GRIB message")
    if len(head) < _HEAD:
        raise DamageError(offset, f"the file ends after {len(head)} bytes of a message")
    lengths = {1: _length_of_edition_1, 2: _length_of_edition_2}
    edition = head[7]
    if edition not in lengths:
        raise DamageError(offset, f"GRIB edition {edition}; there are 1 and 2")
    length = lengths[edition](descriptor, offset, size, head)
    if os.pread(descriptor, _TAIL, offset + length - _TAIL) != b"7777":
        raise DamageError(offset, f"a message of {length} bytes that does not end in 7777")
    return length


def _next_message(descriptor: int, offset: int, size: int) -> int:
    """Where the next GRIB begins; the chunks overlap so that none is missed."""
    start = offset
    while chunk := os.pread(descriptor, _CHUNK, start):
        if (found := chunk.find(b"GRIB")) >= 0:
            return start + found
        start += max(1, len(chunk) - _TAIL + 1)
    return size


def _length_of_edition_1(descriptor: int, offset: int, size: int, head: bytes) -> int:
    """Its sections are counted in three bytes; larger messages count in 120 bytes, as ECMWF has it."""
    length = int.from_bytes(head[4:7])
    end = 8 + int.from_bytes(head[8:11])
    for flag in (0x80, 0x40):  # a grid section, a bitmap section
        if head[15] & flag:
            end += _number(descriptor, offset + end, 3)
    data = _number(descriptor, offset + end, 3)
    if length & _LARGE and data < 120:
        length = (length & ~_LARGE) * 120 - data + _TAIL
        data = max(0, length - end - _TAIL)
    _check_whole(offset, length, size)
    if end + data + _TAIL > length:
        raise DamageError(offset, f"a message of {length} bytes with sections of {end + data + _TAIL}")
    return length


def _length_of_edition_2(descriptor: int, offset: int, size: int, head: bytes) -> int:
    length = int.from_bytes(head[8:16])
    _check_whole(offset, length, size)
    end, fields = _HEAD, 0
    while end < length - _TAIL:
        section = os.pread(descriptor, 5, offset + end)
        if not (5 <= int.from_bytes(section[:4]) <= length - _TAIL - end and 1 <= section[4] <= 7):
            raise DamageError(offset, f"a message of {length} bytes whose sections do not fit at its byte {end}")
        fields += section[4] == 7
        end += int.from_bytes(section[:4])
    if fields != 1:
        raise DamageError(offset, f"a message with {fields} fields; `grib_copy` writes one message per field")
    return length


def _number(descriptor: int, offset: int, width: int) -> int:
    return int.from_bytes(os.pread(descriptor, width, offset))


def _check_whole(offset: int, length: int, size: int) -> None:
    if offset + length > size:
        raise DamageError(offset, f"a message of {length} bytes of which the file has {size - offset}")
    if length <= _HEAD + _TAIL:
        raise DamageError(offset, f"a message of {length} bytes")
