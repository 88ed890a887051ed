"""Write one block of the training data."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--extracted", required=True, nargs="+", type=Path, help="the months that the block needs")
    parser.add_argument("--block", required=True, type=int, help="number of the block")
    parser.add_argument("--output", required=True, type=Path, help="the block's file")


def run(args: argparse.Namespace) -> None:
    """Gather the block's steps out of the months."""
    import numpy as np

    from windrow import extracted, stages
    from windrow.shards.layout import shape_of
    from windrow.shards.writer import write_block

    layout = stages.read_settings(stages.Layout, args.settings, stage="shards")
    first = extracted.hours_since_1900(layout.origin) + args.block * layout.block_steps * layout.step_hours
    present = np.zeros(layout.block_steps, dtype=bool)
    shape = shape_of(layout)
    values = np.zeros((shape.steps, shape.variables, shape.ny, shape.nx), dtype=np.float32)
    for path in args.extracted:
        with extracted.opened(path) as month:
            extracted.require_shape(month, path, layout.variables, layout.ny, layout.nx)
            steps = (month.hours - first) // layout.step_hours
            inside = np.flatnonzero((steps >= 0) & (steps < layout.block_steps))
            if not len(inside):
                continue
            source = slice(int(inside[0]), int(inside[-1]) + 1)
            present[steps[source]] = True
            for place, variable in enumerate(layout.variables):
                values[steps[source], place] = month.fields(variable, source)
    write_block(args.output, values, present, shape)
    print(f"block {args.block}: {int(present.sum())} of {layout.block_steps} steps")
