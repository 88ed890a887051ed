"""Write the metadata and the coordinates of the shards; check that all months lie on one grid."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--extracted", required=True, nargs="+", type=Path, help="all extracted months")
    parser.add_argument("--shards", required=True, type=Path, help="directory of the Zarr group")


def run(args: argparse.Namespace) -> None:
    """Take grid and units from the months, the time axis from the settings."""
    import numpy as np

    from windrow import cuts, extracted, stages
    from windrow.shards.layout import shape_of
    from windrow.shards.writer import write_layout

    settings = cuts.read_settings(stages.ShardsLayout, args.settings, stage="shards_layout")
    layout = settings.layout
    common = extracted.common_ground(args.extracted, layout.variables, layout.ny, layout.nx)
    write_layout(
        args.shards,
        shape=shape_of(layout),
        times=extracted.hours_since_1900(layout.origin)
        + layout.step_hours * np.arange(settings.steps, dtype=np.int64),
        variables=common.attributes,
        grid=common.grid,
        attributes={"windrow_settings": settings.model_dump(mode="json")},
    )
