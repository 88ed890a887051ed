"""Statistics and climatology sums of one month of the training split."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--month", required=True, help="the month, YYYY-MM")
    parser.add_argument("--extracted", required=True, type=Path, help="the month's fields (netCDF)")
    parser.add_argument("--output", required=True, type=Path, help="the month's statistics (netCDF)")


def run(args: argparse.Namespace) -> None:
    """Take the training hours of the month that are there, and them alone."""
    from windrow import cuts, extracted, months, stages
    from windrow.configfile import canonical
    from windrow.errors import UserError
    from windrow.files import written_beside
    from windrow.statistics_part import write_part
    from windrow.statistics_pass import bands_of_month, scope_of_month

    number = months.parse_month(args.month)
    settings = cuts.read_settings(
        stages.Statistics, args.settings, stage="statistics_month", year=str(number[0]), month=str(number[1])
    )
    if not settings.train:
        raise UserError(f"{args.month} has no day of the training split; there is nothing to count")
    with extracted.opened(args.extracted) as month, written_beside(args.output) as beside:
        scope = scope_of_month(
            month, settings.train, settings.variables, step_hours=settings.step_hours, number=number
        )
        write_part(beside, scope, bands_of_month(month, scope), settings=canonical(settings))
