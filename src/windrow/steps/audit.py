"""Hold the inventories of all months against what the dataset needs, before anything is computed."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument(
        "--inventories", required=True, nargs="+", type=Path, help="the months' inventories, in order"
    )
    parser.add_argument("--output", required=True, type=Path, help="what was found (JSON), for the report")


def run(args: argparse.Namespace) -> None:
    """Tell all problems of all months at once; write the findings when there is none."""
    from windrow import cuts, stages
    from windrow.audit import Policy, audit_months, require_sound
    from windrow.files import write_json

    settings = cuts.read_settings(stages.Audit, args.settings, stage="audit")
    audits, archive = audit_months(
        args.inventories, settings.variables, Policy(settings.missing, settings.constant)
    )
    require_sound(audits)
    write_json(args.output, {"archive": archive, "months": [audit.summary() for audit in audits]})
    valid, expected = sum(len(audit.hours) for audit in audits), sum(audit.expected for audit in audits)
    print(f"{len(audits)} months: {valid} of {expected} times have all variables")
