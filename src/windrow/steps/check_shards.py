"""Verify every block of the training data against its checksum, and the metadata."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("shards", type=Path, help="directory of the shards")
    parser.add_argument("--threads", type=int, default=4, help="blocks read at a time (default: 4)")


def run(args: argparse.Namespace) -> None:
    """Name each block that is damaged, missing or not known, with its times."""
    from windrow.errors import UserError
    from windrow.shards.check import check_store

    checked = check_store(args.shards, threads=max(1, args.threads))
    for problem in checked.problems:
        print(problem)
    if checked.problems:
        raise UserError(
            f"{len(checked.problems)} of the things checked in {args.shards} are wrong, see above; delete the damaged "
            "blocks and run `snakemake --forcerun shards`, which writes what is not there"
        )
    print(f"{args.shards}: {checked.blocks} blocks are as they were written")
