"""Who does the parts of the work: threads, processes of this node, jobs of SLURM, MPI ranks or a Dask cluster."""

from __future__ import annotations

import logging
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import FrameType
from typing import Any, Literal, NoReturn

from windrow.errors import UserError
from windrow.verification.mpi_workers import scheduler_of_ranks
from windrow.verification.slurm_workers import cluster_of_jobs

WAIT_SECONDS = 600.0
_CONNECT_SECONDS = 30.0
_AT_ONCE_SECONDS = 60.0  # workers that no queue holds back are there by then


@dataclass(frozen=True)
class Workers:
    """Who does the work.

    Attributes
    ----------
    count
        Workers that are to be started: processes or SLURM jobs; 0: one process for each thread.
    address
        Of the scheduler of a cluster that runs already.
    """

    kind: Literal["threads", "local", "slurm", "mpi", "address"]
    count: int = 0
    address: str = ""


def parse_workers(text: str) -> Workers:
    """Such as `local`, `local:4`, `slurm:4`, `mpi` or `tcp://host:8786`; threads if empty.

    Raises
    ------
    UserError
        If it is none of these.
    """
    if not text:
        return Workers("threads")
    if text in ("local", "mpi"):
        return Workers("local" if text == "local" else "mpi")
    if text == "slurm":
        raise UserError("--dask slurm does not say how many workers SLURM is to start; write slurm:4 for four")
    if text.startswith("mpi:"):
        raise UserError(f"--dask {text} gives a number, which is MPI's own to choose; write mpi")
    if found := re.fullmatch(r"(local|slurm):(\d+)", text):
        if not int(found[2]):
            raise UserError(f"--dask {text} asks for no worker; give a number from 1 on")
        return Workers("local" if found[1] == "local" else "slurm", int(found[2]))
    if re.fullmatch(r"\w+://.+|[\w.-]+:\d+", text):
        return Workers("address", address=text)
    raise UserError(
        f"--dask {text} is not known; give local, local:4, slurm:4, mpi, or the address of a scheduler such as "
        "tcp://host:8786"
    )


@contextmanager
def client_of(workers: Workers, *, threads: int, wait: float) -> Iterator[Any]:
    """A Dask client that has workers; what was started for it ends with it, also by SIGTERM.

    Parameters
    ----------
    threads
        Cores of this job: processes of this node share them, and each job of SLURM asks for as many.
    wait
        Seconds within which a worker must come out of SLURM's queue or to a scheduler that runs already.

    Raises
    ------
    UserError
        If a package is missing, or there is no scheduler or no worker.
    """
    try:
        distributed: Any = import_module("distributed")
    except ModuleNotFoundError:
        raise UserError("--dask needs Dask's scheduler; run `pip install windrow[distributed]`") from None
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what it logs is raised here in a sentence
    with _ending_orderly(), ExitStack() as stack:
        if workers.kind == "local":
            place = stack.enter_context(_local_cluster(distributed, workers.count or threads, threads))
        elif workers.kind == "slurm":
            place = stack.enter_context(cluster_of_jobs(workers.count, threads))
        else:
            place = scheduler_of_ranks() if workers.kind == "mpi" else workers.address
        client = stack.enter_context(_connected(distributed, place))
        _say(f"dashboard at {_dashboard(client)}")
        cores = await_cores(client, workers, wait=wait)
        _say(f"{len(cores)} of {workers.count or len(cores)} workers, {sum(cores.values())} threads")
        yield client


def _local_cluster(distributed: Any, count: int, threads: int) -> Any:
    """Processes of this node; Dask need not watch their memory, because few parts are in work at a time."""
    each = max(1, threads // count)
    return distributed.LocalCluster(
        n_workers=count, threads_per_worker=each, memory_limit=0, dashboard_address=":0"
    )


def _connected(distributed: Any, place: Any) -> Any:
    try:
        return distributed.Client(place, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as problem:
        raise UserError(f"no Dask scheduler at {place} ({problem}); start one, or leave --dask out") from None


def await_cores(client: Any, workers: Workers, *, wait: float) -> dict[str, int]:
    """The cores of each worker, as soon as there is one.

    Raises
    ------
    UserError
        If none comes in time.
    """
    queued = workers.kind in ("slurm", "address")
    seconds = wait if queued else min(wait, _AT_ONCE_SECONDS)
    begun = time.monotonic()
    while not (cores := cores_of(client)):
        if time.monotonic() - begun >= seconds:
            raise UserError(f"{_lacking(workers)} for {seconds:.0f} s; {_remedy(workers)}")
        time.sleep(0.2)
    return cores


def cores_of(client: Any) -> dict[str, int]:
    """The cores of each worker.

    Raises
    ------
    UserError
        If the scheduler is not there any more.
    """
    try:
        found: dict[str, int] = client.ncores()
    except OSError:
        raise lost_scheduler() from None
    return found


def lost_scheduler() -> UserError:
    """What is told when there is no connection any more."""
    return UserError("the Dask scheduler was lost in the middle of the work; start it and the work again")


def _lacking(workers: Workers) -> str:
    if workers.kind == "address":
        return f"the Dask scheduler at {workers.address} has had no workers"
    return f"--dask {workers.kind} has had no workers"


def _remedy(workers: Workers) -> str:
    if workers.kind == "address":
        return "start some with this version of windrow, look at what they say, or raise --dask-wait"
    if workers.kind == "slurm":
        return "look at `squeue` and at logs/dask, raise --dask-wait, or use --dask local"
    return "look for the reason above; a worker that is out of memory is ended by the system"


def _dashboard(client: Any) -> str:
    if find_spec("bokeh"):
        return str(client.dashboard_link)
    return f"{client.dashboard_link} (which shows little before `pip install bokeh`)"


def _say(text: str) -> None:
    print(f"Dask: {text}", file=sys.stderr, flush=True)


@contextmanager
def _ending_orderly() -> Iterator[None]:
    """SIGTERM ends this process by an exception, so that the jobs that it started in SLURM do not stay."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, _: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # a second one would leave half of them behind
    sys.exit(128 + number)
