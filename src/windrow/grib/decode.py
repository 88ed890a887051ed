"""The values of a domain out of the messages of an archive."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from windrow.errors import UserError
from windrow.grib.framing import DamageError, Frame, message_at, single_field
from windrow.grib.inventory import FileState
from windrow.grib.packing import Selection, packing_of
from windrow.grib.sizes import require_content, require_sizes

_MISSING = 1e34
Floats = npt.NDArray[np.float64]


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

    def __enter__(self) -> Self:
        """Nothing is open yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file; after work that went well, check that it is still the same."""
        try:
            if kind is None:
                self._check()
        finally:
            self._close()

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
                raise self._changed()
            packing = packing_of(self._descriptor, frame, place.field)
            if packing is not None and packing.values == self._points:
                return self._selection.unpacked(self._descriptor, frame, packing)
            require_sizes(self._descriptor, frame, place.field)
            require_content(self._descriptor, frame, place.field, self._points)
            return self._decoded(frame, place.field)
        except DamageError:
            raise self._changed() from None
        except (ValueError, IndexError) as problem:
            raise UserError(
                f"{place.file}: the message at byte {place.offset} cannot be decoded ({problem}); fetch this file "
                "again"
            ) from None

    def _decoded(self, frame: Frame, field: int) -> Floats:
        content = os.pread(self._descriptor, frame.length, frame.offset)
        return decoded(single_field(content, frame, field), self._points)[self._selection.indices]

    def _open(self, name: str) -> None:
        self._check()
        self._close()
        path = self._root / name
        try:
            self._descriptor = os.open(path, os.O_RDONLY)
        except OSError as problem:
            raise UserError(f"cannot read {path}: {problem.strerror}; run the inventory again") from None
        self._name = name
        self._check()
        self._size = os.fstat(self._descriptor).st_size

    def _check(self) -> None:
        """Check that the open file is what it was at the inventory."""
        if self._descriptor >= 0 and self._name in self._states:
            found = os.fstat(self._descriptor)
            if FileState(found.st_size, found.st_mtime_ns) != self._states[self._name]:
                raise self._changed()

    def _changed(self) -> UserError:
        return UserError(f"{self._name} has changed since its inventory; run the inventory again")

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._name = -1, ""


def decoded(content: bytes, points: int) -> Floats:
    """All values of a message by eccodes, NaN where the bitmap has none.

    Raises
    ------
    ValueError
        If eccodes cannot decode it, or there are not as many values as points.
    """
    import eccodes

    handle = eccodes.codes_new_from_message(content)
    try:
        if (stated := eccodes.codes_get_size(handle, "values")) != points:  # before memory is taken for them
            raise ValueError(f"{stated} values on a grid of {points} points")
        eccodes.codes_set(handle, "missingValue", _MISSING)
        values: Floats = eccodes.codes_get_values(handle)
        values[values == _MISSING] = np.nan  # of a bitmap, or of complex packing, which marks them among the values
    except eccodes.CodesInternalError as problem:
        raise ValueError(str(problem)) from None
    finally:
        eccodes.codes_release(handle)
    return values


def coefficients(root: Path, place: Place) -> Floats:
    """The hybrid coefficients of a message on model levels, A (Pa) then B, from the top; empty if it has none.

    Raises
    ------
    UserError
        If eccodes cannot read them.
    """
    import eccodes

    with (root / place.file).open("rb") as stream:
        stream.seek(place.offset)
        content = stream.read(place.length)
    descriptor = os.open(root / place.file, os.O_RDONLY)
    try:
        frame = message_at(descriptor, place.offset, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)
    handle = eccodes.codes_new_from_message(single_field(content, frame, place.field))
    try:
        if not eccodes.codes_get(handle, "PVPresent", int):
            return np.empty(0)
        found: Floats = eccodes.codes_get_array(handle, "pv")
        return found
    except eccodes.CodesInternalError as problem:
        raise UserError(f"{place.file}: the message at byte {place.offset} cannot be read ({problem})") from None
    finally:
        eccodes.codes_release(handle)
