"""Windows copied out of an array in memory: the speed of the machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import zarr
from loop import STEPS, Buffer, Fill, run


def opened(store: Path) -> Fill:
    """Load the whole store."""
    data = np.asarray(zarr.open_group(store, mode="r")["data"][:])

    def fill(firsts: npt.NDArray[np.int64], buffer: Buffer) -> None:
        for place, first in enumerate(firsts.tolist()):
            np.copyto(buffer[place], data[first : first + STEPS])

    return fill


if __name__ == "__main__":
    run(__doc__, opened)
