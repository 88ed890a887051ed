"""Crop GRIB files with a plain loop: eccodes decodes every message whole, NumPy cuts the domain out."""

from __future__ import annotations

from collections import defaultdict

import eccodes
import numpy as np
from monthfile import arguments, write


def main() -> None:
    """Decode and cut, message by message; write at the end."""
    args = arguments(__doc__)
    get = eccodes.codes_get
    times: dict[tuple[int, int], None] = {}
    fields = defaultdict(list)
    step = 0.0
    for path in args.files:
        with path.open("rb") as stream:
            while (handle := eccodes.codes_grib_new_from_file(stream)) is not None:
                nx, ny = get(handle, "Ni", int), get(handle, "Nj", int)
                step = get(handle, "iDirectionIncrementInDegrees", float)
                row = round((get(handle, "latitudeOfFirstGridPointInDegrees", float) - args.north) / step)
                column = round((args.west - get(handle, "longitudeOfFirstGridPointInDegrees", float)) / step)
                field = eccodes.codes_get_values(handle).reshape(ny, nx)
                cut = field[row : row + args.ny, column : column + args.nx].astype(np.float32)
                fields[get(handle, "shortName", str)].append(cut)
                times[get(handle, "validityDate", int), get(handle, "validityTime", int)] = None
                eccodes.codes_release(handle)
    write(args.output, list(times), fields, north=args.north, west=args.west, step=step)


if __name__ == "__main__":
    main()
