"""Snakemake's executor for SLURM, taught three things.

- *It keeps its jobs in mind.* It asks for the states of its jobs and goes on with those that it names as still active.
  When the controller or the accounting is away it names none, so that it would wait for ever for jobs that it no longer
  asks about.
- *It cancels all its jobs.* While it asks for their states its list of them is empty, and one that is just being
  submitted is not in it yet: an interrupt at such a moment would leave them running.
- *It says why a group of jobs failed.* Of a single job it does; of a group, Snakemake passes over what it has to say,
  such as SLURM's words where it refused it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any


def teach(executor: Any) -> None:
    """Change a class of executors in its place; twice does no harm."""
    if not vars(executor).get("taught"):
        executor.taught = True
        _note_open_jobs(executor)
        _keep_jobs(executor)
        _cancel_all(executor)
        _tell_of_groups(executor)


def _open_jobs(executor: Any) -> dict[int, Any]:
    """What was submitted and not reported as ended."""
    found: dict[int, Any] = vars(executor).setdefault("open_jobs", {})
    return found


def _note_open_jobs(executor: Any) -> None:
    submitted = executor.report_job_submission

    def report_job_submission(self: Any, job: Any, *further: Any, **named: Any) -> None:
        _open_jobs(self)[id(job)] = job
        submitted(self, job, *further, **named)

    def noting(report: Any) -> Any:
        def note(self: Any, job: Any, *further: Any, **named: Any) -> None:
            _open_jobs(self).pop(id(job), None)
            report(self, job, *further, **named)

        return note

    executor.report_job_submission = report_job_submission
    executor.report_job_success = noting(executor.report_job_success)
    executor.report_job_error = noting(executor.report_job_error)


def _keep_jobs(executor: Any) -> None:
    check = executor.check_active_jobs

    async def check_active_jobs(self: Any, active_jobs: list[Any]) -> AsyncIterator[Any]:
        named: set[int] = set()
        async for job in check(self, active_jobs):
            named.add(id(job))
            yield job
        for job in active_jobs:
            if id(job) in _open_jobs(self) and id(job) not in named:
                yield job

    executor.check_active_jobs = check_active_jobs


def _cancel_all(executor: Any) -> None:
    cancel = executor.cancel_jobs

    def cancel_jobs(self: Any, active_jobs: list[Any]) -> None:
        self._job_submission_executor.shutdown(wait=True, cancel_futures=True)
        cancel(self, list(({id(job): job for job in active_jobs} | _open_jobs(self)).values()))

    executor.cancel_jobs = cancel_jobs


def _tell_of_groups(executor: Any) -> None:
    report = executor.report_job_error

    def report_job_error(self: Any, job: Any, msg: str | None = None, **named: Any) -> None:
        if msg and job.job.is_group():
            self.logger.error(msg)
        report(self, job, msg=msg, **named)

    executor.report_job_error = report_job_error
