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
    """Take the training hours of the month, and them alone."""
    from windrow import extracted, months, stages
    from windrow.configfile import canonical
    from windrow.errors import UserError
    from windrow.files import written_beside
    from windrow.statistics_part import part_of_month, write_part

    year, number = months.parse_month(args.month)
    settings = stages.read_settings(
        stages.Statistics, args.settings, stage="statistics_month", year=str(year), month=str(number)
    )
    if not settings.train:
        raise UserError(f"{args.month} has no day of the training split; there is nothing to count")
    with extracted.opened(args.extracted) as month:
        part = part_of_month(month, settings.train, settings.variables, step_hours=settings.step_hours)
    with written_beside(args.output) as beside:
        write_part(beside, part, settings=canonical(settings))
