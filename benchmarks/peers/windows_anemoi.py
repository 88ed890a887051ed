"""Windows by anemoi-datasets, out of a store that anemoi-datasets has written."""

from __future__ import annotations

from pathlib import Path

import numpy.typing as npt
from anemoi.datasets import open_dataset
from loop import NX, NY, STEPS, Buffer, Fill, run

ORDER = ("2t", "tcc", "msl")


def opened(store: Path) -> Fill:
    """Open the dataset; its variables are in another order, which the copy into the buffer mends."""
    data = open_dataset(str(store))
    places = [ORDER.index(name) for name in data.variables]

    def fill(firsts: npt.NDArray, buffer: Buffer) -> None:
        for place, first in enumerate(firsts.tolist()):
            window = data[first : first + STEPS].reshape(STEPS, len(ORDER), NY, NX)
            for variable, where in enumerate(places):
                buffer[place, :, where] = window[:, variable]

    return fill


if __name__ == "__main__":
    run(__doc__, opened)
