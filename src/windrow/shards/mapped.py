"""Blocks on a local file system, mapped into memory."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.errors import UserError
from windrow.shards.index import present_steps
from windrow.shards.layout import BlockShape, block_path

OPEN_MAPS = 256  # each keeps a file open, and a process may open 1024


class MappedBlocks:
    """The blocks of a store in a directory; each is mapped when it is first needed.

    Threads may share it: a block that two ask for at once is mapped twice, and one of the maps is dropped. A map
    that makes room for another lives on as long as somebody reads from it.
    """

    def __init__(self, shards: Path, shape: BlockShape) -> None:
        self.shards = shards
        self.shape = shape
        self._present: dict[int, npt.NDArray[np.bool_]] = {}
        self._map = lru_cache(maxsize=OPEN_MAPS)(self._opened)

    def __getstate__(self) -> dict[str, Any]:
        """Worker processes map the blocks for themselves."""
        return {"shards": self.shards, "shape": self.shape}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def present(self, number: int) -> npt.NDArray[np.bool_] | None:
        """Which steps of a block exist; nothing if it is not there."""
        if number not in self._present and not block_path(self.shards, number).exists():
            return None
        return self.checked(number)[1]

    def checked(self, number: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """A block as an array of shape (steps, variables, ny, nx), and which of its steps exist.

        Raises
        ------
        UserError
            If it is not there, has another size or layout, or its index is damaged.
        """
        fields = self._map(number)
        return fields, self._present[number]

    def copy(
        self, number: int, place: int, out: npt.NDArray[np.float32], columns: Sequence[int] | None = None
    ) -> None:
        """Copy steps of a block, from `place` on, into `out`; of these variables, or of all."""
        steps = self._map(number)[place : place + len(out)]
        if columns is None:
            out[:] = steps
        else:
            for there, column in enumerate(columns):
                out[:, there] = steps[:, column]

    def _opened(self, number: int) -> npt.NDArray[np.float32]:
        path = block_path(self.shards, number)
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            raise UserError(f"the block {path} is not there; run the stage shards again") from None
        try:
            # A map of a file that is too short would end the process at the first access to what is missing.
            size = os.fstat(descriptor).st_size
            if size != self.shape.file_bytes:
                raise UserError(
                    f"the block {path} has {size} bytes instead of {self.shape.file_bytes}; delete it and run the "
                    "stage shards again"
                )
            ending = os.pread(descriptor, self.shape.file_bytes - self.shape.data_bytes, self.shape.data_bytes)
            self._present[number] = present_steps(ending, self.shape, str(path))
            content = mmap.mmap(descriptor, self.shape.data_bytes, prot=mmap.PROT_READ)
        finally:
            os.close(descriptor)
        return np.frombuffer(content, dtype="<f4").reshape(self.shape.fields)
