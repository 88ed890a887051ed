"""Forecast from the newest fields in GRIB files, with a trained model."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--checkpoint", required=True, type=Path, help="the trained model, model.ckpt")
    parser.add_argument(
        "--grib", required=True, type=Path, nargs="+", help="files with at least as many times as the model reads"
    )
    parser.add_argument("--output", required=True, type=Path, help="the forecast: .nc, .zarr or .grib (output)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: as many as there are cores")


def run(args: argparse.Namespace) -> None:
    """Read, forecast, write."""
    from windrow.prediction import predict

    found = predict(args.checkpoint, args.grib, args.output, threads=args.threads)
    leads = f"{found.lead_hours[0]} to {found.lead_hours[-1]} h"
    init = f"{found.init_time:%Y-%m-%dT%H} UTC"
    print(f"{args.output}: {', '.join(found.fields)} from {init}, {leads}")
