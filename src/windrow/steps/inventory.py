"""List every GRIB field of one month: its place, its kind, its time; nothing is decoded."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--archive", type=Path, help="directory of the archive; source.root of an experiment file")
    parser.add_argument("--month", required=True, help="the month, YYYY-MM")
    parser.add_argument("--output", required=True, type=Path, help="the inventory (JSON)")


def run(args: argparse.Namespace) -> None:
    """Scan the headers of the month's files and write the inventory as columns."""
    from windrow import cuts, months, stages
    from windrow.errors import UserError
    from windrow.files import write_json
    from windrow.grib import inventory
    from windrow.grib.headers import Kinds

    settings = cuts.read_settings(stages.Inventory, args.settings, stage="inventory")
    root = cuts.archive_root(args.archive, args.settings)
    month = months.parse_month(args.month)
    files = [root / name for name in months.archive_files(str(root), settings.files, *month)]
    states = inventory.file_states(files, root)
    first, end = months.first_hour(month), months.end_of_month(month)
    times = inventory.expected_times(first, end, step_hours=settings.step_hours)
    kinds = Kinds()
    journal = args.output.with_name(f".{args.output.name}.scan")
    scanned = inventory.scan(files, root, kinds, journal=journal)
    found = [message for message in scanned if first <= message.time < end]
    wanted = set(times)
    messages = [message for message in found if message.time in wanted]
    off_step = inventory.times_by_variable(message for message in found if message.time not in wanted)
    if not found:
        names = f"{next(iter(states))}{f' and {len(files) - 1} more files' if len(files) > 1 else ''}"
        raise UserError(
            f"{names} of {root}: holds no messages of {args.month}; fetch that month, or mend source.files"
        )
    content = inventory.as_columns(
        messages,
        times,
        kinds.grids,
        month=args.month,
        step_hours=settings.step_hours,
        off_step=off_step,
        files=states,
    )
    write_json(args.output, content, compact=True)
    print(f"{args.month}: {len(messages)} messages in {len(files)} files")
    for variable, left in off_step.items():
        print(
            f"{args.month}: {variable}: {len(left)} times off the step of {settings.step_hours} h are left out, "
            f"{left[0]} the first"
        )
