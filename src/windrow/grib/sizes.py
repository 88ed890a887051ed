"""Whether the sections of a field hold as much as they state: asked before eccodes, which trusts them.

Octets are counted from 1 in the WMO manual on codes (I.2, FM 92), from 0 here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.grib.framing import Frame, Section

NO_BITMAP = 255
SIMPLE = (0, 61)  # templates of edition 2 in which every value has the bits of octet 20
COMPLEX = (2, 3)  # and those in which each group of values has its own
CODED = (40, 41, 42)  # JPEG, PNG and CCSDS check themselves
_IEEE = 4
_SPECTRAL = (50, 51, 53)  # have no points, and are refused by their grid
_MAX_BITS = 32
_PADDING_BITS = 64  # at most, behind the last value: to an even number of bytes, or of words
BITMAP_HEAD = 6
_Numbers = npt.NDArray[np.int64]


def require_sizes(descriptor: int, frame: Frame, field: int) -> None:
    """Check the sizes that the header of a field states; no value is read.

    Raises
    ------
    ValueError
        If they contradict each other.
    """
    sections = frame.fields[field]
    if frame.edition == 1:
        bitmap = frame.bytes_of(descriptor, *sections[3]) if 3 in sections else None
        require_1(frame.bytes_of(descriptor, sections[4].start, 14), bitmap)
    else:
        grid = frame.bytes_of(descriptor, sections[3].start, 10)
        representation = frame.bytes_of(descriptor, *sections[5])
        require_2(grid, representation, frame.bytes_of(descriptor, sections[6].start + 5, 1), sections)


def require_content(descriptor: int, frame: Frame, field: int, points: int) -> None:
    """Check the bitmap and the groups of complex packing, which lie among the values.

    Raises
    ------
    ValueError
        If the bitmap is not as long as the grid, or has another number of points than there are values.
    """
    sections = frame.fields[field]
    if frame.edition == 1:
        _require_bitmap_1(descriptor, frame, sections, points)
        return
    representation = frame.bytes_of(descriptor, *sections[5])
    values, template = int.from_bytes(representation[5:9]), int.from_bytes(representation[9:11])
    stated = int.from_bytes(frame.bytes_of(descriptor, sections[3].start + 6, 4))
    if stated != points:
        raise ValueError(f"{stated} values on a grid of {points} points")
    if not frame.bytes_of(descriptor, sections[6].start + 5, 1)[0]:
        _require_count(_bitmap(descriptor, frame, sections[6], points), values)
    if template in COMPLEX:
        _require_groups(frame.bytes_of(descriptor, *sections[7])[5:], representation, values)


def require_1(data: bytes, bitmap: bytes | None) -> None:
    """Check what the data section and the bitmap section of edition 1 begin with.

    Raises
    ------
    ValueError
        If there are no such bits per value or no such bitmap.
    """
    if bitmap is not None and (number := int.from_bytes(bitmap[4:6])):
        raise ValueError(f"its bitmap is number {number} of its centre's; windrow reads those in the message")
    if not data[3] & 0xC0 and data[10] > _MAX_BITS:
        raise ValueError(f"{data[10]} bits per value")


def _require_bitmap_1(descriptor: int, frame: Frame, sections: dict[int, Section], points: int) -> None:
    data = frame.bytes_of(descriptor, sections[4].start, 14)
    simple = not data[3] & 0xC0
    bits = data[10]
    values = ((sections[4].length - 11) * 8 - (data[3] & 0x0F)) // bits if simple and bits else None
    if 3 not in sections:
        if values is not None and values != points:
            raise ValueError(f"{values} values on a grid of {points} points")
        return
    unused = frame.bytes_of(descriptor, sections[3].start + 3, 1)[0]
    if (sections[3].length - BITMAP_HEAD) * 8 - unused != points:
        raise ValueError(f"a bitmap of {sections[3].length} bytes on a grid of {points} points")
    found = _bitmap(descriptor, frame, sections[3], points)
    if values is not None:
        _require_count(found, values)


def require_2(grid: bytes, representation: bytes, indicator: bytes, sections: dict[int, Section]) -> None:
    """Check the sizes that the header of a field of edition 2 states.

    Raises
    ------
    ValueError
        If they contradict each other.
    """
    values, template = int.from_bytes(representation[5:9]), int.from_bytes(representation[9:11])
    if template in _SPECTRAL:
        return
    points, bitmap = int.from_bytes(grid[6:10]), indicator[0]
    if bitmap not in (0, NO_BITMAP):
        raise ValueError(f"its bitmap is number {bitmap} of its centre's; windrow reads those in the message")
    if values > points or (values < points and bitmap):
        raise ValueError(f"{values} values on a grid of {points} points")
    if not bitmap and sections[6].length - BITMAP_HEAD < -(-points // 8):
        raise ValueError(f"a bitmap of {sections[6].length} bytes on a grid of {points} points")
    _require_data(values, template, representation, sections[7])


def fits(values: int, bits: int, data: Section) -> bool:
    """Whether a data section of edition 2 has the length of so many values."""
    return 0 <= (data.length - 5) * 8 - values * bits < _PADDING_BITS


def _require_data(values: int, template: int, representation: bytes, data: Section) -> None:
    """Whether the data section has the bits of the values, as far as the template says it."""
    if template == _IEEE:
        each = {1: 32, 2: 64}.get(representation[11], 0)
    elif template in (*SIMPLE, *COMPLEX, *CODED):
        each = representation[19]
        if each > _MAX_BITS:
            raise ValueError(f"{each} bits per value")
    if template in (*SIMPLE, _IEEE) and not fits(values, each, data):
        raise ValueError(f"{data.length} bytes of data for {values} values of {each} bits")


def _bitmap(descriptor: int, frame: Frame, section: Section, points: int) -> npt.NDArray[np.uint8]:
    content = frame.bytes_of(descriptor, section.start + BITMAP_HEAD, section.length - BITMAP_HEAD)
    return np.unpackbits(np.frombuffer(content, dtype=np.uint8), count=points)


def _require_count(bitmap: npt.NDArray[np.uint8], values: int) -> None:
    if (present := int(np.count_nonzero(bitmap))) != values:
        raise ValueError(f"{values} values for a bitmap with {present} points")


def _require_groups(payload: bytes, representation: bytes, values: int) -> None:
    """Whether the groups of complex packing have as many values as there are, and as many bits.

    The data are, each from a whole byte on: descriptors of spatial differencing, references, widths and lengths of the
    groups, values (templates 7.2 and 7.3).
    """
    groups = int.from_bytes(representation[31:35])
    if representation[22] > 2:
        raise ValueError(f"missing values are managed in the way {representation[22]}")
    if not 1 <= groups <= values:
        raise ValueError(f"{groups} groups of {values} values")
    widths_from, lengths_from = representation[35], int.from_bytes(representation[37:41])
    order, extra = 0, 0
    if int.from_bytes(representation[9:11]) == COMPLEX[1]:
        order, extra = representation[47:49]
        if order not in (1, 2) or not 1 <= extra <= 4:
            raise ValueError(f"spatial differences of order {order} in {extra} bytes")
    start = extra * (order + 1) + -(-groups * representation[19] // 8)
    widths, start = _numbers(payload, start, groups, representation[36])
    scaled, start = _numbers(payload, start, groups, representation[46])
    widths = widths + widths_from
    lengths = lengths_from + scaled * representation[41]
    lengths[-1:] = int.from_bytes(representation[42:46])
    if int(lengths.sum()) != values or int(widths.max(initial=0)) > _MAX_BITS:
        raise ValueError(f"its groups have {int(lengths.sum())} values of up to {int(widths.max(initial=0))} bits")
    if not 0 <= (len(payload) - start) * 8 - int(np.dot(widths, lengths)) < _PADDING_BITS:
        raise ValueError(f"{len(payload)} bytes of data for groups of other sizes")


def _numbers(payload: bytes, start: int, count: int, bits: int) -> tuple[_Numbers, int]:
    """Numbers of so many bits each, and the first byte behind them."""
    end = start + -(-count * bits // 8)
    if end > len(payload) or bits > _MAX_BITS:
        raise ValueError(f"{len(payload)} bytes of data for {count} groups")
    found = np.unpackbits(np.frombuffer(payload[start:end], dtype=np.uint8), count=count * bits)
    return found.reshape(count, bits).astype(np.int64) @ (1 << np.arange(bits, dtype=np.int64)[::-1]), end
