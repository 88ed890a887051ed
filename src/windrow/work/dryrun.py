"""A dry-run of Snakemake that notes what would be submitted, as JSON.

Snakemake hands every executor the same jobs and groups, with the resources that they ask for. So the plan is made by
an executor: Snakemake's own dry-run, which also writes down what it was handed. It runs as a process of its own,
`python -m windrow.work.dryrun OUTPUT ARGUMENT…`, as Snakemake changes signals and logging of the process it is in.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from snakemake.cli import args_to_api, parse_args
from snakemake.executors import dryrun
from snakemake.resources import GroupResources
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

Taken = list[dict[str, Any]]
"""What the executor was handed: a dictionary per submission."""


def plan(arguments: list[str]) -> dict[str, Any] | None:
    """What Snakemake would submit with these arguments; None if it fails, after it has said why."""
    parser, args = parse_args([*arguments, "--dry-run"])
    taken: Taken = []
    registry = ExecutorPluginRegistry()
    noting = _noting_executor(taken, remote=args.executor not in {None, "local"})
    module = cast(ModuleType, _Plugin(noting))
    registry.plugins["dryrun"] = registry.load_plugin("dryrun", module)
    if not args_to_api(args, parser):
        return None
    settings = registry.get_plugin(args.executor).get_settings(args)
    return {
        "executor": args.executor,
        "cores": args.cores,
        "at_once": args.jobs,
        "arrays": getattr(settings, "array_jobs", None) or "",
        "array_limit": getattr(settings, "array_limit", None) or 0,
        "submissions": taken,
    }


class _Plugin:
    """What the registry looks for in the module of a plug-in."""

    def __init__(self, executor: type) -> None:
        self.Executor = executor
        self.common_settings = dryrun.common_settings


def _noting_executor(taken: Taken, *, remote: bool) -> type:
    """A dry-run that appends to `taken`."""

    class Noting(dryrun.Executor):  # type: ignore[misc]
        def run_job(self, job: Any) -> None:
            taken.append(_submission(job, remote=remote))
            super().run_job(job)

    return Noting


def _submission(job: Any, *, remote: bool) -> dict[str, Any]:
    jobs = sorted(job.jobs, key=lambda one: int(one.jobid)) if job.is_group() else [job]
    resources = _group_resources(job) if job.is_group() and remote else job.resources
    return {
        "group": job.name if job.is_group() else "",
        "here": not remote or all(_runs_nothing(one) for one in jobs),
        "threads": int(resources["_cores"]),
        "resources": _plain(resources),
        "jobs": [_job(one) for one in jobs],
    }


def _runs_nothing(job: Any) -> bool:
    """Whether it only names targets, or is to run beside Snakemake; a dry-run says so of all jobs."""
    return job.rule.group is None and (job.rule.norun or job.rule.name in job.dag.workflow._localrules)


def _group_resources(group: Any) -> Any:
    """What the group asks for where it is submitted; a dry-run itself counts as an executor on this machine."""
    return GroupResources.basic_layered(
        toposorted_jobs=group.toposorted,
        constraints=group.global_resources,
        run_local=False,
        additive_resources=["runtime"],
        sortby=["runtime"],
    )


def _job(job: Any) -> dict[str, Any]:
    return {
        "rule": job.rule.name,
        "wildcards": {name: str(value) for name, value in job.wildcards_dict.items()},
        "threads": int(job.threads),
        "resources": _plain(job.resources),
        "output": [str(path) for path in job.output],
        "input": [str(path) for path in job.input],
    }


def _plain(resources: Any) -> dict[str, int | str]:
    return {
        name: value if isinstance(value, int) else str(value)
        for name, value in resources.items()
        if not name.startswith("_")
    }


def main() -> int:
    """Write the plan to the first argument."""
    output, *arguments = sys.argv[1:]
    found = plan(arguments)
    if found is None:
        return 1
    Path(output).write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
