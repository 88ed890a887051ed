"""`windrow STEP …`: one subcommand per rule of the workflow."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

from windrow import __version__
from windrow.errors import EndedBySignalError, UserError
from windrow.work.place import place_line, usage_line

STEPS = (
    "sample",
    "inventory",
    "audit",
    "extract",
    "statics",
    "statistics_month",
    "statistics",
    "shards_layout",
    "shards",
    "check_shards",
    "export_shards",
    "damping",
    "train",
    "forecast",
    "predict",
    "export",
    "verify",
    "report",
    "compare",
    "settings",
    "reference",
    "summary",
    "models",
    "plan",
    "ledger",
)


def build_parser(steps: Sequence[str] = STEPS) -> argparse.ArgumentParser:
    """The parser of these subcommands; nothing heavy is imported for it."""
    parser = argparse.ArgumentParser(
        prog="windrow",
        description="From an archive of GRIB files to a verified machine-learned weather model.",
        epilog="`--settings` takes a stage's JSON (as `windrow settings STEP` prints it) or an experiment file.",
    )
    parser.add_argument("--version", action="version", version=f"windrow {__version__}")
    subparsers = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    for name in steps:
        step = importlib.import_module(f"windrow.steps.{name}")
        summary = (step.__doc__ or "").partition("\n")[0]
        aliases = [name.replace("_", "-")] if "_" in name else []
        subparser = subparsers.add_parser(name, aliases=aliases, help=summary, description=step.__doc__)
        step.register(subparser)
        subparser.set_defaults(run=step.run)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one step; 0 is success, 2 a mistake of the user's, told in one message, 75 work that goes on."""
    _write_whole_lines()
    arguments = sys.argv[1:] if arguments is None else arguments
    named = arguments[0].replace("-", "_") if arguments else ""
    parsed = build_parser([named] if named in STEPS else STEPS).parse_args(arguments)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # it would look through all installed packages
    # some shared file systems have no locks; no file is written by two, and a name is given to whole ones alone
    os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
    _tell(place_line(os.environ))
    try:
        parsed.run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as in `windrow settings … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except UserError as problem:
        print(f"windrow {parsed.step}: {problem}", file=sys.stderr)
        return 2
    except EndedBySignalError as problem:
        print(f"windrow {parsed.step}: {problem}", file=sys.stderr)
        return problem.exit_code
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename is not None else ""
        print(f"windrow {parsed.step}: {where}{problem.strerror or problem}", file=sys.stderr)
        return 2
    finally:
        _tell(usage_line(os.environ))
    return 0


def _write_whole_lines() -> None:
    """Keep lines in one piece where Python does not buffer (PYTHONUNBUFFERED): ranks write into one log."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.write_through:
            stream.reconfigure(line_buffering=True, write_through=False)


def _tell(line: str) -> None:
    if line:
        print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
