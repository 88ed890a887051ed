"""List every GRIB message of one month and the hours that are missing or doubled."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--month", required=True, help="the month, YYYY-MM")
    parser.add_argument("--output", required=True, type=Path, help="the inventory (JSON)")


def run(args: argparse.Namespace) -> None:
    """Scan the headers of the month's files and write the inventory as columns."""
    from windrow import stages
    from windrow.files import write_json
    from windrow.grib import inventory

    settings = stages.read_settings(stages.Inventory, args.settings, stage="inventory")
    month = stages.parse_month(args.month)
    root = Path(settings.root)
    files = inventory.month_files(root, settings.files, month)
    times = inventory.expected_times(
        stages.first_hour(month), stages.end_of_month(month), step_hours=settings.step_hours
    )
    grids: dict[str, dict[str, object]] = {}
    wanted = set(times)
    messages = [message for message in inventory.scan(files, root, grids) if message.time in wanted]
    write_json(args.output, inventory.as_columns(messages, times, grids, month=args.month))
    print(f"{args.month}: {len(messages)} messages in {len(files)} files")
