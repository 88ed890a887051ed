"""Print the errors of all experiments and baselines, and where the reports are."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--config", required=True, type=Path, help="the experiment file")
    parser.add_argument("--split", default="test", help="name of the split (default: test)")


def run(args: argparse.Namespace) -> None:
    """Read the scores, print a table per variable and the paths of the pages."""
    from windrow.configfile import read_config
    from windrow.errors import UserError
    from windrow.naming import dataset_name
    from windrow.report.comparison import side_by_side
    from windrow.report.terminal import summary_tables
    from windrow.verification.aggregate import read_scores

    config = read_config(args.config)
    directory = Path("results") / dataset_name(config.dataset)
    paths = [directory / experiment / args.split / "scores.nc" for experiment in config.experiments]
    if missing := [path for path in paths if not path.exists()]:
        raise UserError(f"{missing[0]} is not there; run `snakemake --configfile {args.config}` first")
    comparison = side_by_side([read_scores(path) for path in paths])
    print(summary_tables(comparison, split=args.split, bootstrap=config.verification.bootstrap))
    pages = [path.with_name("report.html") for path in paths]
    pages.append(directory / "comparison" / args.split / "comparison.html")
    for page in pages:
        print(page if page.exists() else f"{page} (not there yet)")
