"""What each stage needs of a machine: memory, time and traffic, as functions of the config alone.

The model follows how the stages work. Those before the training hold a few megabytes of the data at a time, whatever
their amount, and the coordinates; what they add to a bare interpreter is named in each function. The constants are
measured: peak memory and CPU time of every stage (`wait4`) on made archives of 80 points × 1 variable, 5152 × 3,
3200 × 20, 29,040 × 6 and 250,000 × 2, on the sample, and by `benchmarks/` (AMD EPYC with AVX-512, Python 3.11,
torch 2.13). Not measured but taken from others or guessed: everything on a GPU, and the speed of a shared file system.

A request is the model's memory with a quarter more, and the memory of the two Snakemakes around the step; its time is
twice the model's, since other processors are slower. SLURM counts minutes and a node may have to read all libraries
from a file system that is cold, so that the smallest request is five minutes, and fifteen for a training.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from windrow.config import Config
from windrow.errors import UserError
from windrow.work import data_stages, score_stages, training_stages
from windrow.work.rates import STORAGE, Work

SNAKEMAKE_MB = 270  # the two around a step within a job of SLURM, 135 MB each; not in a rule's benchmark file
SHELL_MB = 8  # the rule's shell and `tee`
MEMORY_RESERVE, TIME_RESERVE = 1.25, 2.0
LEAST_MINUTES = {"train": 15}  # it is warned some minutes before the end of its time, and saves
USUAL_LEAST_MINUTES = 5
ROUND_MB = 50
GIVEN = ("dataset", "archive")  # wildcards that the config has already said


@dataclass(frozen=True)
class Need:
    """What a job needs.

    Attributes
    ----------
    memory_mb, minutes
        What to ask for on each node, with a reserve.
    seconds, cpu_seconds
        Expected wall time and the time of all cores together, without one.
    bytes_read, bytes_written
        From and to the file system.
    device_mb
        Memory of each GPU; 0 where none is used.
    """

    memory_mb: int
    minutes: int
    seconds: float
    cpu_seconds: float
    bytes_read: int
    bytes_written: int
    device_mb: int = 0


def need(stage: str, config: Config, *, threads: int = 1, gpu: bool | None = None, **wildcards: str) -> Need:
    """What a stage needs for these wildcards.

    Parameters
    ----------
    threads
        Of each process; the more, the shorter.
    gpu
        Whether trainings and forecasts run on GPUs; if it is not said, unless `training.accelerator` is `cpu`.

    Raises
    ------
    UserError
        If there is no such stage.
    """
    wildcards = {name: value for name, value in wildcards.items() if name not in GIVEN}
    if stage in STAGES:
        work = STAGES[stage](config, **wildcards)
    elif stage in COMPUTED:
        work = COMPUTED[stage](config, threads=threads, gpu=gpu, **wildcards)
    else:
        raise UserError(f"there is no model of the stage {stage}; there are {', '.join((*STAGES, *COMPUTED))}")
    seconds = work.start + work.cpu_seconds / work.cores + (work.read + work.written) / STORAGE
    asked = MEMORY_RESERVE * (work.memory_mb + SHELL_MB) + work.fixed_mb + SNAKEMAKE_MB
    return Need(
        memory_mb=ROUND_MB * math.ceil(asked / ROUND_MB),
        minutes=max(least_minutes(stage), math.ceil(TIME_RESERVE * seconds / 60)),
        seconds=seconds,
        cpu_seconds=work.start + work.cpu_seconds,
        bytes_read=int(work.read),
        bytes_written=int(work.written),
        device_mb=math.ceil(work.device_mb),
    )


def least_minutes(stage: str) -> int:
    """The smallest request of time."""
    return LEAST_MINUTES.get(stage, USUAL_LEAST_MINUTES)


STAGES: dict[str, Callable[..., Work]] = {
    "inventory": data_stages.inventory,
    "audit": data_stages.audit,
    "extract": data_stages.extract,
    "statics": data_stages.statics,
    "statistics_month": data_stages.statistics_month,
    "statistics": data_stages.statistics,
    "shards_layout": data_stages.shards_layout,
    "shards": data_stages.shards,
    "damping": data_stages.damping,
    "report": score_stages.report,
    "compare": score_stages.compare,
}
"""The model of the stages of one thread."""

COMPUTED: dict[str, Callable[..., Work]] = {
    "train": training_stages.train,
    "forecast": training_stages.forecast,
    "export": training_stages.export,
    "verify": score_stages.verify,
}
"""Of those whose time depends on threads or GPUs."""
