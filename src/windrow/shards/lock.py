"""One writer at a time: a lock that the operating system gives back when its process dies."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from windrow.errors import UserError

HELD = (errno.EACCES, errno.EAGAIN)
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path`, which names the process that holds it.

    The file stays when the lock is given back: removing it would let in a third process beside a second one.

    Raises
    ------
    UserError
        If another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _acquire(descriptor, path, what)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, what: str) -> None:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        if problem.errno in HELD:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            raise UserError(f"{what} is being written by {holder}; wait for it, or end it") from None
        if problem.errno not in NO_LOCKS:
            raise
        print(f"{path}: this file system has no locks; take care that nothing else writes {what}", flush=True)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
