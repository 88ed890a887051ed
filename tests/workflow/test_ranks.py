"""The shards written by MPI ranks that Snakemake starts."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from windrow.shards.layout import block_path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path(sys.executable).with_name("mpiexec").exists(), reason="the mpich wheel is not installed"
    ),
]
UNTIL = ("--until", "shards", "shards_layout")


def shards_of(project: Any) -> Path:
    (found,) = (project.path / "results").glob("Y*/shards")
    return Path(found)


def blocks_of(project: Any) -> dict[str, bytes]:
    chunks = shards_of(project) / "data" / "c"
    return {str(path.relative_to(chunks)): path.read_bytes() for path in chunks.rglob("*") if path.is_file()}


def test_ranks_write_what_one_process_writes_and_a_lost_block_comes_back(new_finished: Any) -> None:
    project = new_finished()
    by_one = blocks_of(project)
    assert len(by_one) == 8
    shutil.rmtree(shards_of(project) / "data" / "c")
    project.run("--forcerun", "shards", "--set-resources", "shards:tasks=2", *UNTIL)
    assert blocks_of(project) == by_one
    assert "python -m mpi4py" in project.run(
        "--dry-run", "--printshellcmds", "--forcerun", "shards", *UNTIL, "--set-resources", "shards:tasks=2"
    )
    assert project.planned(*UNTIL) == set()  # another number of ranks is no reason to write again
    path = block_path(shards_of(project), 24)
    path.unlink()
    told = project.run("--forcerun", "shards", *UNTIL)
    assert told.count("kept") == 7
    assert "block 24: 372 of 372 steps" in told
    assert blocks_of(project) == by_one


def test_a_rank_that_fails_tells_why_once_more_at_the_end(new_finished: Any) -> None:
    project = new_finished()
    path = block_path(shards_of(project), 23)
    path.unlink()
    path.parent.rmdir()
    path.parent.touch()
    done = project.snakemake("--forcerun", "shards", "--set-resources", "shards:tasks=2", *UNTIL)
    assert done.returncode == 1
    assert "Not a directory" in done.stdout.partition("Exiting because a job execution failed")[2]
