"""Snakemake's executor for SLURM, taught to keep its jobs in mind while SLURM does not answer.

The executor asks for the states of its jobs and goes on with those that it names as still active. When the controller
or the accounting is away it names none, so that it waits for ever for jobs that it no longer asks about.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any


def keep_jobs(executor: Any) -> None:
    """Have a class of executors name each job as active that it has not reported as ended; twice does no harm."""
    check = executor.check_active_jobs
    if getattr(check, "keeps_jobs", False):
        return

    async def check_active_jobs(self: Any, active_jobs: list[Any]) -> AsyncIterator[Any]:
        settled: set[int] = set()
        own = {name: getattr(self, name) for name in ("report_job_success", "report_job_error")}

        def noting(report: Any) -> Any:
            def note(job: Any, *further: Any, **named: Any) -> Any:
                settled.add(id(job))
                return report(job, *further, **named)

            return note

        for name, report in own.items():
            setattr(self, name, noting(report))
        try:
            async for job in check(self, active_jobs):
                settled.add(id(job))
                yield job
        finally:
            for name in own:
                delattr(self, name)  # the class's own shows again
        for job in active_jobs:
            if id(job) not in settled:
                yield job

    check_active_jobs.keeps_jobs = True  # type: ignore[attr-defined]
    executor.check_active_jobs = check_active_jobs
