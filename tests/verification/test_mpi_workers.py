"""Real ranks; what `windrow verify --dask mpi` writes on SLURM is looked at by tests/cluster."""

import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("mpiexec", path=str(Path(sys.executable).parent)), reason="no mpiexec"),
]

PROGRAM = """
    import os, sys
    from windrow.errors import UserError
    from windrow.verification.mpi_workers import on_client_rank
    from windrow.verification.parallel import in_order

    def work(shared, part):
        if part == int(sys.argv[1]):
            raise UserError("part of no use")
        return shared * part, os.getpid()

    def ask():
        found = list(in_order(work, 10, range(20), dask="mpi"))
        print([result for result, _ in found], len({process for _, process in found} - {os.getpid()}))

    try:
        on_client_rank(ask, ranks=4, threads=1)
    except UserError as problem:
        sys.exit(f"asked in vain: {problem}")
"""


def ranks(path: Path, bad_part: int) -> subprocess.CompletedProcess[str]:
    (path / "program.py").write_text(dedent(PROGRAM))
    launcher = [str(Path(sys.executable).parent / "mpiexec"), "-n", "4", sys.executable, "-m", "mpi4py"]
    command = [*launcher, str(path / "program.py"), str(bad_part)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_two_of_four_ranks_do_the_work_and_all_end(tmp_path: Path) -> None:
    done = ranks(tmp_path, -1)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{[10 * part for part in range(20)]} 2\n"
    assert "Dask: 2 of 2 workers, 2 threads" in done.stderr


def test_what_a_part_raises_ends_all_ranks_and_is_told_once(tmp_path: Path) -> None:
    done = ranks(tmp_path, 5)
    assert done.returncode != 0
    assert done.stderr.count("asked in vain: part of no use") == 1
