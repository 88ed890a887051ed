"""Write a file or a directory beside its place and move it there when it is whole."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from windrow.errors import UserError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PROBE = bytes(1 << 20)


@contextmanager
def written_beside(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path`; it becomes `path` if the block ends well, and is removed if not.

    The name is fixed, so that what a killed process left behind is overwritten by the next one.

    Parameters
    ----------
    durable
        A file is on the disk itself before it gets its name, so that no power cut leaves an empty one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = beside(path)
    remove(part)
    try:
        with named(path):
            yield part
            if part.is_dir():
                remove(path)
            if durable:
                flush(part)
            os.replace(part, path)
            if durable:
                flush(path.parent)
    except (OSError, RuntimeError) as problem:
        if not _is_netcdf(problem, part):
            raise
        raise OSError(*_reason(part, problem), str(path)) from None
    finally:
        remove(part)


def beside(path: Path) -> Path:
    """Where a file or a directory is written before it is moved to its place."""
    return path.with_name(f".{path.name}.part")


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Say where a disk was full, which not every writer says by itself."""
    try:
        yield
    except OSError as problem:
        if problem.errno in NO_SPACE and problem.filename is None:
            problem.filename = str(path)
        raise


def _is_netcdf(problem: OSError | RuntimeError, path: Path) -> bool:
    """Whether netCDF may have failed to write a file: it calls a full disk a lack of permission, or nothing."""
    if isinstance(problem, OSError):
        return problem.filename == str(path) and not path.is_dir()
    return str(problem).startswith("NetCDF")


def _reason(path: Path, problem: OSError | RuntimeError) -> tuple[int, str]:
    """Why a file could not be written: the system says it when more is written."""
    try:
        with path.open("ab") as file:
            file.write(_PROBE)
            flush(path)
    except OSError as found:
        problem = found
    if isinstance(problem, OSError):
        return problem.errno or errno.EIO, problem.strerror or str(problem)
    return errno.EIO, os.strerror(errno.EIO)


def flush(path: Path) -> None:
    """Wait until the content of a file, or the names in a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file or a directory tree, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with written_beside(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any, *, compact: bool = False) -> None:
    """Write JSON with sorted keys, whole or not at all; `compact` for what no one reads by eye."""
    write_text(path, json.dumps(content, sort_keys=True, indent=None if compact else 1) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises
    ------
    UserError
        If the file is not there or is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is not there; run the stage that writes it first") from None
    except ValueError as problem:
        raise UserError(f"{path} is damaged ({problem}); delete it and run its stage again") from None
