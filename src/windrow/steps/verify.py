"""Score the forecasts and the baselines on the same samples."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--forecasts", required=True, type=Path, help="the forecasts (Zarr)")
    parser.add_argument("--shards", required=True, type=Path, help="directory of the shards")
    parser.add_argument("--climatology", required=True, type=Path, help="climatology.nc")
    parser.add_argument("--output", required=True, type=Path, help="the scores (netCDF)")


def run(args: argparse.Namespace) -> None:
    """Verify and write."""
    from windrow import cuts, stages
    from windrow.configfile import canonical
    from windrow.files import written_beside
    from windrow.verification.verify import verify

    settings = cuts.read_settings(stages.Verify, args.settings, stage="verify")
    scores = verify(settings, forecasts=args.forecasts, shards=args.shards, climatology=args.climatology)
    scores.attrs["windrow_settings"] = canonical(settings)
    with written_beside(args.output) as beside:
        scores.to_netcdf(beside, engine="netcdf4")
    print(f"{scores.sizes['init_time']} samples, {scores.sizes['forecast']} forecasts")
