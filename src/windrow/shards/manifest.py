"""What is known of the written blocks: a record per block, a manifest per year."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import google_crc32c
import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError

from windrow.configfile import canonical, error_lines
from windrow.errors import UserError
from windrow.files import write_text, written_beside
from windrow.strict import Strict

PIECE_BYTES = 1 << 22
Count = Annotated[int, Field(ge=0)]


class MonthState(Strict):
    """An extracted month as it was when its fields were read."""

    name: str
    size: Count
    mtime_ns: int


class Entry(Strict):
    """A block: its file's size and checksum, its steps as pairs of first and end, the months it was made of."""

    block: Count
    bytes: Count
    crc32c: str = Field(pattern="^[0-9a-f]{8}$")
    present: tuple[tuple[Count, Count], ...]
    months: tuple[MonthState, ...]


class Record(Strict):
    """A block, and a hash of all else that its bytes depend on."""

    entry: Entry
    digest: str


class Manifest(Strict):
    """The blocks of a year, all of them written and on the disk."""

    year: int
    blocks: tuple[Entry, ...]


def month_state(path: Path) -> MonthState:
    """The month's last two names, its size and its time."""
    status = path.stat()
    return MonthState(name="/".join(path.parts[-2:]), size=status.st_size, mtime_ns=status.st_mtime_ns)


def write_record(path: Path, record: Record) -> None:
    """Write a record, whole or not at all."""
    write_text(path, canonical(record) + "\n")


def read_record(path: Path) -> Record | None:
    """The record, or nothing if it is not there or a power cut damaged it: then the block is written again."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest, whole or not at all; it is on the disk when it gets its name."""
    with written_beside(path, durable=True) as beside:
        beside.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises
    ------
    UserError
        If it is not there or is damaged.
    """
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path} is not there; run the stage shards first") from None
    except ValidationError as problem:
        first = error_lines(problem)[0]
        raise UserError(f"{path} is damaged ({first}); delete it and run the stage shards again") from None


def mask(present: tuple[tuple[int, int], ...], steps: int) -> npt.NDArray[np.bool_]:
    """Pairs of first and end as one truth value per step."""
    found = np.zeros(steps, dtype=bool)
    for first, end in present:
        found[first:end] = True
    return found


def file_checksum(path: Path) -> str:
    """CRC-32C of a file, read piece by piece."""
    found = 0
    buffer = np.empty(PIECE_BYTES, dtype=np.uint8)
    with path.open("rb", buffering=0) as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while count := stream.readinto(buffer.data):
            found = int(google_crc32c.extend(found, buffer[:count]))
    return f"{found:08x}"
