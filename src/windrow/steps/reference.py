"""Write config/schema.json and the tables of config/README.md from the config's models."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("directory", nargs="?", default="config", type=Path, help="where the two files lie")


def run(args: argparse.Namespace) -> None:
    """Write both files."""
    from windrow.files import write_text
    from windrow.reference import readme_with_tables, schema_text

    readme = args.directory / "README.md"
    write_text(args.directory / "schema.json", schema_text())
    write_text(readme, readme_with_tables(readme.read_text(encoding="utf-8")))
