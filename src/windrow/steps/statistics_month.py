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
    import numpy as np

    from windrow import extracted, stages
    from windrow.configfile import canonical
    from windrow.errors import UserError
    from windrow.files import written_beside
    from windrow.sequences import step_ranges
    from windrow.statistics_part import part_of_month, write_part

    year, number = stages.parse_month(args.month)
    settings = stages.read_settings(
        stages.StatisticsMonth, args.settings, stage="statistics_month", year=str(year), month=str(number)
    )
    origin = stages.first_hour((year, number))
    with extracted.opened(args.extracted) as month:
        wanted = np.zeros(len(month.hours), dtype=bool)
        for steps in step_ranges(settings.train, origin, step_hours=settings.step_hours):
            wanted[steps.start : steps.stop] = True
        if not wanted.any():
            raise UserError(f"{args.month} has no day of the training split; there is nothing to count")
        part = part_of_month(month, number, settings.variables, wanted, step_hours=settings.step_hours)
    with written_beside(args.output) as beside:
        write_part(beside, part, settings=canonical(settings))
