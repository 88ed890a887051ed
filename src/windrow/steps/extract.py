"""Cut the domain and the variables of one month out of the archive into netCDF."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--inventory", required=True, type=Path, help="the month's inventory (JSON)")
    parser.add_argument("--output", required=True, type=Path, help="the month's fields (netCDF)")


def run(args: argparse.Namespace) -> None:
    """Read the inventory, extract, write."""
    from windrow import stages
    from windrow.extraction import extract_month
    from windrow.files import read_json

    settings = stages.read_settings(stages.Extract, args.settings, stage="extract")
    times = extract_month(read_json(args.inventory), settings, args.output)
    print(f"{args.output}: {len(times)} times, {len(settings.variables)} variables")
