"""What a page was made from and with."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from pathlib import Path

from windrow.provenance import versions

DIGITS = 16


def made_from(scores: Mapping[str, Path]) -> dict[str, str]:
    """The start of the SHA-256 of each experiment's scores, and the versions that are installed."""
    hashes = {f"scores of {experiment} (SHA-256)": _sha256(path) for experiment, path in scores.items()}
    return {**hashes, "python": platform.python_version(), **versions()}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:DIGITS]
