"""Dask workers that are ranks of MPI: rank 0 is the scheduler, rank 1 does what is not shared, the others work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from windrow.errors import UserError
from windrow.shards.ranks import started

_LEAST = 3


def on_client_rank(work: Callable[[], None], *, ranks: int, threads: int) -> None:
    """Do the work on rank 1 while the others serve it; all come back when it is done.

    Parameters
    ----------
    ranks
        MPI processes of this job.
    threads
        Of each worker.

    Raises
    ------
    UserError
        If a package or MPI is missing, or MPI has started another number of processes, or too few; else on rank 1
        what the work raises.
    """
    if ranks < _LEAST:
        raise UserError(
            f"--dask mpi has {ranks} of the {_LEAST} ranks that it needs; start more and say so by --ranks"
        )
    started(ranks)
    try:
        dask_mpi: Any = import_module("dask_mpi")
    except ModuleNotFoundError:
        raise UserError("--dask mpi needs dask-mpi; run `pip install windrow[distributed]`") from None
    logging.getLogger("distributed").setLevel(logging.WARNING)  # else each rank tells of each connection
    client = _Client(work)
    # MPI cannot give a lost rank back, and SLURM watches the memory: the workers need no guard of their own
    options = {"memory_limit": 0, "local_directory": None, "dashboard_address": ":0"}
    dask_mpi.execute(client, nthreads=threads, **options)
    client.end()


class _Client:
    """The work, called in a thread: dask-mpi ends the other ranks only after a client that raises nothing."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        self.thread: threading.Thread | None = None
        self.problem: BaseException | None = None

    def __call__(self) -> None:
        self.thread = threading.current_thread()
        try:
            self.work()
        except BaseException as problem:
            self.problem = problem

    def end(self) -> None:
        """Wait for the work, if it is done here, and raise what it raised."""
        if self.thread is not None:
            self.thread.join()
        if self.problem is not None:
            raise self.problem


def scheduler_of_ranks() -> str:
    """Address of the scheduler on rank 0."""
    configured: Any = import_module("dask").config
    address: str = configured.get("scheduler_address")
    return address
