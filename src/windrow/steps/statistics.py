"""Merge the months into `statistics.json` and `climatology.nc`: the training split only."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--parts", required=True, nargs="+", type=Path, help="statistics of the months (netCDF)")
    parser.add_argument("--statistics", required=True, type=Path, help="statistics per variable (JSON)")
    parser.add_argument("--climatology", required=True, type=Path, help="mean per month, hour and point (netCDF)")


def run(args: argparse.Namespace) -> None:
    """Merge in the order of time, so that the same months always give the same bytes."""
    from windrow import stages
    from windrow.climatology import write_climatology
    from windrow.configfile import canonical
    from windrow.errors import UserError
    from windrow.files import write_json, written_beside
    from windrow.statistics import split_hash, summary
    from windrow.statistics_part import climatology_of, read_part, require_split, whole

    settings = stages.read_settings(stages.Statistics, args.settings, stage="statistics")
    parts = [read_part(path) for path in args.parts]
    require_split(parts, settings.train)
    states, differences = whole(parts, step_hours=settings.step_hours)
    for name, one in zip(settings.variables, states, strict=True):
        if not one.std > 0:
            raise UserError(f"{name} is constant over the training split; take it out of dataset.variables")
    with written_beside(args.climatology) as beside:
        write_climatology(beside, climatology_of(parts), like=parts[0], settings=canonical(settings))
    write_json(
        args.statistics,
        {
            "split_hash": split_hash(settings.train),
            "settings": settings.model_dump(mode="json"),
            "variables": {
                name: summary(states[place], differences[place]) for place, name in enumerate(settings.variables)
            },
        },
    )
