"""The values of messages, cropped to a domain."""

from __future__ import annotations

from pathlib import Path

import eccodes
import numpy as np
import numpy.typing as npt

from windrow.errors import UserError
from windrow.grib.grid import Crop

_MISSING = 1e34


def read_field(root: Path, file: str, offset: int, length: int, crop: Crop) -> npt.NDArray[np.float32]:
    """Decode one message and crop it: shape (y, x), the message's units, NaN where the bitmap has no value.

    Raises
    ------
    UserError
        If the file has gone or changed since the inventory, or the message cannot be decoded.
    """
    try:
        with (root / file).open("rb") as stream:
            stream.seek(offset)
            content = stream.read(length)
    except OSError as problem:
        raise UserError(f"cannot read {root / file}: {problem.strerror}; run the inventory again") from None
    if len(content) < length or content[:4] != b"GRIB" or content[-4:] != b"7777":
        raise UserError(f"{file} has changed at byte {offset} since its inventory; run the inventory again")
    try:
        return crop.of(_values(content, crop.shape[0] * crop.shape[1]))
    except (eccodes.CodesInternalError, ValueError) as problem:
        raise UserError(
            f"{file}: the message at byte {offset} cannot be decoded ({problem}); fetch this file again"
        ) from None


def _values(content: bytes, points: int) -> npt.NDArray[np.float64]:
    """All values of a message, NaN where the bitmap has none."""
    handle = eccodes.codes_new_from_message(content)
    try:
        if (stated := eccodes.codes_get_size(handle, "values")) != points:  # before memory is taken for them
            raise ValueError(f"{stated} values on a grid of {points} points")
        eccodes.codes_set(handle, "missingValue", _MISSING)
        values: npt.NDArray[np.float64] = eccodes.codes_get_values(handle)
        if eccodes.codes_get(handle, "bitmapPresent", int):
            values[values == _MISSING] = np.nan
    finally:
        eccodes.codes_release(handle)
    return values
