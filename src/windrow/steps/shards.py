"""Write the training data of one year, block by block; blocks that are there and whole are kept."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--year", required=True, help="the year, YYYY")
    parser.add_argument("--extracted", required=True, nargs="+", type=Path, help="the months that its blocks need")
    parser.add_argument(
        "--ranks", type=int, default=1, help="MPI processes that share the work; this is one of them (default: 1)"
    )
    parser.add_argument(
        "--output", required=True, type=Path, help="the year's manifest, blocks/YEAR.json in the shards"
    )


def run(args: argparse.Namespace) -> None:
    """Take the year's blocks from the settings, gather them out of the months."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # starting threads that nothing here uses takes 0.1 s
    from windrow import cuts, stages
    from windrow.errors import UserError
    from windrow.shards.layout import manifest_path
    from windrow.shards.ranks import started
    from windrow.shards.year import write_year

    settings = cuts.read_settings(stages.Shards, args.settings, stage="shards", year=args.year)
    if str(settings.year) != args.year:
        raise UserError(f"--settings are of {settings.year} and --year is {args.year}; give the same year")
    shards = args.output.parent.parent
    if args.output != manifest_path(shards, settings.year):
        raise UserError(f"--output {args.output} is no manifest; write SHARDS/blocks/{settings.year}.json")
    write_year(settings, args.extracted, shards, started(args.ranks))
