"""Run a trained model over all windows of a split."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--experiment", help="name of the experiment, if --settings is an experiment file")
    parser.add_argument("--split", help="name of the split, if --settings is an experiment file")
    parser.add_argument("--shards", required=True, type=Path, help="directory of the shards")
    parser.add_argument("--climatology", required=True, type=Path, help="climatology.nc: grid and units")
    parser.add_argument("--model", required=True, type=Path, help="the trained model")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: as many as there are cores")
    parser.add_argument("--output", required=True, type=Path, help="the forecasts (Zarr)")


def run(args: argparse.Namespace) -> None:
    """Forecast and write."""
    from windrow import cuts, stages
    from windrow.forecasting import forecast_split

    settings = cuts.read_settings(
        stages.Forecast, args.settings, stage="forecast", experiment=args.experiment, split=args.split
    )
    count = forecast_split(
        settings,
        shards=args.shards,
        climatology=args.climatology,
        model=args.model,
        threads=args.threads,
        output=args.output,
    )
    members = f" with {settings.members} members" if settings.members > 1 else ""
    print(f"{count} forecasts of {settings.sequences.target_steps} steps{members}")
