"""Windows by xbatcher on xarray, out of the store that windrow writes."""

from __future__ import annotations

from pathlib import Path

import numpy.typing as npt
import xarray as xr
import xbatcher
from loop import STEPS, Buffer, Fill, run


def opened(store: Path) -> Fill:
    """All windows that there are, by number; without Dask, which would make it slower."""
    data = xr.open_zarr(store, chunks=None)["data"]
    sizes = {name: data.sizes[name] for name in data.dims} | {"time": STEPS}
    windows = xbatcher.BatchGenerator(
        data, input_dims=sizes, input_overlap={"time": STEPS - 1}, preload_batch=False
    )

    def fill(firsts: npt.NDArray, buffer: Buffer) -> None:
        for place, first in enumerate(firsts.tolist()):
            buffer[place] = windows[first].values

    return fill


if __name__ == "__main__":
    run(__doc__, opened)
