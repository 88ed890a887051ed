"""Make the embedded data set: a small atmosphere as an archive of GRIB files."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("root", nargs="?", default="data/sample", type=Path, help="directory of the archive")
    parser.add_argument("--days", type=int, help="only the first days of each month")


def run(args: argparse.Namespace) -> None:
    """Write the archive, unless it is there already, and tell of every month."""
    from windrow.sample import write_sample

    write_sample(args.root, days=args.days, progress=_tell)
    print(f"{args.root} holds the sample")


def _tell(month: str) -> None:
    print(f"{month} written", flush=True)
