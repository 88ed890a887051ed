"""The same work on many parts: in threads, or on a Dask cluster; results come in the order of the parts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, TypeVar

from windrow.errors import UserError

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
) -> Iterator[Result]:
    """Results of `work(shared, part)` for each part.

    Only a few parts are in work or waiting at a time, so that memory does not grow with their number.

    Parameters
    ----------
    dask
        Address of the scheduler of a Dask cluster, whose workers see the same files; empty: threads of this process.

    Raises
    ------
    UserError
        If there is no cluster at the address.
    """
    if dask:
        yield from _on_cluster(work, shared, parts, dask)
    elif threads <= 1:
        for part in parts:
            yield work(shared, part)
    else:
        with ThreadPoolExecutor(threads) as pool:
            yield from _windowed(lambda part: pool.submit(work, shared, part), parts, threads + 1)


def _on_cluster(
    work: Callable[[Shared, Part], Result], shared: Shared, parts: Iterable[Part], address: str
) -> Iterator[Result]:
    try:
        distributed: Any = import_module("distributed")
    except ModuleNotFoundError:
        raise UserError("--dask needs Dask's scheduler; run `pip install windrow[distributed]`") from None
    try:
        client = distributed.Client(address, timeout="30s", set_as_default=False)
    except (OSError, ValueError) as problem:
        raise UserError(f"no Dask scheduler at {address} ({problem}); start one, or leave --dask out") from None
    with client:
        cores = sum(client.ncores().values())
        if not cores:
            raise UserError(f"the Dask scheduler at {address} has no workers; start some")
        handed = client.scatter(shared, broadcast=True)
        yield from _windowed(lambda part: client.submit(work, handed, part, pure=False), parts, cores + 1)


def _windowed(submit: Callable[[Part], Any], parts: Iterable[Part], size: int) -> Iterator[Any]:
    waiting: deque[Any] = deque()
    for part in parts:
        waiting.append(submit(part))
        if len(waiting) > size:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
