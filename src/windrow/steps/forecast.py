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
    parser.add_argument(
        "--threads",
        type=int,
        default=0,
        help="CPU threads, of each rank of a launcher; 0: as many as there are cores",
    )
    parser.add_argument("--devices", type=int, default=1, help="devices that share the work, on each node")
    parser.add_argument("--nodes", type=int, default=1, help="nodes that share the work")
    parser.add_argument(
        "--launcher",
        nargs="?",
        default="",
        const="",  # a rule that sets nothing gives the option alone
        help="start the ranks in a job of SLURM by this command: srun, with its options",
    )
    parser.add_argument("--output", required=True, type=Path, help="the forecasts (Zarr)")


def run(args: argparse.Namespace) -> None:
    """Forecast and write."""
    from windrow import cuts, launch, stages

    launch.start_ranks(args.launcher, nodes=args.nodes, devices=args.devices, threads=args.threads)
    from windrow.forecasting import forecast_split  # heavy: not in the process that becomes srun

    settings = cuts.read_settings(
        stages.Forecast, args.settings, stage="forecast", experiment=args.experiment, split=args.split
    )
    count = forecast_split(
        settings,
        shards=args.shards,
        climatology=args.climatology,
        model=args.model,
        threads=launch.threads_of_rank(args.threads, devices=args.devices),
        output=args.output,
        devices=args.devices,
        nodes=args.nodes,
    )
    if not count:
        return
    members = f" with {settings.members} members" if settings.members > 1 else ""
    print(f"{count} forecasts of {settings.sequences.target_steps} steps{members}")
