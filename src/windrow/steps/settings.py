"""Print a stage's settings, cut out of an experiment file, as the rule passes them."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("stage", help="name of the stage, such as train")
    parser.add_argument("--config", required=True, type=Path, help="the experiment file")
    parser.add_argument("--experiment", help="for train, forecast and report")
    parser.add_argument("--split", help="for forecast, report and compare")
    parser.add_argument("--month", help="for statistics_month: YYYY-MM")
    parser.add_argument("--year", help="for shards: YYYY")


def run(args: argparse.Namespace) -> None:
    """Print one line of JSON."""
    from windrow import cuts, months
    from windrow.configfile import read_config
    from windrow.errors import UserError

    if args.stage not in cuts.CUTS:
        raise UserError(f"there is no stage {args.stage}; there are {', '.join(cuts.CUTS)}")
    wildcards = {"experiment": args.experiment, "split": args.split, "year": args.year}
    if args.month:
        year, month = months.parse_month(args.month)
        wildcards |= {"year": str(year), "month": str(month)}
    print(cuts.cut(args.stage, read_config(args.config), **wildcards))
