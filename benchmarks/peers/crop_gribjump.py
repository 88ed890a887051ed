"""Crop GRIB files with pygribjump: headers by eccodes, then the domain's ranges of one file at a time."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import eccodes
import numpy as np
import pygribjump
from monthfile import arguments, write


class Header(NamedTuple):
    """What is needed of a message."""

    offset: int
    variable: str
    time: tuple[int, int]
    grid: str
    nx: int
    step: float
    top: float
    left: float


def headers(path: Path) -> list[Header]:
    """The headers of all messages of a file."""
    found = []
    get = eccodes.codes_get
    with path.open("rb", buffering=0) as stream:
        while (handle := eccodes.codes_grib_new_from_file(stream, headers_only=True)) is not None:
            found.append(
                Header(
                    offset=get(handle, "offset", int),
                    variable=get(handle, "shortName", str),
                    time=(get(handle, "validityDate", int), get(handle, "validityTime", int)),
                    grid=get(handle, "md5GridSection", str),
                    nx=get(handle, "Ni", int),
                    step=get(handle, "iDirectionIncrementInDegrees", float),
                    top=get(handle, "latitudeOfFirstGridPointInDegrees", float),
                    left=get(handle, "longitudeOfFirstGridPointInDegrees", float),
                )
            )
            eccodes.codes_release(handle)
    return found


def main() -> None:
    """Scan and extract, file by file; write at the end."""
    args = arguments(__doc__)
    jump = pygribjump.GribJump()
    times: dict[tuple[int, int], None] = {}
    fields = defaultdict(list)
    step = 0.0
    for path in args.files:
        found = headers(path)
        one, step = found[0], found[0].step
        row, column = round((one.top - args.north) / step), round((args.west - one.left) / step)
        starts = [(row + y) * one.nx + column for y in range(args.ny)]
        ranges = [(start, start + args.nx) for start in starts]
        requests = [
            pygribjump.PathExtractionRequest(str(path), "file", each.offset, "", 0, ranges, each.grid)
            for each in found
        ]
        for each, result in zip(found, jump.extract_from_paths(requests), strict=True):
            values = result.values_flat.reshape(args.ny, args.nx)
            fields[each.variable].append(values.astype(np.float32))
            times[each.time] = None
    write(args.output, list(times), fields, north=args.north, west=args.west, step=step)


if __name__ == "__main__":
    main()
