import errno
import fcntl
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from windrow.errors import UserError
from windrow.workplace import NAME, occupy

WORK = """
import sys
from pathlib import Path
from windrow.workplace import occupy
occupy(Path(sys.argv[1]))
print("at work", flush=True)
sys.stdin.read()
"""


@contextmanager
def working(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that occupies a directory until its input ends."""
    command = [sys.executable, "-c", WORK, str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "at work\n"
        yield process
        process.stdin.close()


@pytest.fixture
def occupy_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Occupy from within this process and leave at the end of the test instead of at the end of Python."""
    leaving: list[tuple[Any, ...]] = []
    monkeypatch.setattr("atexit.register", lambda *call: leaving.append(call))
    yield occupy
    for leave, *arguments in leaving:
        leave(*arguments)


def leave_word(directory: Path, **changed: object) -> None:
    """What a workflow leaves that could not tidy up."""
    told = {
        "user": "ada",
        "host": socket.gethostname(),
        "process": 1,
        "since": "2026-01-01 12:00+00:00",
        "log": "",
    }
    (directory / NAME).write_text(json.dumps(told | changed))


def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def lockf(*_: Any) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "lockf", lockf)


def ended_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_a_second_workflow_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    with working(tmp_path) as process, pytest.raises(UserError) as refusal:
        occupy(tmp_path)
    told = str(refusal.value)
    assert told.startswith(f"{tmp_path} is in use by another workflow (")
    assert f" on {socket.gethostname()}, process {process.pid}, since 20" in told
    assert told.endswith("); wait for its end, or end it")


def test_a_workflow_that_ended_well_leaves_nothing_but_an_empty_file(tmp_path: Path) -> None:
    with working(tmp_path / "new" / "results"):
        pass
    assert (tmp_path / "new" / "results" / NAME).read_text() == ""


def test_a_killed_workflow_of_this_machine_is_no_hindrance(
    tmp_path: Path, occupy_here: Callable[[Path], None]
) -> None:
    with working(tmp_path) as process:
        process.kill()
    assert json.loads((tmp_path / NAME).read_text())["process"] == process.pid
    occupy_here(tmp_path)
    assert json.loads((tmp_path / NAME).read_text())["process"] == os.getpid()


def test_a_killed_workflow_of_another_machine_has_to_be_tidied_up_by_hand(tmp_path: Path) -> None:
    leave_word(tmp_path, host="login2", process=77)
    with pytest.raises(UserError) as refusal:
        occupy(tmp_path)
    assert str(refusal.value) == (
        f"{tmp_path} is in use by another workflow (ada on login2, process 77, since 2026-01-01 12:00+00:00); "
        f"wait for its end; if it was killed, remove {tmp_path / NAME}"
    )


def test_without_locks_of_the_file_system_the_process_number_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, occupy_here: Callable[[Path], None]
) -> None:
    without_locks(monkeypatch)
    leave_word(tmp_path, process=os.getppid())
    with pytest.raises(UserError, match="is in use by another workflow"):
        occupy_here(tmp_path)
    leave_word(tmp_path, process=ended_process())
    occupy_here(tmp_path)


def test_a_damaged_lock_file_is_no_hindrance(tmp_path: Path, occupy_here: Callable[[Path], None]) -> None:
    for content in ("{", "[]", '{"user": "ada"}', "1"):
        (tmp_path / NAME).write_text(content)
        occupy_here(tmp_path)


def test_other_users_may_write_the_lock_file_afterwards(
    tmp_path: Path, occupy_here: Callable[[Path], None]
) -> None:
    before = os.umask(0o077)
    try:
        occupy_here(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o666


def test_a_place_without_leave_to_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UserError, match="cannot be written; ask its owner for leave to write in"):
        occupy(tmp_path)


SQUEUE = """#!/bin/sh
[ "$*" = "--noheader --format=%A --name=run-1" ] && printf '12\\n9\\n12\\n'
"""


def test_jobs_of_a_killed_workflow_are_named_with_the_way_to_end_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, occupy_here: Callable[[Path], None]
) -> None:
    (tmp_path / "squeue").write_text(SQUEUE)
    (tmp_path / "squeue").chmod(0o755)
    log = tmp_path / "snakemake.log"
    log.write_text("Building DAG of jobs...\nSLURM run ID: run-1\nJob stats:\n")
    leave_word(tmp_path, process=77, log=str(log))
    occupy_here(tmp_path)  # without SLURM there is nobody to ask
    leave_word(tmp_path, process=77, log=str(log))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(UserError) as refusal:
        occupy_here(tmp_path)
    assert str(refusal.value).startswith("SLURM job 9, 12 of a workflow that was killed (ada on ")
    assert str(refusal.value).endswith("wait for its end, or end it: scancel --name=run-1")
    log.write_text("SLURM run ID: run-2\n")
    occupy_here(tmp_path)  # a run that has no more jobs
