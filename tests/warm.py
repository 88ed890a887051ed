"""Python processes that start at once, because they are forks of one that has imported what they need.

A test that runs a step many times, each in a process of its own, would mostly wait for imports: five seconds of
computing for a training. The process that is forked has imported modules and done nothing else, so a fork is what a
fresh interpreter would be after its imports: in a session, a directory and an environment of its own, `python -m
module` or `python script.py`, ended by the interpreter's own way out or by a signal.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

REQUEST_BYTES = 200_000  # what a packet may hold with Linux' own settings


class Started:
    """A fork that runs; the pipe tells its process id, and how it ended."""

    def __init__(self, told: int) -> None:
        self._told = os.fdopen(told)
        self._code: int | None = None
        self.pid = int(self._told.readline())

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, or minus the number of the signal that ended it."""
        if self._code is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            with self._told:
                self._code = int(self._told.readline())
        return self._code

    def kill(self) -> int:
        """End it with all that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return self.wait()


class Warm:
    """A process that has imported these modules and forks on demand; it ends with the one that made it."""

    def __init__(self, *modules: str) -> None:
        self._socket, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            command = [sys.executable, __file__, str(its.fileno()), *modules]
            null = subprocess.DEVNULL
            self._process = subprocess.Popen(command, pass_fds=[its.fileno()], stdin=null, stdout=null)
        atexit.register(self.end)
        self._socket.recv(1)  # it is ready: nobody's time is measured before that

    def end(self) -> None:
        """Fork no more."""
        self._process.kill()  # closing the socket is not enough where a fork of this process holds it too
        self._process.wait()
        self._socket.close()

    def start(
        self,
        words: list[str],
        *,
        stdout: int,
        stderr: int,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
    ) -> Started:
        """Start `python` with these words, writing to these file descriptors."""
        request = {"words": words, "cwd": str(cwd or Path.cwd()), "env": dict(env or os.environ)}
        told, its = os.pipe()
        try:
            socket.send_fds(self._socket, [json.dumps(request).encode()], [stdout, stderr, its])
        finally:
            os.close(its)
        return Started(told)

    def run(
        self,
        words: list[str],
        *,
        timeout: float,
        merged: bool = False,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run it and all that it starts to the end, or kill them. `merged`: both streams in `stdout`."""
        end = time.monotonic() + timeout
        pipes = [os.pipe(), os.pipe()]
        outputs = {ours: b"" for ours, _ in pipes}
        writing = [its for _, its in pipes]
        try:
            started = self.start(words, stdout=writing[0], stderr=writing[0 if merged else 1], cwd=cwd, env=env)
        finally:
            for its in writing:
                os.close(its)
        try:
            _read_all(outputs, end)
            code = started.wait(max(0.0, end - time.monotonic()))
        finally:
            started.kill()
            for ours in outputs:
                os.close(ours)
        return subprocess.CompletedProcess(words, code, *(text.decode() for text in outputs.values()))

    def piped(
        self, words: list[str], *, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> tuple[Started, TextIO]:
        """Start it with both streams in a pipe that can be read while it runs."""
        lines, its = os.pipe()
        try:
            started = self.start(words, stdout=its, stderr=its, cwd=cwd, env=env)
        finally:
            os.close(its)
        return started, os.fdopen(lines)


@cache
def steps() -> Warm:
    """For `windrow`, apart from what needs torch."""
    return Warm(
        "windrow.audit",
        "windrow.extraction",
        "windrow.statics",
        "windrow.statistics_merge",
        "windrow.shards.writer",
        "windrow.verification.verify",
        "windrow.report.page",
    )


@cache
def trainings() -> Warm:
    """For `windrow train`."""
    return Warm("windrow.training.fit")


@cache
def workflows() -> Warm:
    """For `snakemake`, on whatever copy of the project: nothing of windrow is imported yet."""
    return Warm("snakemake.cli")


def _read_all(outputs: dict[int, bytes], end: float) -> None:
    """Read these pipes until nobody is left who could write into them."""
    reading = set(outputs)
    while reading:
        ready, *_ = select.select(reading, [], [], max(0.0, end - time.monotonic()))
        if not ready:
            raise subprocess.TimeoutExpired("a fork", 0, b"".join(outputs.values()))
        for pipe in ready:
            outputs[pipe] += (found := os.read(pipe, 65536))
            if not found:
                reading.remove(pipe)


def _serve(connection: socket.socket) -> dict[str, Any]:
    """Fork at each request; returns in a fork that is to do what was asked for."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks that wait for others
    connection.send(b"!")
    while True:
        message, fds, *_ = socket.recv_fds(connection, REQUEST_BYTES, 3)
        if not message:
            os._exit(0)
        if not os.fork():
            connection.close()
            _watched(*fds)
            return dict(json.loads(message))
        for fd in fds:
            os.close(fd)


def _watched(stdout: int, stderr: int, told: int) -> None:
    """Fork once more, and return in the child alone: how a process ended only its parent can tell."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child:
        for fd in (stdout, stderr):
            os.close(fd)
        _, status = os.waitpid(child, 0)
        with contextlib.suppress(BrokenPipeError):  # who asked did not wait for it
            os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)
    os.setsid()
    os.write(told, f"{os.getpid()}\n".encode())
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    for fd in {stdout, stderr, told} - {1, 2}:
        os.close(fd)


def _become(words: list[str], cwd: str, env: dict[str, str]) -> None:
    """Be `python` with these words."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.dont_write_bytecode = bool(env.get("PYTHONDONTWRITEBYTECODE"))
    given = [path for path in env.get("PYTHONPATH", "").split(os.pathsep) if path]
    as_module = words[0] == "-m"
    sys.path[:0] = [cwd if as_module else str(Path(words[0]).parent), *given]
    sys.argv = words[1:] if as_module else words
    if as_module:
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    del sys.path[0]  # this directory: its names are not those of modules
    for name in sys.argv[2:]:
        import_module(name)
    gc.freeze()  # what is here stays, and looking through it would copy its memory in each fork
    _become(**_serve(socket.socket(fileno=int(sys.argv[1]))))
