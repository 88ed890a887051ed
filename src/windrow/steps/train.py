"""Train one experiment; a killed training goes on at the step of its last checkpoint."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--experiment", help="name of the experiment, if --settings is an experiment file")
    parser.add_argument("--shards", required=True, type=Path, help="directory of the shards")
    parser.add_argument("--statistics", required=True, type=Path, help="statistics.json")
    parser.add_argument("--climatology", required=True, type=Path, help="climatology.nc")
    parser.add_argument("--statics", required=True, type=Path, help="statics.nc")
    parser.add_argument(
        "--work", required=True, type=Path, help="directory of checkpoints and the TensorBoard log"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=0,
        help="CPU threads, of each rank of a launcher; 0: as many as there are cores",
    )
    parser.add_argument(
        "--launcher",
        nargs="?",
        default="",
        const="",  # a rule that sets nothing gives the option alone
        help="start the ranks in a job of SLURM by this command: srun, with its options",
    )
    parser.add_argument("--model", required=True, type=Path, help="the trained model (output)")
    parser.add_argument("--history", required=True, type=Path, help="losses per epoch (output, JSON)")


def run(args: argparse.Namespace) -> None:
    """Train, then write the model and its history."""
    from windrow import cuts, launch, stages
    from windrow.errors import EndedBySignalError
    from windrow.files import read_json

    settings = cuts.read_settings(stages.Train, args.settings, stage="train", experiment=args.experiment)
    options = settings.experiment.training
    launch.start_ranks(args.launcher, nodes=options.nodes, devices=options.devices, threads=args.threads)
    from windrow.training.fit import Sources, train  # heavy: not in the process that becomes srun

    try:
        train(
            settings,
            Sources(args.shards, read_json(args.statistics), args.climatology, args.statics),
            work=args.work,
            threads=launch.threads_of_rank(args.threads, devices=options.devices),
            model=args.model,
            history=args.history,
        )
    except EndedBySignalError as ended:
        if ended.again and launch.is_rank():
            launch.run_job_again(str(ended))
        raise
