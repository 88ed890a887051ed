"""What SLURM's `sacct` prints, taken from a SLURM 22.05 with a database."""

import os
import stat
from pathlib import Path

import pytest

from windrow.cli import main
from windrow.work.accounting import FIELDS, ask_accounting, parse_accounting, parse_seconds, parse_size
from windrow.work.place import jobs_in, place_line, usage_in, usage_line

TOLD = """\
1|COMPLETED|3|00:01.521||billing=2,cpu=2,mem=300M,node=1
1.batch|COMPLETED|3|00:01.521|137876K|cpu=2,mem=300M,node=1
2|COMPLETED|4|00:00.014||billing=1,cpu=1,gres/gpu=2,mem=300M,node=1
2.batch|COMPLETED|4|00:00.012|11016K|cpu=1,gres/gpu=2,mem=300M,node=1
2.0|COMPLETED|4|00:00.002|1780K|cpu=1,gres/gpu=2,mem=250M,node=1
4|REQUEUED|3|00:00.002||billing=1,cpu=1,mem=100M,node=1
4.batch|CANCELLED|3|00:00.002|3064K|cpu=1,mem=100M,node=1
5|FAILED|0|00:00.001||billing=1,cpu=1,mem=100M,node=1
5.batch|FAILED|0|00:00.001||cpu=1,mem=100M,node=1
4|CANCELLED by 0|5|00:00.002||billing=1,cpu=1,mem=100M,node=1
4.batch|CANCELLED|5|00:00.002|3304K|cpu=1,mem=100M,node=1
"""


def install(directory: Path, script: str) -> None:
    """A `sacct` that comes first in the path."""
    path = directory / "sacct"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_the_memory_of_a_job_is_that_of_its_largest_step() -> None:
    found = parse_accounting(TOLD)
    assert found["1"].memory_mb == pytest.approx(134.64, abs=0.01)
    assert found["2"].memory_mb == pytest.approx(10.76, abs=0.01)
    assert found["5"].memory_mb == 0


def test_cores_and_gpus_count_as_long_as_they_were_reserved() -> None:
    found = parse_accounting(TOLD)
    assert (found["1"].seconds, found["1"].core_seconds, found["1"].gpu_seconds) == (3, 6, 0)
    assert (found["2"].seconds, found["2"].core_seconds, found["2"].gpu_seconds) == (4, 4, 8)
    assert found["1"].cpu_seconds == pytest.approx(1.521)


def test_a_job_that_was_put_back_into_the_queue_counts_with_all_its_runs() -> None:
    found = parse_accounting(TOLD)["4"]
    assert (found.runs, found.seconds, found.core_seconds, found.state) == (2, 8, 8, "CANCELLED")
    assert found.cpu_seconds == pytest.approx(0.004)


def test_gpus_of_a_kind_count_once_and_those_of_several_kinds_together() -> None:
    once = parse_accounting("7|COMPLETED|10|00:01||cpu=4,gres/gpu=2,gres/gpu:a100=2,node=1")
    assert once["7"].gpu_seconds == 20
    several = parse_accounting("7|COMPLETED|10|00:01||cpu=4,gres/gpu:a100=2,gres/gpu:v100=1,node=1")
    assert several["7"].gpu_seconds == 30


@pytest.mark.parametrize(
    ("text", "seconds"), [("", 0), ("03:04.500", 184.5), ("02:03:04", 7384), ("1-02:03:04", 93784)]
)
def test_times_are_read_as_slurm_writes_them(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "megabytes"), [("", 0), ("0", 0), ("2048K", 2), ("1.5G", 1536), ("3M", 3), ("1048576", 1), ("?", 0)]
)
def test_sizes_are_read_as_slurm_writes_them(text: str, megabytes: float) -> None:
    assert parse_size(text) == megabytes


def test_sacct_is_asked_for_all_runs_of_each_job_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, f'echo "$@" > {tmp_path}/asked; echo "12|COMPLETED|60|00:30||cpu=2"')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = ask_accounting(["12", "12", "9"])
    assert (tmp_path / "asked").read_text().split() == [
        *("--duplicates", "--noheader", "--parsable2", f"--format={','.join(FIELDS)}", "--jobs=9,12")
    ]
    assert found.note == ""
    assert found.allocations["12"].core_seconds == 120


def test_without_accounting_there_is_a_reason_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "echo 'Slurm accounting storage is disabled' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert ask_accounting(["1"]).note == "sacct fails: Slurm accounting storage is disabled"
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert ask_accounting(["1"]).note == "there is no sacct on this machine"
    assert ask_accounting([]).note == ""


def test_a_job_is_found_again_by_the_line_in_its_log() -> None:
    line = place_line({"SLURM_JOB_ID": "1234", "SLURM_JOB_NODELIST": "n[1-2]"})
    assert line == "windrow: SLURM job 1234 on n[1-2]"
    assert jobs_in(f"{line}\nepoch 1\n{line}\nwindrow: SLURM job 99 on n1\nnot windrow: SLURM job 5 on n1\n") == [
        *("1234", "99")
    ]


def test_outside_of_slurm_and_in_other_ranks_there_is_no_line() -> None:
    assert place_line({}) == ""
    assert place_line({"SLURM_JOB_ID": "1234", "SLURM_PROCID": "1"}) == ""
    assert place_line({"SLURM_JOB_ID": "1234", "LOCAL_RANK": "1"}) == ""
    assert place_line({"SLURM_JOB_ID": "1234", "SLURM_PROCID": "0"}) != ""


def test_every_step_says_where_it_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    monkeypatch.setenv("SLURM_JOB_NODELIST", "n3")
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    assert main(["settings", "nothing", "--config", "none.yaml"]) == 2
    told = capsys.readouterr()
    assert told.err.startswith("windrow: SLURM job 77 on n3\n")
    assert told.out == ""


def test_what_ranks_of_srun_took_is_found_in_their_log() -> None:
    line = usage_line({"SLURM_STEP_ID": "0"})
    memory, seconds = usage_in(f"epoch 1\n{line}\n")
    assert 20 < memory < 100_000
    assert seconds >= 0
    assert usage_line({"SLURM_JOB_ID": "12"}) == ""
    lines = [
        f"windrow: a rank of srun took {number} MB and {2 * number} s of processor time" for number in (100, 300)
    ]
    assert usage_in("\n".join(lines)) == (300, 800)
    assert usage_in("") == (0, 0)
