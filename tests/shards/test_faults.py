"""Kills, full disks and directories that cannot be written: nothing half-written, and nothing lost."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from windrow import cli
from windrow.shards.layout import shape_of

from .conftest import Store

PAGE = 4096


def killed_after(store: Store, lines: int, delay_s: float) -> list[str]:
    """Start the step, kill it some time after a line of its output; what it told before."""
    command = [sys.executable, "-m", "windrow", *store.arguments(2008)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [line for _, line in zip(range(lines), process.stdout, strict=False)]
        time.sleep(delay_s)
        process.kill()
        return told + process.stdout.readlines()


def test_a_writer_killed_at_random_times_loses_the_block_in_work_at_most(new_store: Callable[..., Store]) -> None:
    expected = new_store("undisturbed", block_steps=24).write(2008).files()
    store = new_store(block_steps=24)
    blocks = len(json.loads(expected["blocks/2008.json"])["blocks"])
    assert blocks == 31
    draw = random.Random(3)
    finished = 0
    for _ in range(6):
        told = killed_after(store, finished + draw.randrange(1, 6), draw.random() * 0.01)
        kept = sum(line.endswith("kept\n") for line in told)
        assert kept in (finished, finished + 1)  # a block may be killed between its record and its line
        finished = len(told)
        assert not store.manifest(2008).exists() or finished == blocks
    assert store.write(2008).files() == expected
    assert not list(store.shards.rglob(".*"))


@contextmanager
def small_disk(path: Path, size: int) -> Iterator[None]:
    path.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


def assert_nothing_half_written(store: Store) -> None:
    assert not list(store.shards.rglob(".*"))
    for path in (store.shards / "data").rglob("*"):
        assert path.is_dir() or path.stat().st_size == shape_of(store.layout).file_bytes
    for path in store.shards.rglob("*.json"):
        json.loads(path.read_text())


def test_a_full_disk_during_any_write_leaves_nothing_half_written(
    new_store: Callable[..., Store], capsys: pytest.CaptureFixture[str]
) -> None:
    store = new_store()
    whole = 3 * -(-shape_of(store.layout).file_bytes // PAGE) + 5  # three blocks, their records, lock and manifest
    failed = []
    for pages in range(1, whole + 2):
        with small_disk(store.shards, pages * PAGE):
            capsys.readouterr()
            code = cli.main(store.arguments(2008))
            error = capsys.readouterr().err
            assert_nothing_half_written(store)
            if code:
                assert code == 2
                assert error.count("\n") == 1
                assert "No space left on device" in error
                failed.append(error.partition(str(store.shards))[2].partition(":")[0])
            else:
                assert store.manifest(2008).exists()
    assert code == 0
    wanted = ("/data/c/24/0/0/0", "/blocks/records/24.json", "/blocks/2008.json")
    assert set(wanted) <= set(failed)


def test_a_full_disk_leaves_what_was_written_to_the_next_job(
    new_store: Callable[..., Store], capsys: pytest.CaptureFixture[str]
) -> None:
    store = new_store()
    block = -(-shape_of(store.layout).file_bytes // PAGE) * PAGE
    with small_disk(store.shards, 2 * block + 3 * PAGE):
        assert cli.main(store.arguments(2008)) == 2
        subprocess.run(["mount", "-o", f"remount,size={4 * block}", str(store.shards)], check=True)
        capsys.readouterr()
        store.write(2008)
        told = capsys.readouterr().out.splitlines()
    assert told == ["block 23: kept", "block 24: kept", "block 25: 204 of 372 steps"]


def test_a_directory_that_cannot_be_written_is_named(
    new_store: Callable[..., Store], capsys: pytest.CaptureFixture[str]
) -> None:
    store = new_store()
    with small_disk(store.shards, 100 * PAGE):
        subprocess.run(["mount", "-o", "remount,ro", str(store.shards)], check=True)
        assert cli.main(store.arguments(2008)) == 2
    error = capsys.readouterr().err
    assert f"windrow shards: {store.shards}/blocks: Read-only file system" in error
    assert error.count("\n") == 1


def test_a_file_in_the_place_of_the_directory_is_named(
    new_store: Callable[..., Store], capsys: pytest.CaptureFixture[str]
) -> None:
    store = new_store()
    store.shards.touch()
    assert cli.main(store.arguments(2008)) == 2
    assert f"{store.shards}" in capsys.readouterr().err


def test_names_with_spaces_quotes_and_foreign_letters_are_written_and_read(
    new_store: Callable[..., Store], whole: Store
) -> None:
    store = new_store("ein \"Schwad\" und 'drei' höher 北").write()
    found = store.files()
    assert found == {name: whole.files()[name] for name in found}
    assert os.fspath(store.shards) in str(store.reader.shards)
