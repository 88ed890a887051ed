"""Check the index at the end of a block."""

from __future__ import annotations

import google_crc32c
import numpy as np
import numpy.typing as npt

from windrow.errors import UserError
from windrow.shards.layout import NO_CHUNK, BlockShape


def present_steps(ending: bytes, shape: BlockShape, name: str) -> npt.NDArray[np.bool_]:
    """Which steps a block has, from the index and the checksum that end its file.

    Raises
    ------
    UserError
        If the checksum is not the index's, or the steps do not lie where their numbers say.
    """
    index, checksum = ending[: shape.index_bytes], ending[shape.index_bytes :]
    if len(checksum) != 4 or int(google_crc32c.value(index)) != int.from_bytes(checksum, "little"):
        raise UserError(f"the index of the block {name} is damaged; delete it and run the stage shards again")
    found = np.frombuffer(index, dtype="<u8").reshape(-1, 2)
    present: npt.NDArray[np.bool_] = found[:, 0] != NO_CHUNK
    if not np.array_equal(found, shape.index(present)):
        raise UserError(f"the block {name} is laid out in another way; delete it and run the stage shards again")
    return present
