"""Windows by windrow's own reader."""

from __future__ import annotations

import json
from pathlib import Path

import numpy.typing as npt
from loop import STEPS, Buffer, Fill, run

from windrow.shards.reader import ShardReader
from windrow.stages import Layout


def opened(store: Path) -> Fill:
    """Open the store with the layout that its metadata keep."""
    attributes = json.loads((store / "zarr.json").read_text())["attributes"]
    reader = ShardReader(store, Layout.model_validate(attributes["windrow_settings"]["layout"]))

    def fill(firsts: npt.NDArray, buffer: Buffer) -> None:
        reader.windows(firsts, STEPS, out=buffer)

    return fill


if __name__ == "__main__":
    run(__doc__, opened)
