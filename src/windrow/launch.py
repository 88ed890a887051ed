"""The ranks of a step within an allocation of SLURM, and the job that goes on after a time limit.

A job's script has one process. Where a training or a forecast is told a launcher, that process gives its place to
`srun`, which starts the same command once for each device: so the ranks are a job step, and a signal that SLURM sends
before the time limit reaches them and nothing else.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time

from windrow.errors import UserError

_STARTED = "WINDROW_RANK_OF_SRUN"
_END_WITHIN_S = 120
WARNING = signal.SIGUSR1  # of a time limit that is near
_early: list[int] = []


def start_ranks(launcher: str, *, nodes: int, devices: int, threads: int) -> None:
    """Become `srun` of `devices` ranks on each of `nodes` nodes; return where this is such a rank already.

    Parameters
    ----------
    launcher
        `srun`, with options of the site's if it needs some; empty: there is nothing to start.
    threads
        Cores of each rank; 0 says nothing about them.

    Raises
    ------
    UserError
        If there is no allocation or no such command.
    """
    if is_rank():
        signal.signal(WARNING, lambda number, _: _early.append(number))  # until the training listens itself
        return
    if not launcher:
        return
    if "SLURM_JOB_ID" not in os.environ:
        raise UserError(f"--launcher {launcher} is for jobs of SLURM and this is none; leave it out")
    command, *options = shlex.split(launcher)
    wanted = [f"--nodes={nodes}", f"--ntasks={nodes * devices}", f"--ntasks-per-node={devices}"]
    cores = [f"--cpus-per-task={threads}"] if threads else []
    own = [sys.executable, "-m", "windrow", *sys.argv[1:]]
    sys.stdout.flush()
    try:
        os.execvpe(
            command,
            [command, *options, *wanted, *cores, "--kill-on-bad-exit=1", *own],
            os.environ | {_STARTED: "1"},
        )
    except OSError as problem:
        raise UserError(
            f"cannot start {command} ({problem.strerror}); say --launcher srun, or leave it out"
        ) from None


def threads_of_rank(threads: int, *, devices: int) -> int:
    """CPU threads of one of `devices` processes: all of `srun`'s own, else a share of the machine's."""
    return threads if is_rank() or not threads else max(1, threads // devices)


def warned_early() -> bool:
    """Whether the time limit was near before there was anything to save."""
    return bool(_early)


def is_rank() -> bool:
    """Whether this process was started by `start_ranks`."""
    return _STARTED in os.environ


def run_job_again(why: str) -> None:
    """Have SLURM put this job back into its queue and wait for the end that this brings; all ranks come here.

    Where SLURM refuses, the caller goes on and ends as it would have.
    """
    if os.environ.get("SLURM_PROCID", "0") == "0":
        job = os.environ["SLURM_JOB_ID"]
        try:
            asked = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True, check=False)
            refused = asked.stderr.strip() if asked.returncode else ""
        except OSError as problem:
            refused = str(problem.strerror)
        if refused:
            print(f"windrow: SLURM does not run job {job} again: {refused}", file=sys.stderr, flush=True)
            return
        print(f"windrow: {why}; job {job} goes on after a new start", flush=True)
    time.sleep(_END_WITHIN_S)
