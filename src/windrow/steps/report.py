"""Show one experiment's scores, cases and training on one self-contained HTML page."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--experiment", help="name of the experiment, if --settings is an experiment file")
    parser.add_argument("--split", help="name of the split, if --settings is an experiment file")
    parser.add_argument("--scores", required=True, type=Path, help="the scores (netCDF)")
    parser.add_argument("--forecasts", required=True, type=Path, help="the forecasts (Zarr)")
    parser.add_argument("--shards", required=True, type=Path, help="directory of the shards")
    parser.add_argument("--history", required=True, type=Path, help="losses per epoch (JSON)")
    parser.add_argument("--audit", required=True, type=Path, help="what the archive held (JSON)")
    parser.add_argument(
        "--export", nargs="?", type=Path, help="how the exported network compares, if there is one (JSON)"
    )
    parser.add_argument(
        "--benchmarks", type=Path, help="directory of Snakemake's benchmark files of the dataset, if there is one"
    )
    parser.add_argument("--output", required=True, type=Path, help="the report (HTML)")


def run(args: argparse.Namespace) -> None:
    """Read everything, draw and write."""
    from windrow import cuts, stages
    from windrow.errors import UserError
    from windrow.files import read_json, write_text
    from windrow.forecasts import open_forecasts
    from windrow.report.page import experiment_page
    from windrow.report.sources import made_from
    from windrow.shards.reader import ShardReader
    from windrow.verification.aggregate import experiment_of, read_scores

    settings = cuts.read_settings(
        stages.ReportPage, args.settings, stage="report", experiment=args.experiment, split=args.split
    )
    scores = read_scores(args.scores)
    if experiment_of(scores) != settings.experiment_name:
        raise UserError(
            f"{args.scores} is of the experiment {experiment_of(scores)} and not of {settings.experiment_name}; "
            "give the scores of the one that the settings name"
        )
    page = experiment_page(
        settings,
        scores=scores,
        forecasts=open_forecasts(args.forecasts),
        reader=ShardReader(args.shards, settings.layout),
        history=read_json(args.history),
        audit=read_json(args.audit),
        export=read_json(args.export) if args.export else None,
        benchmarks=args.benchmarks,
        provenance=made_from({"scores": args.scores, "history": args.history, "audit": args.audit}),
    )
    write_text(args.output, page)
    print(f"{args.output}: {scores.sizes['init_time']} samples, {len(page.encode()) / 1e6:.1f} MB")
