"""Cut the domain and the variables of one month out of the archive into netCDF."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--archive", type=Path, help="directory of the archive; source.root of an experiment file")
    parser.add_argument("--inventory", required=True, type=Path, help="the month's inventory (JSON)")
    parser.add_argument(
        "--reference", type=Path, help="inventory of the dataset's first month, which all must be like"
    )
    parser.add_argument("--output", required=True, type=Path, help="the month's fields (netCDF)")


def run(args: argparse.Namespace) -> None:
    """Read the inventory, extract, write."""
    from windrow import cuts, stages
    from windrow.extraction import extract_month
    from windrow.grib.contents import read_contents

    settings = cuts.read_settings(stages.Extract, args.settings, stage="extract")
    root = cuts.archive_root(args.archive, args.settings)
    contents = read_contents(args.inventory)
    reference = read_contents(args.reference) if args.reference else None
    times = extract_month(contents, settings, args.output, root=root, reference=reference)
    left_out = len(contents.hours) - len(times)
    masked = f", {left_out} of {len(contents.hours)} left out" if left_out else ""
    print(f"{args.output}: {len(times)} times{masked}, {len(settings.variables)} variables")
