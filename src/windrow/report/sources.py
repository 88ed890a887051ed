"""What a page was made from and with."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

from windrow.provenance import versions
from windrow.report import vega

DIGITS = 16


def made_from(files: Mapping[str, Path]) -> dict[str, str]:
    """The start of the SHA-256 of each file, the commit of the source and the versions that are installed."""
    hashes = {f"{name} (SHA-256)": _sha256(path) for name, path in files.items()}
    return {**hashes, "commit": commit(), "python": platform.python_version(), **versions(), **vega.versions()}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:DIGITS]


def commit() -> str:
    """The commit of the package's own source, and whether it was edited since."""
    place = Path(__file__).parent
    try:
        known = _git(place, "ls-files", "--error-unmatch", Path(__file__).name)
        found = _git(place, "rev-parse", "--short=12", "HEAD")
        edited = _git(place, "status", "--porcelain", "--untracked-files=no", "--", str(place.parent))
    except (OSError, subprocess.SubprocessError):
        return "unknown: the package is not in a git repository"
    assert known
    return f"{found} with uncommitted edits" if edited else found


def _git(place: Path, *arguments: str) -> str:
    asked = subprocess.run(["git", *arguments], cwd=place, capture_output=True, text=True, timeout=20, check=True)
    return asked.stdout.strip()
