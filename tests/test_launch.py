"""What is refused before SLURM is asked; tests/cluster has the rest, on a real one."""

import subprocess
import sys
from pathlib import Path

import pytest

from windrow import cli, launch
from windrow.errors import UserError


def test_a_launcher_outside_of_a_job_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(UserError, match="--launcher srun is for jobs of SLURM and this is none; leave it out"):
        launch.start_ranks("srun", nodes=1, devices=1, threads=1)


def test_a_launcher_that_is_not_there_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    with pytest.raises(
        UserError, match=r"cannot start no-such-srun \(No such file or directory\); say --launcher srun"
    ):
        launch.start_ranks("no-such-srun --mpi=none", nodes=1, devices=1, threads=1)


def test_without_a_launcher_the_process_goes_on_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    launch.start_ranks("", nodes=2, devices=2, threads=1)
    assert not launch.is_rank()


def test_a_launcher_gets_the_ranks_of_each_node_and_the_same_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A program of ours stands where the site's launcher is, to see what it is given."""
    seen = tmp_path / "seen"
    program = tmp_path / "launcher"
    lines = ("#!/bin/sh", f'for part in "$@"; do echo "$part"; done > {seen}')
    program.write_text("\n".join((*lines, f'echo "$WINDROW_RANK_OF_SRUN" >> {seen}')))
    program.chmod(0o755)
    code = f"from windrow import launch; launch.start_ranks('{program} --mpi=none', nodes=2, devices=4, threads=8)"
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    subprocess.run([sys.executable, "-c", code, "train", "--settings", "{a b}"], check=True)
    assert seen.read_text().splitlines() == [
        *("--mpi=none", "--nodes=2", "--ntasks=8", "--ntasks-per-node=4", "--cpus-per-task=8"),
        *("--kill-on-bad-exit=1", sys.executable, "-m", "windrow", "train", "--settings", "{a b}", "1"),
    ]


def test_a_process_of_srun_has_all_its_threads_and_others_share_the_machines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert launch.threads_of_rank(8, devices=4) == 2
    assert launch.threads_of_rank(1, devices=4) == 1
    assert launch.threads_of_rank(0, devices=4) == 0
    monkeypatch.setenv("WINDROW_RANK_OF_SRUN", "1")
    assert launch.threads_of_rank(8, devices=4) == 8


def test_a_forecast_with_a_launcher_outside_of_a_job_ends_with_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    places = [f"--{name}=x" for name in ("settings", "shards", "climatology", "model", "output")]
    assert cli.main(["forecast", *places, "--launcher", "srun"]) == 2
    assert capsys.readouterr().err.startswith("windrow forecast: --launcher srun is for jobs of SLURM")
