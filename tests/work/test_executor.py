import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event, Timer

import pytest

from windrow.work.executor import teach


@dataclass(frozen=True)
class Work:
    group: bool = False

    def is_group(self) -> bool:
        return self.group


@dataclass(frozen=True)
class Submitted:
    name: str
    job: Work = Work()


class Executor:
    """Reports what it knows of jobs, names the running ones as active and forgets them all without an answer."""

    logger = logging.getLogger("executor")

    def __init__(self, answer: dict[str, str] | None) -> None:
        self.answer = answer
        self.active: list[Submitted] = []
        self.reported: list[tuple[str, str, str | None]] = []
        self.cancelled: list[str] = []
        self._job_submission_executor = ThreadPoolExecutor(1)

    def report_job_submission(self, job_info: Submitted, *, register_job: bool = True) -> None:
        self.active.append(job_info)

    def report_job_success(self, job_info: Submitted) -> None:
        self.reported.append((job_info.name, "well", ""))

    def report_job_error(self, job_info: Submitted, msg: str | None = None) -> None:
        self.reported.append((job_info.name, "badly", msg))

    async def check_active_jobs(self, active_jobs: list[Submitted]) -> AsyncIterator[Submitted]:
        if self.answer is None:
            return
        for job in active_jobs:
            if self.answer[job.name] == "well":
                self.report_job_success(job)
            elif self.answer[job.name] == "badly":
                self.report_job_error(job, msg="it broke")
            else:
                yield job

    def cancel_jobs(self, active_jobs: list[Submitted]) -> None:
        self.cancelled = [job.name for job in active_jobs]


def taught(answer: dict[str, str] | None) -> Executor:
    kind = type("Taught", (Executor,), {})
    teach(kind)
    teach(kind)
    executor: Executor = kind(answer)
    for name in JOBS:
        executor.report_job_submission(Submitted(name))
    return executor


def kept(executor: Executor, jobs: list[Submitted]) -> list[str]:
    async def check() -> list[str]:
        return [job.name async for job in executor.check_active_jobs(jobs)]

    return asyncio.run(check())


JOBS = ["one", "two", "three"]


def test_jobs_are_kept_when_there_is_no_answer() -> None:
    assert kept(Executor(None), [Submitted(name) for name in JOBS]) == []  # the fault
    executor = taught(None)
    assert kept(executor, executor.active) == JOBS


def test_with_an_answer_only_running_jobs_are_kept_and_the_others_are_reported_once() -> None:
    executor = taught({"one": "well", "two": "running", "three": "badly"})
    assert kept(executor, executor.active) == ["two"]
    assert executor.reported == [("one", "well", ""), ("three", "badly", "it broke")]


def test_jobs_are_cancelled_whose_states_are_being_asked_for() -> None:
    executor = taught({"one": "well", "two": "running", "three": "running"})
    checked = executor.active.copy()

    async def interrupted() -> None:
        async for _ in executor.check_active_jobs(checked):
            executor.cancel_jobs([])  # the list is empty meanwhile

    asyncio.run(interrupted())
    assert executor.cancelled == ["two", "three"]


def test_a_job_that_is_being_submitted_is_cancelled_and_those_behind_it_are_not_submitted() -> None:
    executor = taught(None)
    begun, interrupt = Event(), Event()

    def submit(name: str) -> None:
        begun.set()
        interrupt.wait(10)
        executor.report_job_submission(Submitted(name))

    for name in ("four", "five"):
        executor._job_submission_executor.submit(submit, name)
    assert begun.wait(10)
    Timer(0.5, interrupt.set).start()
    executor.cancel_jobs(executor.active[:2])
    assert executor.cancelled == [*JOBS, "four"]


@pytest.mark.parametrize(("group", "logged"), [(True, ["no such partition"]), (False, [])])
def test_why_a_group_failed_is_logged_once_and_reported(
    caplog: pytest.LogCaptureFixture, *, group: bool, logged: list[str]
) -> None:
    executor = taught(None)
    executor.report_job_error(Submitted("group", Work(group)), "no such partition")
    assert caplog.messages == logged
    assert executor.reported == [("group", "badly", "no such partition")]
