"""Score the forecasts and the baselines on the same samples."""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--forecasts", required=True, type=Path, help="the forecasts (Zarr)")
    parser.add_argument("--shards", required=True, type=Path, help="directory of the shards")
    parser.add_argument("--climatology", required=True, type=Path, help="climatology.nc")
    parser.add_argument("--statistics", required=True, type=Path, help="statistics.json")
    parser.add_argument(
        "--damping", nargs="?", type=Path, help="damping.json, for the baseline damped_persistence"
    )
    parser.add_argument("--threads", type=int, default=1, help="that score at the same time; default 1")
    parser.add_argument(
        "--dask",
        nargs="?",
        default="",
        const="",  # a rule that sets nothing gives the option alone
        metavar="WORKERS",
        help="who scores instead of threads: local or local:N (processes), slurm:N (jobs), mpi (the ranks of this "
        "job), or the address of a Dask scheduler",
    )
    parser.add_argument(
        "--dask-wait",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="for the first worker to come out of a queue; default 600",
    )
    parser.add_argument(
        "--ranks", type=int, default=1, help="MPI processes of this job, for --dask mpi: 3 or more; default 1"
    )
    parser.add_argument("--output", required=True, type=Path, help="the scores (netCDF)")


def run(args: argparse.Namespace) -> None:
    """Score; of the ranks of an MPI job the one that is not to serve the others."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is there: each thread scores samples of its own
    from windrow.errors import UserError
    from windrow.verification.mpi_workers import on_client_rank

    if args.dask == "mpi":
        on_client_rank(partial(_score, args), ranks=args.ranks, threads=args.threads)
    elif args.ranks > 1:
        raise UserError(f"--ranks {args.ranks} would each write the same scores; add --dask mpi, or use one rank")
    else:
        _score(args)


def _score(args: argparse.Namespace) -> None:
    """Verify and write."""
    from windrow import cuts, stages
    from windrow.files import written_beside
    from windrow.verification.inputs import Sources
    from windrow.verification.verify import verify

    settings = cuts.read_settings(stages.Verify, args.settings, stage="verify")
    sources = Sources(args.forecasts, args.shards, args.climatology, args.statistics, args.damping)
    with written_beside(args.output) as beside:
        axes = verify(settings, sources, beside, threads=args.threads, dask=args.dask, wait=args.dask_wait)
    print(f"{len(axes.init_hours)} samples, {len(axes.forecasts)} forecasts")
