"""The values of a domain out of the messages of an archive."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from windrow.errors import UserError
from windrow.grib.decoder import decoder
from windrow.grib.framing import DamageError, Frame, message_at, single_field
from windrow.grib.inventory import FileState
from windrow.grib.packing import Selection, ibm, packing_of
from windrow.grib.sizes import require_content, require_sizes

Floats = npt.NDArray[np.float64]
_LARGEST = float(np.finfo(np.float32).max)


class Place(NamedTuple):
    """Where a field lies: the file below the archive's root, the message's bytes, the number of the field in it."""

    file: str
    offset: int
    length: int
    field: int = 0


class Fields:
    """Reads fields of an archive, cropped; one file is open at a time.

    Simple packing without a bitmap is undone for the domain's points alone; everything else goes through eccodes.

    Parameters
    ----------
    states
        The files as they were when the inventory was made.
    indices
        Places (ny, nx) of the domain's points in the order of a message's values.
    points
        How many values a message must have.
    """

    def __init__(
        self, root: Path, states: dict[str, FileState], indices: npt.NDArray[np.intp], points: int
    ) -> None:
        self._root, self._states, self._points = root, states, points
        self._selection = Selection(indices)
        self._name = ""
        self._descriptor = -1
        self._seen: set[str] = set()

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of the domain's points along y and x."""
        return self._selection.indices.shape

    def __enter__(self) -> Self:
        """Nothing is open yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file; after work that went well, check that all files are still the same."""
        self._close()
        if kind is None:
            for name in self._seen:
                self._require_same(name, os.stat(self._root / name))

    def read(self, place: Place) -> Floats:
        """A field, shape (ny, nx), float64, in the message's units, NaN where the bitmap has no value.

        Raises
        ------
        UserError
            If the file has gone or changed since the inventory, or the message cannot be decoded.
        """
        if place.file != self._name:
            self._open(place.file)
        try:
            frame = message_at(self._descriptor, place.offset, self._size)
            if frame.length != place.length or place.field >= len(frame.fields):
                raise self._changed(place.file)
            packing = packing_of(self._descriptor, frame, place.field)
            if packing is not None and packing.values == self._points:
                return _small(self._selection.unpacked(self._descriptor, frame, packing))
            return _small(self._decoded(frame, place.field))
        except DamageError:
            raise self._changed(place.file) from None
        except (ValueError, IndexError, OverflowError) as problem:
            raise UserError(
                f"{place.file}: the message at byte {place.offset} cannot be decoded ({problem}); fetch this file "
                "again"
            ) from None

    def _decoded(self, frame: Frame, field: int) -> Floats:
        require_sizes(self._descriptor, frame, field)
        require_content(self._descriptor, frame, field, self._points)
        content = os.pread(self._descriptor, frame.length, frame.offset)
        return decoder().values(single_field(content, frame, field), self._points, self._selection.indices)

    def _open(self, name: str) -> None:
        self._close()
        path = self._root / name
        try:
            self._descriptor = os.open(path, os.O_RDONLY)
        except OSError as problem:
            raise UserError(f"cannot read {path}: {problem.strerror}; run the inventory again") from None
        self._name = name
        self._seen.add(name)
        found = os.fstat(self._descriptor)
        self._require_same(name, found)
        self._size = found.st_size

    def _require_same(self, name: str, found: os.stat_result) -> None:
        """Check that a file is what it was at the inventory."""
        if name in self._states and FileState(found.st_size, found.st_mtime_ns) != self._states[name]:
            raise self._changed(name)

    def _changed(self, name: str) -> UserError:
        return UserError(f"{name} has changed since its inventory; run the inventory again")

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._name = -1, ""


def _small(values: Floats) -> Floats:
    """The values if single precision can hold them; a damaged scale makes others."""
    if (np.abs(values) > _LARGEST).any():
        raise ValueError(f"values of up to {np.nanmax(np.abs(values)):.0e}")
    return values


def message_bytes(root: Path, place: Place) -> bytes:
    """A field's message; one out of a message of several fields is made a message of its own.

    Raises
    ------
    UserError
        If it is not there any more.
    """
    with (root / place.file).open("rb", buffering=0) as stream:
        try:
            frame = message_at(stream.fileno(), place.offset, os.fstat(stream.fileno()).st_size)
            return single_field(os.pread(stream.fileno(), frame.length, frame.offset), frame, place.field)
        except (DamageError, IndexError):
            raise UserError(f"{place.file} has changed since its inventory; run the inventory again") from None


def coefficients(root: Path, place: Place) -> Floats:
    """The hybrid coefficients of a message on model levels, A (Pa) then B, from the top; empty if it has none.

    Edition 1 has them in the grid section as numbers of the IBM/360, edition 2 at the end of the product section.

    Raises
    ------
    UserError
        If the message cannot be read.
    """
    descriptor = os.open(root / place.file, os.O_RDONLY)
    try:
        frame = message_at(descriptor, place.offset, os.fstat(descriptor).st_size)
        number = 2 if frame.edition == 1 else 4
        sections = frame.fields[place.field]
        section = frame.bytes_of(descriptor, *sections[number]) if number in sections else bytes(7)
    except (DamageError, IndexError):
        raise UserError(f"{place.file} has changed since its inventory; run the inventory again") from None
    finally:
        os.close(descriptor)
    count, start = (section[3], section[4] - 1) if number == 2 else (int.from_bytes(section[5:7]), -1)
    numbers = section[start:][: 4 * count] if number == 2 else section[len(section) - 4 * count :]
    if len(numbers) != 4 * count:
        raise UserError(
            f"{place.file}: the message at byte {place.offset} lacks coefficients; fetch this file again"
        )
    if number == 4:
        return np.frombuffer(numbers, dtype=">f4").astype(np.float64)
    return np.array([ibm(numbers[at : at + 4]) for at in range(0, 4 * count, 4)], dtype=np.float64)
