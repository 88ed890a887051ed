"""List all networks, those of plug-ins too, with their parameters and the strategies that can unroll them."""

from __future__ import annotations

import argparse


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--inputs", type=int, default=21, help="features that a network sees (default: 21)")
    parser.add_argument("--outputs", type=int, default=17, help="features that it predicts (default: 17)")
    parser.add_argument("--grid", default="256x256", help="rows and columns, as YxX (default: 256x256)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> None:
    """Print one line for each network."""
    import json
    from dataclasses import asdict

    from windrow.errors import UserError
    from windrow.models.grid_size import parse_grid_size
    from windrow.models.listing import list_networks, table

    if min(args.inputs, args.outputs) < 1:
        raise UserError("a network has at least one input and one output; raise --inputs or --outputs")
    found = list_networks(inputs=args.inputs, outputs=args.outputs, grid=parse_grid_size(args.grid))
    if args.json:
        print(json.dumps([asdict(network) for network in found], indent=1))
    else:
        print(table(found))
