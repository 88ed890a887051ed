"""One workflow at a time on the results of a dataset, whoever started it and from whichever checkout.

Snakemake's own lock knows the working directory alone; two checkouts whose `results` are one directory know nothing of
each other. Here the operating system holds a lock for the process and gives it back when that dies. Not every shared
file system carries such locks from machine to machine, so the file also names its holder until that ends.
"""

from __future__ import annotations

import atexit
import datetime as dt
import errno
import fcntl
import getpass
import json
import os
import re
import socket
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from windrow.errors import UserError

NAME = ".workflow.lock"
ANSWER_S = 60
HELD = (errno.EACCES, errno.EAGAIN)
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@dataclass(frozen=True)
class Holder:
    """The process that works on a directory."""

    user: str
    host: str
    process: int
    since: str
    log: str

    def __str__(self) -> str:
        return f"{self.user} on {self.host}, process {self.process}, since {self.since}"


def occupy(directory: Path, *, log: str = "") -> None:
    """Hold a directory until this process ends.

    Parameters
    ----------
    log
        Where this workflow writes its log.

    Raises
    ------
    UserError
        If another process holds it, if its lock cannot be written, or if jobs of a killed workflow still work there.
    """
    path = directory / NAME
    descriptor = _opened(path)
    try:
        locked = _locked(descriptor)
        holder = _holder(descriptor)
        if locked is False:
            raise UserError(f"{directory} is in use by another workflow ({holder}); wait for its end, or end it")
        if holder and not _has_ended(holder, lock_is_ours=bool(locked)):
            raise UserError(
                f"{directory} is in use by another workflow ({holder}); wait for its end; if it was killed, "
                f"remove {path}"
            )
        if holder:
            _refuse_beside_jobs(holder)
    except BaseException:
        os.close(descriptor)
        raise
    _write(descriptor, json.dumps(asdict(_own(log))))
    atexit.register(_leave, descriptor, os.getpid())


def _opened(path: Path) -> int:
    """The lock's file; it stays when the lock is given back: removing it would let in a third beside a second."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        if os.fstat(descriptor).st_uid == os.geteuid():
            os.fchmod(descriptor, 0o666)  # the next one to work here may be somebody else
    except PermissionError:
        raise UserError(f"{path} cannot be written; ask its owner for leave to write in {path.parent}") from None
    return descriptor


def _locked(descriptor: int) -> bool | None:
    """Whether this process has got the system's lock; None where the file system has none."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        if problem.errno in HELD:
            return False
        if problem.errno not in NO_LOCKS:
            raise
        return None
    return True


def _holder(descriptor: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(descriptor, 1000, 0)))
    except (ValueError, TypeError):
        return None


def _has_ended(holder: Holder, *, lock_is_ours: bool) -> bool:
    """Whether a holder is known to have ended: one of this machine, by its lock or by its number."""
    if holder.host != socket.gethostname():
        return False
    if lock_is_ours:
        return True
    try:
        os.kill(holder.process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it is somebody else's
    return False


def _refuse_beside_jobs(holder: Holder) -> None:
    """Refuse to work beside jobs of SLURM whose workflow was killed: it could not cancel them."""
    try:
        (name,) = re.findall(r"^SLURM run ID: (\S+)$", Path(holder.log).read_text(encoding="utf-8"), flags=re.M)
        command = ["squeue", "--noheader", "--format=%A", f"--name={name}"]
        asked = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, check=True)
    except (OSError, ValueError, subprocess.SubprocessError):
        return  # no log, no SLURM, or none that answers
    if jobs := sorted(set(asked.stdout.split()), key=int):
        raise UserError(
            f"SLURM job {', '.join(jobs)} of a workflow that was killed ({holder}) would work beside this one; "
            f"wait for its end, or end it: scancel --name={name}"
        )


def _own(log: str) -> Holder:
    since = dt.datetime.now().astimezone().isoformat(sep=" ", timespec="minutes")
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # in a container whose list of users lacks this one
        user = f"user {os.getuid()}"
    return Holder(user, socket.gethostname(), os.getpid(), since, log)


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


def _leave(descriptor: int, process: int) -> None:
    if os.getpid() == process:  # a copy of this process has the descriptor, not the lock
        _write(descriptor, "")
        os.close(descriptor)
