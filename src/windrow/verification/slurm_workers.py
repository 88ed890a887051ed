"""Dask workers that are jobs of SLURM: each asks for what the job has that they work for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from windrow.errors import UserError

LOGS = "logs/dask"
_ASKED = "Partition:200,Account:200,tres-alloc:200,TimeLeft:200"
_REFUSAL = re.compile(r"error: (.*)")


@contextmanager
def cluster_of_jobs(count: int, threads: int) -> Iterator[Any]:
    """A scheduler in this process and as many jobs, which are cancelled in the end.

    Raises
    ------
    UserError
        If a package or SLURM is missing, or SLURM refuses a job.
    """
    if not shutil.which("sbatch"):
        raise UserError("--dask slurm needs SLURM, and there is no sbatch here; use --dask local")
    try:
        jobqueue: Any = import_module("dask_jobqueue")
    except ModuleNotFoundError:
        raise UserError("--dask slurm needs dask-jobqueue; run `pip install windrow[distributed]`") from None
    cluster = jobqueue.SLURMCluster(
        cores=threads,
        processes=1,
        job_name="windrow-dask",
        scheduler_options={"dashboard_address": ":0"},
        **job_options(_this_job(os.environ)),
    )
    try:
        _require_acceptance(cluster.job_script())
        cluster.scale(jobs=count)
        yield cluster
    finally:
        cluster.close()


def _require_acceptance(script: str) -> None:
    """Ask SLURM whether it would take a job: dask-jobqueue goes on without those that are refused."""
    asked = subprocess.run(["sbatch", "--test-only"], input=script, capture_output=True, text=True, check=False)
    if asked.returncode:
        refusal = _REFUSAL.findall(asked.stderr)
        told = refusal[-1] if refusal else asked.stderr.strip()
        raise UserError(f"SLURM takes no Dask worker ({told}); mend what is asked for, or use --dask local")


def job_options(job: str) -> dict[str, Any]:
    """Partition, account, memory and time of a worker's job: those of the job that it works for.

    What is not known here is left to Dask's own configuration (`jobqueue.slurm`) and to SLURM's defaults.

    Parameters
    ----------
    job
        What `squeue` says of the job that this process is in, in the order of `_ASKED`; empty outside of a job.

    Raises
    ------
    UserError
        If nobody says how much memory a worker may have.
    """
    configured: Any = import_module("dask").config
    partition, account, granted, left = job.split() or ("", "", "", "")
    found: dict[str, Any] = {"queue": partition} if partition else {}
    if account not in ("", "(null)"):
        found["account"] = account
    if re.fullmatch(r"[\d:-]+", left):
        found["walltime"] = left
    else:
        found["job_directives_skip"] = ["#SBATCH -t"]  # of dask-jobqueue it would be half an hour
    if configured.get("jobqueue.slurm.log-directory", None) is None:
        found["log_directory"] = LOGS
    if memory := re.search(r"\bmem=([\d.]+[KMGT])", granted):
        found["memory"] = f"{memory[1]}iB"
    elif configured.get("jobqueue.slurm.memory", None) is None:
        raise UserError(
            "--dask slurm does not know how much memory a worker may have, because this is no job of SLURM with "
            "memory of its own; start it by `sbatch --mem=…`, or set DASK_JOBQUEUE__SLURM__MEMORY=4GB"
        )
    return found


def _this_job(environment: Mapping[str, str]) -> str:
    """What SLURM says: within the steps that Snakemake starts, the environment lacks half of it."""
    number = environment.get("SLURM_JOB_ID")
    if not number:
        return ""
    command = ["squeue", "--noheader", f"--jobs={number}", f"--Format={_ASKED}"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
