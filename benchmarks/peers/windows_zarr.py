"""Windows by zarr-python, out of the store that windrow writes."""

from __future__ import annotations

from pathlib import Path

import numpy.typing as npt
import zarr
from loop import STEPS, Buffer, Fill, run


def opened(store: Path) -> Fill:
    """Open the array."""
    data = zarr.open_group(store, mode="r")["data"]

    def fill(firsts: npt.NDArray, buffer: Buffer) -> None:
        for place, first in enumerate(firsts.tolist()):
            buffer[place] = data[first : first + STEPS]

    return fill


if __name__ == "__main__":
    run(__doc__, opened)
