"""Put the scores of several experiments side by side: one HTML page and one table (CSV)."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--split", help="name of the split, if --settings is an experiment file")
    parser.add_argument(
        "--scores", required=True, nargs="+", type=Path, help="the scores of each experiment (netCDF)"
    )
    parser.add_argument("--output", required=True, type=Path, help="the page (HTML)")
    parser.add_argument("--table", required=True, type=Path, help="the scores per lead time (output, CSV)")


def run(args: argparse.Namespace) -> None:
    """Join the scores on their common samples and write both."""
    from windrow import cuts, stages
    from windrow.files import write_text
    from windrow.report.comparison import comparison_csv, comparison_page, side_by_side
    from windrow.report.sources import made_from
    from windrow.verification.aggregate import experiment_of, read_scores

    settings = cuts.read_settings(stages.Compare, args.settings, stage="compare", split=args.split)
    scores = {path: read_scores(path) for path in args.scores}
    comparison = side_by_side(list(scores.values()))
    provenance = made_from({experiment_of(one): path for path, one in scores.items()})
    write_text(args.table, comparison_csv(comparison))
    write_text(args.output, comparison_page(settings, comparison, provenance=provenance))
    print(f"{args.output}: {len(comparison.experiments)} experiments on {comparison.shared} common samples")
