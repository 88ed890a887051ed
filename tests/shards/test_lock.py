import errno
import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from windrow import cli
from windrow.shards.lock import locked

from .conftest import Store

HOLD = """
import sys
from pathlib import Path
from windrow.shards.lock import locked
with locked(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another(path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_writer_of_a_year_is_refused_and_told_who_writes(
    new_store: Callable[..., Store], capsys: pytest.CaptureFixture[str]
) -> None:
    store = new_store()
    with held_by_another(store.shards / "blocks" / "2008.lock") as process:
        assert cli.main(store.arguments(2008)) == 2
        error = capsys.readouterr().err
        holder = f"process {process.pid} on {socket.gethostname()}"
        assert f"2008 of {store.shards} is being written by {holder}; wait for it, or end it" in error
        assert error.count("\n") == 1
        store.write(2007)  # another year may be written at the same time
    assert not list(store.shards.glob("data/c/2?"))
    store.write(2008)


def test_a_killed_writer_leaves_no_lock(tmp_path: Path) -> None:
    with held_by_another(tmp_path / "lock") as process:
        process.kill()
        process.wait()
        with locked(tmp_path / "lock", "it"):
            assert (tmp_path / "lock").read_text() == f"process {os.getpid()} on {socket.gethostname()}\n"


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told_and_used(
    new_store: Callable[..., Store],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    code: int,
) -> None:
    def lockf(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "lockf", lockf)
    new_store().write(2008)
    assert "this file system has no locks; take care that nothing else writes" in capsys.readouterr().out
