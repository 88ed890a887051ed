"""eccodes, where it decodes values, in a process of its own: damaged data can end that process, and not the work.

ecCodes 2.50 aborts, overruns its memory or computes forever on damaged data of JPEG, second-order and other packings,
whose content no check of sizes can know. `python -m windrow.grib.decoder` answers questions until its input ends.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import pickle
import signal
import subprocess
import sys
from typing import IO, Any

import numpy as np
import numpy.typing as npt

_MISSING = 1e34
_PATIENCE_S = 60.0
_BYTES_PER_S = 1e6  # far slower than any packing is undone
Floats = npt.NDArray[np.float64]


class Decoder:
    """Starts with the first question, and again after a death."""

    def __init__(self, patience_s: float = _PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._process: subprocess.Popen[bytes] | None = None

    def values(self, content: bytes, points: int, indices: npt.NDArray[np.intp]) -> Floats:
        """Decode a message and take these places of its values, NaN where there is none.

        Raises
        ------
        ValueError
            If eccodes cannot decode it, dies or does not come to an end, or there are not as many values as points.
        """
        process = self._process if self._process is not None and self._process.poll() is None else self._started()
        seconds = self._patience_s + len(content) / _BYTES_PER_S
        try:
            _send(_stream(process.stdin), (content, points, indices, seconds))
            answer = pickle.load(_stream(process.stdout))
        except (OSError, EOFError, pickle.UnpicklingError):
            process.kill()
            code = process.wait()
            end = f"does not come to an end within {seconds:.0f} s" if code == -signal.SIGALRM else "crashes on it"
            raise ValueError(f"ecCodes {end}; its process ended with code {code}") from None
        if isinstance(answer, str):
            raise ValueError(answer)
        found: Floats = answer
        return found

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            with contextlib.suppress(BrokenPipeError):  # a question that was not taken
                _stream(self._process.stdin).close()
            _stream(self._process.stdout).close()
            self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        self.close()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what eccodes says of damage: the caller has one sentence
        )
        return self._process


@functools.cache
def decoder() -> Decoder:
    """The one of this process."""
    one = Decoder()
    atexit.register(one.close)
    return one


def decoded(content: bytes, points: int) -> Floats:
    """All values of a message by eccodes, in this process, NaN where there is none.

    Raises
    ------
    ValueError
        If eccodes cannot decode it, or there are not as many values as points.
    """
    import eccodes

    try:
        handle = eccodes.codes_new_from_message(content)
    except eccodes.CodesInternalError as problem:
        raise ValueError(str(problem)) from None
    try:
        if (stated := eccodes.codes_get_size(handle, "values")) != points:  # before memory is taken for them
            raise ValueError(f"{stated} values on a grid of {points} points")
        eccodes.codes_set(handle, "missingValue", _MISSING)
        values: Floats = eccodes.codes_get_values(handle)
    except eccodes.CodesInternalError as problem:
        raise ValueError(str(problem)) from None
    finally:
        eccodes.codes_release(handle)
    values[values == _MISSING] = (
        np.nan
    )  # by the bitmap, or by complex packing, which marks points among the values
    return values


def _send(stream: IO[bytes], content: Any) -> None:
    pickle.dump(content, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def _stream(one: IO[bytes] | None) -> IO[bytes]:
    assert one is not None
    return one


def _answer_all(questions: IO[bytes], answers: IO[bytes]) -> None:
    while True:
        try:
            content, points, indices, seconds = pickle.load(questions)
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_REAL, seconds)  # ends this process, wherever it computes
        try:
            answer: Any = decoded(content, points)[indices]
        except ValueError as problem:
            answer = str(problem)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(answers, answer)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupted step ends it by closing its input
    with os.fdopen(os.dup(1), "wb") as answers, os.fdopen(0, "rb") as questions:
        os.dup2(2, 1)  # nothing that is printed may get among the answers
        _answer_all(questions, answers)
