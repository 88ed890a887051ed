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
    parser.add_argument(
        "--histories", nargs="*", default=[], type=Path, help="losses per epoch (JSON), in the order of the scores"
    )
    parser.add_argument(
        "--also",
        nargs="*",
        default=[],
        type=Path,
        metavar="CONFIG",
        help="experiment files of other datasets, whose results are taken as well",
    )
    parser.add_argument("--region", help="one of verification.regions to compare in; default: each whole domain")
    parser.add_argument("--output", required=True, type=Path, help="the page (HTML)")
    parser.add_argument("--table", required=True, type=Path, help="the scores per lead time (output, CSV)")


def run(args: argparse.Namespace) -> None:
    """Join the scores on their common samples and write both."""
    from windrow import cuts, stages
    from windrow.errors import UserError
    from windrow.files import read_json, write_text
    from windrow.report.comparison import comparison_csv, comparison_page, side_by_side
    from windrow.report.elsewhere import results_of
    from windrow.report.joining import renamed
    from windrow.report.sources import made_from
    from windrow.verification.aggregate import experiment_of, read_scores

    settings = cuts.read_settings(stages.Compare, args.settings, stage="compare", split=args.split)
    if args.histories and len(args.histories) != len(args.scores):
        raise UserError(
            f"--histories names {len(args.histories)} files and --scores {len(args.scores)}; give one for each or none"
        )
    paths = {experiment_of(read_scores(path)): path for path in args.scores}
    if len(paths) < len(args.scores):
        raise UserError(f"two of the scores are of the same experiment ({', '.join(paths)}); give each once")
    histories = dict(zip(paths, args.histories, strict=False))
    elsewhere = [one for config in args.also for one in results_of(config, settings.split, taken=set(paths))]
    paths |= {one.name: one.scores for one in elsewhere}
    histories |= {one.name: one.history for one in elsewhere if one.history.exists()}
    scores = [renamed(read_scores(path), name) for name, path in paths.items()]
    comparison = side_by_side(scores, region=args.region)
    provenance = made_from({f"scores of {name}": path for name, path in paths.items()})
    page = comparison_page(
        settings,
        comparison,
        provenance=provenance,
        histories={name: read_json(path) for name, path in histories.items()},
        others={one.name: one.settings for one in elsewhere},
    )
    write_text(args.table, comparison_csv(comparison))
    write_text(args.output, page)
    print(f"{args.output}: {len(comparison.experiments)} experiments on {comparison.shared} common samples")
