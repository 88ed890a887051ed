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
    """Merge the months' files, which is all that is read: a month that is added costs no other month's pass."""
    from windrow import cuts, stages
    from windrow.climatology import write_climatology
    from windrow.configfile import canonical
    from windrow.files import write_json, written_beside
    from windrow.statistics import require_spread, split_hash, summary
    from windrow.statistics_merge import require_split, whole
    from windrow.statistics_part import read_part

    settings = cuts.read_settings(stages.Statistics, args.settings, stage="statistics")
    parts = [read_part(path) for path in args.parts]
    require_split(parts, settings.train, settings.variables, step_hours=settings.step_hours)
    states, differences = whole(parts, step_hours=settings.step_hours)
    for name, one in zip(settings.variables, states, strict=True):
        require_spread(name, one)
    gappy = frozenset(name for name, one in zip(settings.variables, states, strict=True) if one.nan_count)
    with written_beside(args.climatology) as beside:
        write_climatology(beside, parts, gappy=gappy, train=settings.train, settings=canonical(settings))
    write_json(
        args.statistics,
        {
            "split_hash": split_hash(settings.train),
            "settings": settings.model_dump(mode="json"),
            "variables": {
                name: summary(*found) for name, *found in zip(settings.variables, states, differences, strict=True)
            },
        },
    )
