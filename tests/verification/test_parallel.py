import threading
import time

import pytest
from distributed import LocalCluster

from windrow.errors import UserError
from windrow.verification.parallel import in_order


def times_ten(shared: int, part: int) -> int:
    time.sleep(0.002 * (5 - part % 5))  # the first of five ends last
    return shared * part


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_the_order_of_the_parts(threads: int) -> None:
    assert list(in_order(times_ten, 10, range(10), threads=threads)) == [10 * part for part in range(10)]


def test_only_a_few_parts_are_under_way_at_a_time() -> None:
    begun = 0
    lock = threading.Lock()

    def work(_: int, part: int) -> int:
        nonlocal begun
        with lock:
            begun += 1
        return part

    for ended, _ in enumerate(in_order(work, 0, range(50), threads=2), start=1):
        assert begun - ended <= 4


def test_a_failure_in_a_part_is_not_swallowed() -> None:
    def work(_: int, part: int) -> float:
        return 1 / (part - 3)

    with pytest.raises(ZeroDivisionError):
        list(in_order(work, 0, range(10), threads=2))


def test_a_cluster_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match=r"no Dask scheduler at none://here .*; start one, or leave --dask out"):
        list(in_order(times_ten, 1, [1], dask="none://here"))


def test_a_cluster_without_workers_is_refused() -> None:
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=None) as cluster,
        pytest.raises(UserError, match="has no workers; start some"),
    ):
        list(in_order(times_ten, 1, [1], dask=cluster.scheduler_address))
