import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import dask.config
import psutil
import pytest
from distributed import LocalCluster

from windrow.errors import UserError
from windrow.verification import parallel, workers
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


@pytest.fixture
def small() -> Iterator[LocalCluster]:
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0") as cluster:
        yield cluster


def test_a_cluster_without_workers_is_refused(small: LocalCluster) -> None:
    small.scale(0)
    expected = "has had no workers for 0 s; start some with this version of windrow"
    with pytest.raises(UserError, match=expected):
        list(in_order(times_ten, 1, [1], dask=small.scheduler_address, wait=0.3))


def test_the_dashboard_and_the_workers_are_told(small: LocalCluster, capsys: pytest.CaptureFixture[str]) -> None:
    parts = range(100)
    assert list(in_order(times_ten, 10, parts, dask=small.scheduler_address)) == [10 * part for part in parts]
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("Dask: dashboard at http://")
    assert told[1:] == ["Dask: 1 of 1 workers, 2 threads"]


def test_few_results_wait_on_a_cluster(small: LocalCluster) -> None:
    results = in_order(times_ten, 1, range(100), dask=small.scheduler_address)
    found = []
    for _ in range(20):
        next(results)
        found.append(len(small.scheduler.tasks))
    results.close()
    assert max(found) <= 8  # of the 100: three ahead, one begun, one in hand, what all share, some just forgotten


def test_work_without_any_worker_is_given_up(small: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_LOOK_SECONDS", 0.1)
    results = in_order(times_ten, 1, range(100), dask=small.scheduler_address, wait=0.3)
    next(results)
    small.scale(0)
    with pytest.raises(UserError, match="has had no workers for 0 s"):
        list(results)


@pytest.mark.filterwarnings("ignore")  # Dask's own, of what it could not say to a scheduler that has gone
def test_a_scheduler_that_is_lost_is_told(small: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_CONNECT_SECONDS", 1.0)
    results = in_order(times_ten, 1, range(100), dask=small.scheduler_address)
    next(results)
    small.close()
    with pytest.raises(UserError, match="the Dask scheduler was lost in the middle of the work; start it"):
        list(results)


@pytest.fixture(scope="module")
def processes() -> Iterator[LocalCluster]:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
    ):
        yield cluster


@pytest.mark.slow
def test_a_part_whose_worker_is_killed_is_done_again(processes: LocalCluster, tmp_path: Path) -> None:
    def work(mark: Path, part: int) -> int:  # within the test: such a function is sent whole
        if part == 3 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return 10 * part

    found = list(in_order(work, tmp_path / "mark", range(8), dask=processes.scheduler_address))
    assert found == [0, 10, 20, 30, 40, 50, 60, 70]
    assert (tmp_path / "mark").exists()


@pytest.mark.slow
def test_a_part_that_kills_every_worker_is_given_up(processes: LocalCluster, tmp_path: Path) -> None:
    def work(deaths: Path, part: int) -> None:
        (deaths / str(os.getpid())).touch()
        os.kill(os.getpid(), signal.SIGKILL)

    expected = "a part of the work ended 2 Dask workers one after the other; they may lack memory"
    with pytest.raises(UserError, match=expected):
        list(in_order(work, tmp_path, [1], dask=processes.scheduler_address))
    assert len(list(tmp_path.iterdir())) == 2


ENDLESS = """
    import itertools, time
    from windrow.verification.parallel import in_order

    def slow(_, part):
        time.sleep(0.01)
        return part

    if __name__ == "__main__":
        for result in in_order(slow, 0, itertools.count(), dask="local:2"):
            print(result, flush=True)
"""


@pytest.mark.slow
def test_no_worker_outlives_its_work(tmp_path: Path) -> None:
    program = tmp_path / "endless.py"
    program.write_text(dedent(ENDLESS))
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "0\n"
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 2
        process.terminate()
        assert process.wait(30) == 128 + signal.SIGTERM
        assert psutil.wait_procs(children, timeout=10)[1] == []
