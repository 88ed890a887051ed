"""Fit the factors of damped persistence on the training split."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--shards", required=True, type=Path, help="directory of the shards")
    parser.add_argument("--climatology", required=True, type=Path, help="climatology.nc")
    parser.add_argument("--output", required=True, type=Path, help="the factors (JSON)")


def run(args: argparse.Namespace) -> None:
    """Fit and write."""
    from windrow import cuts, stages
    from windrow.climatology import read_climatology
    from windrow.files import write_json
    from windrow.shards.reader import ShardReader
    from windrow.verification.damped import fit_damping

    settings = cuts.read_settings(stages.Damping, args.settings, stage="damping")
    found = fit_damping(
        ShardReader(args.shards, settings.layout),
        read_climatology(args.climatology, settings.train),
        settings.train,
        settings.variables,
        leads=settings.leads,
    )
    write_json(args.output, found | {"settings": settings.model_dump(mode="json")})
