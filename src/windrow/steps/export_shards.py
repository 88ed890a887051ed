"""Write the training data, or a split of it, in another layout: .npy files, one HDF5 file, tar files of samples."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windrow.shards.export import Content

FORMATS = {
    "npy": "a directory with a file per block and stack.json",
    "hdf5": "one file with the array `data`",
    "tar": "a directory of tar files with the windows of a split, as WebDataset reads them, and samples.json",
}

COUNTED = {"npy": "files", "hdf5": "times", "tar": "samples"}


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("shards", type=Path, help="directory of the shards")
    parser.add_argument(
        "--format", required=True, choices=list(FORMATS), help="; ".join(f"{k}: {v}" for k, v in FORMATS.items())
    )
    parser.add_argument(
        "--settings", help="settings of the stage, or an experiment file, if only a split is wanted"
    )
    parser.add_argument("--split", help="name of the split, if --settings is an experiment file")
    parser.add_argument("--output", required=True, type=Path, help="the file or directory to write")


def run(args: argparse.Namespace) -> None:
    """Read the store block by block or window by window."""
    from windrow.errors import UserError
    from windrow.shards.export import export

    if args.split and not args.settings:
        raise UserError("--split needs the experiment file; name it by --settings")
    count = export(_content(args), layout=args.format, output=args.output)
    print(f"{args.output}: {count} {COUNTED[args.format]}")


def _content(args: argparse.Namespace) -> Content:
    import numpy as np

    from windrow import cuts, stages
    from windrow.errors import UserError
    from windrow.sequences import step_ranges
    from windrow.shards.export import Content, read_description
    from windrow.shards.reader import ShardReader
    from windrow.shards.store import read_layout
    from windrow.shards.windows import valid_windows

    laid_out = read_layout(args.shards)
    layout = laid_out.layout
    reader = ShardReader(args.shards, layout)
    ranges, windows, sequences = [range(laid_out.steps)], None, None
    if args.settings:
        asked = cuts.read_settings(stages.ExportShards, args.settings, stage="export_shards", split=args.split)
        if asked.layout != layout:
            raise UserError(f"{args.shards} is of another dataset than --settings; name that one's shards")
        sequences = asked.sequences
        ranges = step_ranges(asked.days, layout.origin, step_hours=layout.step_hours)
        windows = valid_windows(reader, asked.days, sequences, name=asked.split)
    steps = [part.start + np.flatnonzero(reader.available(part)) for part in ranges]
    variables, grid = read_description(args.shards)
    return Content(reader, variables, grid, np.concatenate(steps), windows, sequences)
