"""The same work on many parts: in threads, or on a Dask cluster; results come in the order of the parts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, TypeVar

from windrow.errors import UserError
from windrow.verification.workers import (
    WAIT_SECONDS,
    Workers,
    await_cores,
    client_of,
    cores_of,
    lost_scheduler,
    parse_workers,
)

_LOOK_SECONDS = 2.0  # between two looks for workers while a result is awaited

Shared = TypeVar("Shared")
Part = TypeVar("Part")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Shared, Part], Result],
    shared: Shared,
    parts: Iterable[Part],
    *,
    threads: int = 1,
    dask: str = "",
    wait: float = WAIT_SECONDS,
) -> Generator[Result, None, None]:
    """Results of `work(shared, part)` for each part.

    Only a few parts are in work or waiting at a time, so that memory does not grow with their number. A part whose
    Dask worker is lost is worked on again by another.

    Parameters
    ----------
    dask
        Who works instead of threads of this process, see `parse_workers`. All must see the same files.
    wait
        Seconds without any Dask worker after which the work is given up.

    Raises
    ------
    UserError
        If the Dask cluster is not there, cannot be started or loses all its workers.
    """
    workers = parse_workers(dask)
    if workers.kind != "threads":
        with client_of(workers, threads=threads, wait=wait) as client:
            yield from _on_cluster(work, shared, parts, client=client, workers=workers, wait=wait)
    elif threads <= 1:
        for part in parts:
            yield work(shared, part)
    else:
        with ThreadPoolExecutor(threads) as pool:
            futures = (pool.submit(work, shared, part) for part in parts)
            for future in _ahead(futures, lambda: threads + 1):
                yield future.result()


def _on_cluster(
    work: Callable[[Shared, Part], Result],
    shared: Shared,
    parts: Iterable[Part],
    *,
    client: Any,
    workers: Workers,
    wait: float,
) -> Iterator[Result]:
    dask, distributed = _packages()
    try:
        # Dask advises to scatter what is large, but that is lost with the workers that hold it; a task is done again
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
            handed = client.submit(_same, shared, pure=False)
        futures = (client.submit(work, handed, part, pure=False) for part in parts)
        for future in _ahead(futures, lambda: sum(cores_of(client).values()) + 1):
            yield _result(future, lambda: await_cores(client, workers, wait=wait))
    except distributed.KilledWorker as problem:
        raise UserError(
            f"a part of the work ended {problem.allowed_failures + 1} Dask workers one after the other; "
            "they may lack memory: give them more, or start fewer on a node"
        ) from None
    except (distributed.CancelledError, distributed.comm.CommClosedError):
        raise lost_scheduler() from None


def _packages() -> tuple[Any, Any]:
    return import_module("dask"), import_module("distributed")


def _same(shared: Shared) -> Shared:
    return shared


def _result(future: Any, look: Callable[[], object]) -> Any:
    """The result of a part; now and then a look for workers, which raises if there are none."""
    while True:
        try:
            return future.result(timeout=_LOOK_SECONDS)
        except TimeoutError:
            if future.status == "error":
                raise  # the work's own
            look()


def _ahead(futures: Iterable[Any], count: Callable[[], int]) -> Iterator[Any]:
    """The futures in their order, begun so many at a time."""
    waiting: deque[Any] = deque()
    for future in futures:
        waiting.append(future)
        if len(waiting) > count():
            yield waiting.popleft()
    while waiting:
        yield waiting.popleft()
