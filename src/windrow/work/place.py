"""Lines in a log: by which its job is found in SLURM's accounts, and what ranks took that Snakemake cannot see."""

from __future__ import annotations

import re
import resource
from collections.abc import Mapping

_SAID = re.compile(r"^windrow: SLURM job (\d+) on \S+$", flags=re.M)


_USED = re.compile(r"^windrow: a rank of srun took (\d+) MB and (\d+) s of processor time$", flags=re.M)


def place_line(environment: Mapping[str, str]) -> str:
    """Number and nodes of the job; empty outside of SLURM and in all ranks but the first."""
    job, rank = environment.get("SLURM_JOB_ID", ""), environment.get("SLURM_PROCID", "0")
    if not job or rank != "0" or environment.get("LOCAL_RANK", "0") != "0":
        return ""
    return f"windrow: SLURM job {job} on {environment.get('SLURM_JOB_NODELIST') or 'unknown'}"


def usage_line(environment: Mapping[str, str]) -> str:
    """What this process and its children took so far; empty where it is no rank that `srun` started."""
    if "SLURM_STEP_ID" not in environment:
        return ""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    memory = max(own.ru_maxrss, children.ru_maxrss) / 1024
    seconds = sum(used.ru_utime + used.ru_stime for used in (own, children))
    return f"windrow: a rank of srun took {memory:.0f} MB and {seconds:.0f} s of processor time"


def usage_in(log: str) -> tuple[float, float]:
    """Memory of the largest rank (MB) and processor time of all (seconds); zeros where none said it."""
    found = _USED.findall(log)
    return max((float(memory) for memory, _ in found), default=0.0), sum(float(seconds) for _, seconds in found)


def jobs_in(log: str) -> list[str]:
    """The numbers of the jobs that wrote a log, each once."""
    return list(dict.fromkeys(_SAID.findall(log)))
