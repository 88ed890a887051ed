import os
from pathlib import Path

import pytest

from windrow.work.failures import cause_in, failures

ERROR = """\
Error in rule extract:
    message: SLURM-job '7' failed, SLURM status is: 'FAILED'.
    log: {path} (check log file(s) for error details)
"""
SUBMITTED = "Job 5 has been submitted with SLURM jobid {job} (log: {path}).\n"


def write(path: Path, text: str, *, time: float = 1000.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time, time))
    return path


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (
            "slurmstepd-n1: error: StepId=5.batch exceeded memory limit (175976448 > 52428800), being killed\n"
            "slurmstepd-n1: error: *** JOB 5 ON n1 CANCELLED AT 2026-01-01T00:00:00 ***",
            "needed more memory than it had asked for",
        ),
        (
            "slurmstepd: error: Detected 1 oom_kill event in StepId=5.0. Some of the step tasks have been OOM Killed.",
            "needed more memory than it had asked for",
        ),
        (
            "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=5.batch.",
            "needed more memory than it had asked for",
        ),
        (
            "slurmstepd: error: *** JOB 5 ON n1 CANCELLED AT 2026-01-01 DUE TO TIME LIMIT ***",
            "ran into its time limit",
        ),
        (
            "slurmstepd: error: *** JOB 5 ON n1 CANCELLED AT 2026-01-01 DUE TO NODE FAILURE, SEE SLURMCTLD LOG ***",
            "lost its node",
        ),
        ("srun: error: n1: task 0: Out Of Memory", "needed more memory than it had asked for"),
        ("MPIDI_POSIX_comm_bootstrap(288).......: Out of memory", ""),
        ("srun: error: Node failure on n1", "lost its node"),
        (
            "slurmstepd: error: *** JOB 5 ON n1 CANCELLED AT 2026-01-01 DUE TO PREEMPTION ***",
            "had to give way to another job",
        ),
        ("slurmstepd: error: *** JOB 5 ON n1 CANCELLED AT 2026-01-01T00:00:00 ***", "was cancelled"),
        ("slurmstepd: error: *** STEP 5.2 ON n1 CANCELLED AT 2026-01-01T00:00:00 ***", ""),
        ("windrow extract: no such file\nsrun: error: n1: task 0: Exited with exit code 1", ""),
    ],
)
def test_a_cause_is_found_in_what_slurm_writes(line: str, cause: str) -> None:
    assert cause_in(f"before\n{line}\nafter\n") == cause


def test_jobs_that_slurm_ended_are_named_with_their_logs(tmp_path: Path) -> None:
    logs = tmp_path / ".snakemake" / "slurm_logs"
    lost = write(logs / "rule_shards" / "set_2007" / "7.log", "srun: error: Node failure on n1\n")
    late = write(
        logs / "group_month_extract_inventory" / "8.log", "*** JOB 8 ON n1 CANCELLED AT x DUE TO TIME LIMIT\n"
    )
    own = write(logs / "rule_audit" / "9.log", "windrow audit: hours are missing\n")
    gone = logs / "rule_train" / "10.log"  # Snakemake removes the logs of jobs that ended well
    log = "".join(SUBMITTED.format(job=path.stem, path=path) for path in (lost, late, own, gone))
    assert list(failures(log, since=0)) == [
        f"windrow: SLURM job 7 (rule shards) lost its node; its log is {lost}",
        f"windrow: SLURM job 8 (group month_extract_inventory) ran into its time limit; its log is {late}",
    ]


def test_sentences_of_failed_steps_are_told_once_each(tmp_path: Path) -> None:
    path = write(
        tmp_path / "extract.log",
        "working\nblock 7 windrow extract: no hour 3; add it\nwindrow: SLURM job 7 on n1\n",
    )
    log = ERROR.format(path=path) + ERROR.format(path=f"{path}, {tmp_path / 'slurm.log'}")
    assert list(failures(log, since=999.0)) == ["windrow extract: no hour 3; add it"]


def test_logs_of_earlier_runs_tell_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "extract.log", "windrow extract: no hour 3; add it\n")
    missing = tmp_path / "missing.log"
    assert list(failures(ERROR.format(path=path) + ERROR.format(path=missing), since=1001.0)) == []


def test_what_slurm_says_when_it_refuses_jobs_is_told_once() -> None:
    refused = (
        "SLURM sbatch failed. The error message was 'sbatch: error: invalid partition specified: nowhere\n"
        "sbatch: error: Batch job submission failed: Invalid partition name specified'.\n"
        "    sbatch call:\n        sbatch --parsable\n\n"
    )
    assert list(failures(f"{refused}Error in group x\n{refused}", since=0)) == [
        "windrow: SLURM refused a job: invalid partition specified: nowhere; Batch job submission failed: "
        "Invalid partition name specified; see the block at the top of the profile, and `windrow plan`"
    ]
