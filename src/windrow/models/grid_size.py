"""The grid that a network works on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from windrow.errors import UserError


@dataclass(frozen=True)
class GridSize:
    """Points along both dimensions, and where graphs on this grid are kept, if they are kept."""

    ny: int
    nx: int
    graphs: Path | None = None


def parse_grid_size(text: str) -> GridSize:
    """Read rows and columns written as `256x192`.

    Raises
    ------
    UserError
        If it is not so written.
    """
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if not found:
        raise UserError(f"{text!r} is no grid; give rows and columns as 256x192")
    return GridSize(ny=int(found[1]), nx=int(found[2]))
