"""Blocks in an object store, read by byte ranges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from windrow.errors import UserError
from windrow.shards.index import present_steps
from windrow.shards.layout import BlockShape, block_key

if TYPE_CHECKING:
    from obstore.store import S3Store


class RemoteBlocks:
    """The blocks of a store at `s3://bucket/prefix`; the endpoint and the keys are taken from `AWS_…` variables."""

    def __init__(self, url: str, shape: BlockShape) -> None:
        self.url = url
        self.shape = shape
        self._present: dict[int, npt.NDArray[np.bool_] | None] = {}
        self._store = _open_store(url)

    def __getstate__(self) -> dict[str, Any]:
        """Worker processes connect for themselves."""
        return {"url": self.url, "shape": self.shape}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def present(self, number: int) -> npt.NDArray[np.bool_] | None:
        """Which steps of a block exist; nothing if it is not there."""
        if number not in self._present:
            self._present[number] = self._read_index(number)
        return self._present[number]

    def copy(
        self, number: int, place: int, out: npt.NDArray[np.float32], columns: Sequence[int] | None = None
    ) -> None:
        """Copy steps of a block, from `place` on, into `out`; of these variables, or of all.

        The steps are fetched whole, in one request.
        """
        import obstore

        name = f"{self.url}/{block_key(number)}"
        if self.present(number) is None:
            raise UserError(f"the block {name} is not there; run the stage shards again and upload it")
        start = place * self.shape.step_bytes
        try:
            length = len(out) * self.shape.step_bytes
            content = obstore.get_range(self._store, block_key(number), start=start, length=length)
        except obstore.exceptions.BaseError as problem:
            raise UserError(f"cannot read {name}: {_first_line(problem)}") from None
        steps = np.frombuffer(memoryview(content), dtype="<f4").reshape(len(out), *self.shape.fields[1:])
        out[:] = steps if columns is None else steps[:, columns]

    def _read_index(self, number: int) -> npt.NDArray[np.bool_] | None:
        import obstore

        name = f"{self.url}/{block_key(number)}"
        ending = self.shape.file_bytes - self.shape.data_bytes
        try:
            found = obstore.get(self._store, block_key(number), options={"range": {"suffix": ending}})
            size = found.meta["size"]
            if size != self.shape.file_bytes:
                raise UserError(
                    f"the block {name} has {size} bytes instead of {self.shape.file_bytes}; upload it again"
                )
            return present_steps(bytes(found.bytes()), self.shape, name)
        except FileNotFoundError:
            return None
        except obstore.exceptions.BaseError as problem:
            raise UserError(f"cannot read {name}: {_first_line(problem)}") from None


def _open_store(url: str) -> S3Store:
    try:
        from obstore.store import S3Store
    except ImportError:
        raise UserError(f"reading {url} needs obstore; pip install 'windrow[s3]'") from None
    return S3Store.from_url(url)


def _first_line(problem: Exception) -> str:
    return str(problem).strip().partition("\n")[0]
