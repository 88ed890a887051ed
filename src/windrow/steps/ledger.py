"""Print what the jobs of a dataset took: time, memory, CPU and GPU hours per rule and per experiment."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--configfile", required=True, type=Path, help="the experiment file")
    parser.add_argument("--results", default=Path("results"), type=Path, help="directory of all results")
    parser.add_argument(
        "--csv",
        nargs="?",
        type=Path,
        const=Path(),
        help="write a line per job as well (default: ledger.csv in the directory of the dataset, where `windrow plan` "
        "finds it)",
    )


def run(args: argparse.Namespace) -> None:
    """Read, print and write."""
    from windrow.configfile import read_config
    from windrow.errors import UserError
    from windrow.files import write_text
    from windrow.naming import dataset_name
    from windrow.work.estimates import with_model
    from windrow.work.ledger import as_csv, read_ledger
    from windrow.work.ledger_text import ledger_text

    config = read_config(args.configfile)
    directory = args.results / dataset_name(config.dataset)
    ledger = read_ledger(directory / "benchmark", archive=config.source.name)
    if not ledger.entries:
        raise UserError(
            f"no job of {directory} was measured; run `snakemake --configfile {args.configfile}` first"
        )
    print(ledger_text(ledger))
    if args.csv is not None:
        path = args.csv if args.csv.name else directory / "ledger.csv"
        write_text(path, as_csv(with_model(ledger.entries, config)))
        print(f"{path}: {len(ledger.entries)} jobs")
