"""The timed loop that every reader of windows runs: batches at random places into one preallocated buffer.

The loop goes twice over the same windows. The second pass counts, for all alike: by then whatever a reader keeps
(pages mapped, metadata, a cache of chunks) is there, as it is in training from the second batches on.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

Buffer = npt.NDArray[np.float32]
Fill = Callable[[npt.NDArray[np.int64], Buffer], None]

STEPS, VARIABLES, NY, NX = 24, 3, 56, 92
BATCH = 32


def run(description: str | None, opened: Callable[[Path], Fill]) -> None:
    """Time a reader, print when it was ready and the seconds per window, keep the first batch.

    Parameters
    ----------
    opened
        Opens a store; gives what fills a buffer (window, step, variable, y, x) with the windows at some first steps.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("store", type=Path)
    parser.add_argument("--length", type=int, required=True, help="steps of the store to choose windows from")
    parser.add_argument("--windows", type=int, required=True, help="how many to read, rounded up to whole batches")
    parser.add_argument("--kept", type=Path, required=True, help="where the first batch goes (npz)")
    args = parser.parse_args()
    fill = opened(args.store)
    opened_at = time.monotonic()  # one clock for all processes of the machine
    batches = -(-args.windows // BATCH)
    firsts = np.random.default_rng(1).integers(0, args.length - STEPS + 1, size=(batches, BATCH))
    buffer = np.zeros((BATCH, STEPS, VARIABLES, NY, NX), dtype=np.float32)
    seconds = [_pass(fill, firsts, buffer) / firsts.size for _ in range(2)]
    fill(firsts[0], buffer)
    np.savez(args.kept, firsts=firsts[0], values=buffer)
    own = own_bytes()
    print(json.dumps({"opened_at": opened_at, "first_s": seconds[0], "seconds": seconds[1], "own_bytes": own}))


def own_bytes() -> int:
    """Memory of this process that is no page of a file."""
    found = re.search(r"RssAnon:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def _pass(fill: Fill, firsts: npt.NDArray[np.int64], buffer: Buffer) -> float:
    begun = time.monotonic()
    for batch in firsts:
        fill(batch, buffer)
    return time.monotonic() - begun
