import asyncio
from collections.abc import AsyncIterator

from windrow.work.polling import keep_jobs


class Executor:
    """Reports what it knows of jobs, names the running ones as active and forgets them all without an answer."""

    def __init__(self, answer: dict[str, str] | None) -> None:
        self.answer = answer
        self.reported: list[tuple[str, str, str]] = []

    def report_job_success(self, job: str) -> None:
        self.reported.append((job, "well", ""))

    def report_job_error(self, job: str, msg: str = "") -> None:
        self.reported.append((job, "badly", msg))

    async def check_active_jobs(self, active_jobs: list[str]) -> AsyncIterator[str]:
        if self.answer is None:
            return
        for job in active_jobs:
            if self.answer[job] == "well":
                self.report_job_success(job)
            elif self.answer[job] == "badly":
                self.report_job_error(job, msg="it broke")
            else:
                yield job


def kept(executor: Executor, jobs: list[str]) -> list[str]:
    async def check() -> list[str]:
        return [job async for job in executor.check_active_jobs(jobs)]

    return asyncio.run(check())


def patient(answer: dict[str, str] | None) -> Executor:
    kind = type("Patient", (Executor,), {"check_active_jobs": Executor.check_active_jobs})
    keep_jobs(kind)
    keep_jobs(kind)
    patient_one: Executor = kind(answer)
    return patient_one


JOBS = ["one", "two", "three"]


def test_jobs_are_kept_when_there_is_no_answer() -> None:
    assert kept(Executor(None), JOBS) == []  # the fault
    assert kept(patient(None), JOBS) == JOBS


def test_with_an_answer_only_running_jobs_are_kept_and_the_others_are_reported_once() -> None:
    executor = patient({"one": "well", "two": "running", "three": "badly"})
    assert kept(executor, JOBS) == ["two"]
    assert executor.reported == [("one", "well", ""), ("three", "badly", "it broke")]
    assert "report_job_error" not in vars(executor)
