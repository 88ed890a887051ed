"""What is forked behaves as what is started: exit codes, streams, surroundings, and what a kill ends."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.warm import Warm


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    made = Warm("json")
    yield made
    made.end()


def script(path: Path, text: str) -> list[str]:
    path.joinpath("script.py").write_text(text)
    return [str(path / "script.py"), "a word"]


def test_code_streams_words_directory_and_environment_are_those_of_the_call(warm: Warm, tmp_path: Path) -> None:
    text = """
import atexit, os, sys
atexit.register(print, "the way out")
print(sys.argv[1], os.getcwd(), os.environ["ONLY"], len(os.environ), __name__)
print("trouble", file=sys.stderr)
sys.exit(7)
"""
    done = warm.run(script(tmp_path, text), timeout=20, cwd=tmp_path, env={"ONLY": "this"})
    assert done.returncode == 7
    assert done.stdout == f"a word {tmp_path} this 1 __main__\nthe way out\n"
    assert done.stderr == "trouble\n"


def test_modules_are_those_of_the_python_path_that_is_given(warm: Warm, tmp_path: Path) -> None:
    (tmp_path / "furrow.py").write_text("import sys; print(sys.argv[1:])")
    done = warm.run(["-m", "furrow", "a word"], timeout=20, env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (0, "['a word']\n")


def test_what_raises_ends_with_a_traceback_and_what_is_killed_with_its_signal(warm: Warm, tmp_path: Path) -> None:
    done = warm.run(script(tmp_path, "raise ValueError('no such furrow')"), timeout=20, merged=True)
    assert done.returncode == 1
    assert done.stdout.endswith("ValueError: no such furrow\n")
    done = warm.run(script(tmp_path, "import os; os.kill(os.getpid(), 15)"), timeout=20)
    assert done.returncode == -15


def test_after_the_limit_all_that_was_started_is_killed(warm: Warm, tmp_path: Path) -> None:
    text = f"import subprocess; subprocess.run(['sh', '-c', 'echo $$ > {tmp_path}/pid; sleep 60; :'])"
    with pytest.raises(subprocess.TimeoutExpired):
        warm.run(script(tmp_path, text), timeout=1)
    pid = int((tmp_path / "pid").read_text())
    end = time.monotonic() + 5
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    assert not alive(pid)


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
