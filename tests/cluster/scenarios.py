"""What happens on the cluster: each scenario takes a project of its own through something and tells what it saw.

They wait for most of their time, so several of them run at once; the tests look at what they tell.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.cluster import Cluster, Job, wait_for
from tests.cluster.line import Line, Run, Start

LIMIT_S = 400  # of a whole workflow; half of it is for shorter ones
AWAY_S = 30
MID_EPOCH = 10  # checkpoints; there is one after each of the eight steps of an epoch


@dataclass(frozen=True)
class Ground:
    """The cluster, a project that was run on this machine alone, and a place for others."""

    cluster: Cluster
    reference: Line
    path: Path
    runs: list[Run] = field(default_factory=list)

    def copy(self, name: str, *without: str) -> Line:
        """A copy of the reference from whose results some are removed."""
        line = self.reference.copy(self.path / name)
        for pattern in without:
            for path in list(line.path.glob(pattern)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return line

    def start(self, line: Line, *arguments: str) -> Run:
        started = line.slurm(self.cluster, *arguments)
        self.runs.append(started)
        return started

    def end(self) -> None:
        """End what a failed scenario has left; also processes of jobs, which a node that goes down forgets."""
        for started in self.runs:
            if started.process.poll() is None:
                started.process.kill()
                started.process.wait()
        for place in Path("/proc").glob("[0-9]*/cwd"):
            with suppress(OSError):
                if self.path in (place.readlink(), *place.readlink().parents):
                    os.kill(int(place.parent.name), signal.SIGKILL)


@dataclass(frozen=True)
class Told:
    """A project after its scenario, with what was printed and when something is compared by its number."""

    line: Line
    output: str = ""
    first: str = ""
    jobs: tuple[Job, ...] = ()
    starts: tuple[Start, ...] = ()
    intruder: tuple[int, str] = (0, "")


def whole(ground: Ground) -> Told:
    """The line from the beginning; meanwhile somebody else begins on the same results from another checkout."""
    line = ground.copy("whole", "results", "logs", ".snakemake")
    other = ground.copy("intruder", "results")
    (line.path / "results").mkdir()
    (other.path / "results").symlink_to(line.path / "results")
    workflow = ground.start(line)
    wait_for(lambda: list((line.path / "results").glob("Y*/.workflow.lock")), 60, "the first workflow")
    intruder = other.snakemake()
    output = workflow.succeeded(LIMIT_S)
    return Told(
        line,
        output,
        jobs=tuple(ground.cluster.ended(line.path)),
        starts=tuple(line.starts()),
        intruder=(intruder.returncode, intruder.stdout),
    )


def ranks(ground: Ground) -> Told:
    """The shards by two ranks on two nodes; then with a place that one of the ranks cannot write to."""
    line = ground.copy("ranks", "results/Y*/shards")
    line.fit_profile(nodes="2")
    until = ("--until", "shards", "shards_layout")
    ground.start(line, *until).succeeded(LIMIT_S / 2)
    written = line.copy(line.path / "written")
    jobs = len(ground.cluster.ended(line.path))
    (line.watched / "starts").unlink()
    block = line.results / "shards" / "data" / "c" / "24"
    shutil.rmtree(block)
    block.touch()
    output = ground.start(line, *until, "--forcerun", "shards").failed(LIMIT_S / 2)
    return Told(written, output, jobs=tuple(ground.cluster.ended(line.path)[jobs:]), starts=tuple(line.starts()))


def tasks(ground: Ground) -> Told:
    """Trainings and forecasts by two processes on one node and on two nodes."""
    line = ground.copy("tasks")
    line.add_experiment("two", devices=2, batch_size=4)
    line.add_experiment("far", nodes=2, batch_size=4)
    output = ground.start(line, "--until", "forecast").succeeded(LIMIT_S)
    return Told(line, output, jobs=tuple(ground.cluster.ended(line.path)), starts=tuple(line.starts()))


def lost(stages: str, node: str, pattern: str, *without: str, times: int = 1) -> Callable[[Ground], Told]:
    """A stage whose jobs are lost in every way, as often as the profile has them tried again; then the rerun.

    The first of `stages` is the one, and the workflow goes until all of them.
    """
    until = stages.split()
    stage = until[0]

    def scenario(ground: Ground) -> Told:
        line, cluster = ground.copy(f"lost-{stage}", *without), ground.cluster
        line.fit_profile(cpu=node, mem=node, gpu=node)
        line.hold(stage, pattern, times=times)
        workflow = ground.start(line, "--until", *until)

        held = line.held(workflow)
        wait_for(lambda: set(cluster.running(line.path)) == {held.job}, 60, "the end of other jobs")
        line.hold(stage, pattern, times=times, hungry=True)
        cluster.lose_node_of(held.job)
        held.release()

        held = line.held(workflow)
        line.hold(stage, pattern, times=times)
        cluster.wait_for_end(held.job)
        held.release()

        held = line.held(workflow)
        cluster.cancel(held.job)
        held.release()

        held = line.held(workflow)
        cluster.reach_time_limit(held.job)
        held.release()

        first = workflow.failed(LIMIT_S / 2)
        line.hold_none()
        output = ground.start(line, "--until", *until).succeeded(LIMIT_S / 2)
        return Told(line, output, first, tuple(cluster.ended(line.path)), tuple(line.starts()))

    return scenario


def stopped(ground: Ground) -> Told:
    """Snakemake itself is interrupted during the shards and killed during the training."""
    line = ground.copy("stopped", "results/Y*/shards", "results/Y*/cnn", "results/Y*/damping.json")
    until = ("--until", "train", "shards_layout")
    line.hold("shards", "*/blocks/2008.json")
    workflow = ground.start(line, *until)
    held = line.held(workflow)
    wait_for(lambda: set(ground.cluster.running(line.path)) == {held.job}, 60, "the end of other jobs")
    workflow.process.send_signal(signal.SIGINT)
    first = workflow.failed(LIMIT_S / 2)
    ground.cluster.wait_for_end(held.job)
    held.release()

    line.hold("train", "*/step-*.ckpt", times=MID_EPOCH)
    workflow = ground.start(line, *until)
    held = line.held(workflow)
    workflow.process.kill()
    workflow.process.wait()
    line.run("--unlock")
    refused = ground.start(line, *until)
    intruder = refused.process.wait(60), refused.output
    ground.cluster.cancel(held.job)
    held.release()
    line.hold_none()
    output = ground.start(line, *until).succeeded(LIMIT_S / 2)
    return Told(line, output, first, tuple(ground.cluster.ended(line.path)), tuple(line.starts()), intruder)


def chain(ground: Ground) -> Told:
    """A training whose time is over four times; the first time by the limit itself, then by the signal alone."""
    line, cluster = ground.copy("chain", "results/Y*/cnn"), ground.cluster
    line.hold("train", "*/step-*.ckpt", times=MID_EPOCH)
    workflow = ground.start(line, "--until", "train")
    for number in range(4):
        held = line.held(workflow)
        if number == 0:
            cluster.come_near_time_limit(held.job)
            wait_for(lambda: cluster.was_warned(held.job), 60, "the warning")  # noqa: B023
        else:
            ground.cluster.run("scancel", "--signal=USR1", str(held.job))
        if number == 3:
            line.hold_none()
        held.release()
        cluster.run_again(held.job)
    output = workflow.succeeded(LIMIT_S)
    return Told(line, output, jobs=tuple(cluster.ended(line.path)), starts=tuple(line.starts()))


def away(ground: Ground, others: "tuple[Future[Told], ...]") -> Told:
    """The controller goes while a training runs, whose end it misses, and comes back; others have ended before."""
    line, cluster = ground.copy("away", "results/Y*/cnn"), ground.cluster
    line.hold("train", "*/step-*.ckpt", times=MID_EPOCH)
    workflow = ground.start(line, "--until", "train")
    held = line.held(workflow)
    cluster.give_time(held.job)
    wait(others)
    cluster.stop_controller()
    held.release()
    line.hold_none()
    time.sleep(AWAY_S)
    cluster.start_controller()
    output = workflow.succeeded(LIMIT_S / 2)
    return Told(line, output, jobs=tuple(cluster.ended(line.path)), starts=tuple(line.starts()))


def refused(ground: Ground) -> Told:
    """Partitions that are not there, of a group of jobs and of a single one."""
    line = ground.copy("refused", "results/Y*", "results/inventory")
    line.fit_profile(cpu="nowhere", gpu="elsewhere")
    output = ground.start(line, "--until", "inventory", "--retries", "0").failed(LIMIT_S / 2)
    single = ground.copy("refused-single", "results/Y*/cnn/test")
    single.fit_profile(gpu="elsewhere")
    output += ground.start(single, "--retries", "0").failed(LIMIT_S / 2)
    return Told(line, output, jobs=(*ground.cluster.ended(line.path), *ground.cluster.ended(single.path)))


def dask(name: str, **site: str) -> Callable[[Ground], Told]:
    """The scores again, by workers that the profile asks for."""

    def scenario(ground: Ground) -> Told:
        line = ground.copy(name)
        line.fit_profile(**site)
        output = ground.start(line, "--until", "verify", "--forcerun", "verify").succeeded(LIMIT_S / 2)
        assert not ground.cluster.running(line.path)
        return Told(line, output, jobs=tuple(ground.cluster.ended(line.path)), starts=tuple(line.starts()))

    return scenario


SCENARIOS: dict[str, Callable[[Ground], Told]] = {
    "chain": chain,
    "lost_train": lost("train", "lost1", "*/step-*.ckpt", "results/Y*/cnn", times=MID_EPOCH),
    "whole": whole,
    "lost_extract": lost("extract", "lost2", "*/2008/01.nc", "results/Y*"),
    "stopped": stopped,
    "lost_shards": lost("shards shards_layout", "lost3", "*/blocks/2008.json", "results/Y*/shards"),
    "ranks": ranks,
    "refused": refused,
    "tasks": tasks,
    "dask_slurm": dask("dask-slurm", dask="slurm:2"),
    "dask_mpi": dask("dask-mpi", dask="mpi", ranks="4", nodes="2"),
}
