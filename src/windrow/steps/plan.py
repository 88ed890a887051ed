"""Print what a run would take: jobs, queue entries, hardware, hours and disk, and what of it would not fit."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--configfile", required=True, type=Path, help="the experiment file")
    parser.add_argument("--profile", type=Path, help="directory of the profile (default: this machine)")
    parser.add_argument(
        "--ledger",
        nargs="+",
        type=Path,
        default=[],
        help="ledgers of earlier runs, as `windrow ledger --csv` writes them (default: those among the results)",
    )
    parser.add_argument(
        "snakemake", nargs="*", help="further options of Snakemake, behind `--`, such as `-- --forceall`"
    )


def run(args: argparse.Namespace) -> None:
    """Ask Snakemake, estimate and print."""
    import shutil

    from windrow.configfile import read_config
    from windrow.errors import UserError
    from windrow.work.estimates import estimator, measured_rates
    from windrow.work.fitting import misfits
    from windrow.work.plan import plan_of
    from windrow.work.plan_text import plan_text
    from windrow.work.site import site_of
    from windrow.work.submissions import ask_snakemake

    config = read_config(args.configfile)
    if not Path("Snakefile").exists():
        raise UserError("there is no Snakefile here; go to the directory that has it")
    if args.profile is not None and not args.profile.exists():
        raise UserError(f"there is no profile {args.profile}; profiles/slurm is one")
    profile = ["--profile", str(args.profile)] if args.profile else []
    submissions = ask_snakemake([*args.snakemake, *profile, "--configfile", str(args.configfile)])
    results = Path("results")
    plan = plan_of(submissions, estimator(config, measured_rates(config, results, args.ledger)))
    on_cluster = any(not part.here for part in submissions.parts)
    site = site_of(args.profile, on_cluster=on_cluster)
    free = shutil.disk_usage(results if results.exists() else Path()).free
    problems = misfits(plan, site, free_bytes=free)
    print(plan_text(plan, site, problems, free_bytes=free, results=str(results)), end="")
