"""Cut the fields that are the same at all times, such as orography, out of the archive."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--archive", type=Path, help="directory of the archive; source.root of an experiment file")
    parser.add_argument(
        "--inventories", required=True, nargs="+", type=Path, help="inventories (JSON) to look in, in this order"
    )
    parser.add_argument("--extracted", required=True, type=Path, help="an extracted month, whose grid they have")
    parser.add_argument("--output", required=True, type=Path, help="the fields (netCDF)")


def run(args: argparse.Namespace) -> None:
    """Look each field up, crop, write."""
    from windrow import cuts, stages
    from windrow.grib.contents import read_contents
    from windrow.statics import write_statics

    settings = cuts.read_settings(stages.Statics, args.settings, stage="statics")
    root = cuts.archive_root(args.archive, args.settings)
    contents = [read_contents(path) for path in args.inventories]
    write_statics(args.output, contents, settings, like=args.extracted, root=root)
    print(f"{args.output}: {', '.join(settings.statics) or 'the grid alone'}")
