"""Simple packing, undone for the points of a domain alone: the other bytes of the message are not read.

Value = (reference + X * 2^E) * 10^-D, in double precision and in the order in which eccodes computes it, so that the
results agree bit for bit (WMO manual on codes, I.2, FM 92: edition 1 section 4, edition 2 template 5.0).
"""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from windrow.grib.framing import Frame, Section
from windrow.grib.sizes import NO_BITMAP, fits

Places = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]
_MAX_BITS = 56  # what eight bytes hold wherever they begin
_WHOLE = {8: ">u1", 16: ">u2", 32: ">u4"}
_INDICATOR = 5  # byte of the bitmap section


class Packing(NamedTuple):
    """How the values of a field are packed; `start` is the byte of the message at which they begin."""

    start: int
    values: int
    bits: int
    reference: float
    binary_scale: int
    decimal_scale: int


def packing_of(descriptor: int, frame: Frame, field: int) -> Packing | None:
    """The packing of a field; None if it is not simple, has a bitmap or is one value throughout."""
    read = {1: _packing_1, 2: _packing_2}[frame.edition]
    packing = read(descriptor, frame, frame.fields[field])
    return packing if packing is not None and 0 < packing.bits <= _MAX_BITS else None


def _packing_1(descriptor: int, frame: Frame, sections: dict[int, Section]) -> Packing | None:
    start, length = sections[4]
    data = frame.bytes_of(descriptor, start, 11)
    if 3 in sections or data[3] & 0xF0 or not data[10]:
        return None
    return Packing(
        start=start + 11,
        values=((length - 11) * 8 - (data[3] & 0x0F)) // data[10],
        bits=data[10],
        reference=ibm(data[6:10]),
        binary_scale=_signed(data[4:6]),
        decimal_scale=_signed(frame.bytes_of(descriptor, sections[1].start + 26, 2)),
    )


def _packing_2(descriptor: int, frame: Frame, sections: dict[int, Section]) -> Packing | None:
    data = frame.bytes_of(descriptor, *sections[5])
    indicator = frame.bytes_of(descriptor, sections[6].start + _INDICATOR, 1)[0]
    if data[9:11] != b"\0\0" or indicator != NO_BITMAP:
        return None
    values, bits = int.from_bytes(data[5:9]), data[19]
    if not fits(values, bits, sections[7]):
        return None
    return Packing(
        start=sections[7].start + 5,
        values=values,
        bits=bits,
        reference=struct.unpack(">f", data[11:15])[0],
        binary_scale=_signed(data[15:17]),
        decimal_scale=_signed(data[17:19]),
    )


def _signed(two: bytes) -> int:
    """A number with its sign in the first bit."""
    number = int.from_bytes(two)
    return -(number & 0x7FFF) if number & 0x8000 else number


def ibm(four: bytes) -> float:
    """A number of the IBM System/360: sign, exponent of 16, fraction of 24 bits."""
    number = int.from_bytes(four)
    sign = -1.0 if number >> 31 else 1.0
    return sign * math.ldexp(number & 0xFFFFFF, 4 * ((number >> 24 & 0x7F) - 64) - 24)


def _power_of_ten(exponent: int) -> float:
    """By repeated multiplication or division, as eccodes has it: the last bit differs from `10.0**exponent`."""
    power = 1.0
    for _ in range(abs(exponent)):
        power = power * 10 if exponent > 0 else power / 10
    return power


@dataclass(frozen=True)
class Selection:
    """The points that are wanted: their places (ny, nx) in the order of the message."""

    indices: Places

    @cached_property
    def first(self) -> int:
        """The lowest place."""
        return int(self.indices.min())

    @cached_property
    def span(self) -> int:
        """How many values lie from the lowest place to the highest."""
        return int(self.indices.max()) - self.first + 1

    @cached_property
    def relative(self) -> Places:
        """The places counted from the lowest."""
        return self.indices - self.first

    @cached_property
    def strides(self) -> tuple[int, int] | None:
        """Distance of rows and of columns if these are the same throughout and the first point is the lowest."""
        ny, nx = self.indices.shape
        row = int(self.relative[1, 0]) if ny > 1 else 1
        column = int(self.relative[0, 1]) if nx > 1 else 1
        regular = row * np.arange(ny)[:, None] + column * np.arange(nx)
        return (row, column) if np.array_equal(regular, self.relative) else None

    def unpacked(self, descriptor: int, frame: Frame, packing: Packing) -> Floats:
        """The values of the points: shape (ny, nx), float64.

        Raises
        ------
        ValueError
            If the file ends before them.
        """
        values = self._whole_bytes if packing.bits in _WHOLE else self._any_bits
        found = values(descriptor, frame.offset + packing.start, packing.bits)
        with np.errstate(over="ignore", invalid="ignore"):  # of damaged scales, which are seen in the values
            found *= math.ldexp(1.0, packing.binary_scale)
            found += packing.reference
            if packing.decimal_scale:
                found *= _power_of_ten(-packing.decimal_scale)
        return found

    def _whole_bytes(self, descriptor: int, start: int, bits: int) -> Floats:
        dtype = np.dtype(_WHOLE[bits])
        content = _read(descriptor, start + self.first * dtype.itemsize, self.span * dtype.itemsize)
        numbers = np.frombuffer(content, dtype=dtype)
        if self.strides is None:
            return numbers[self.relative].astype(np.float64)
        steps = tuple(step * dtype.itemsize for step in self.strides)
        return np.lib.stride_tricks.as_strided(numbers, self.indices.shape, steps).astype(np.float64)

    def _any_bits(self, descriptor: int, start: int, bits: int) -> Floats:
        begin = self.first * bits
        skipped = begin % 8
        count = -(-(skipped + self.span * bits) // 8)
        width = -(-(7 + bits) // 8)  # bytes that a number may touch
        content = np.frombuffer(_read(descriptor, start + begin // 8, count) + bytes(width), dtype=np.uint8)
        places = skipped + self.relative * bits
        words = np.zeros(places.shape, dtype=np.uint64)
        for byte in range(width):
            words = words << np.uint64(8) | content[places // 8 + byte]
        unused = (8 * width - places % 8 - bits).astype(np.uint64)
        return (words >> unused & np.uint64((1 << bits) - 1)).astype(np.float64)


def _read(descriptor: int, start: int, length: int) -> bytes:
    content = os.pread(descriptor, length, start)
    if len(content) < length:
        raise ValueError(f"the file ends at byte {start + len(content)}, within the values")
    return content
