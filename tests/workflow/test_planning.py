"""`windrow plan` beside what Snakemake itself would do."""

import re
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def plan(project: Any, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "windrow", "plan", "--configfile", "config.yaml", *arguments],
        cwd=project.path,
        env=project.environment,
        timeout=120,
        capture_output=True,
        text=True,
        check=False,
    )


def rows(text: str) -> dict[str, list[str]]:
    """The cells of each rule; those of the last row under `together`."""
    return {line.split()[0]: re.split(r" {2,}", line) for line in text.partition("\n\n")[0].splitlines()[1:]}


def test_the_plan_has_the_jobs_and_the_queue_entries_that_snakemake_submits(new_project: Any) -> None:
    project = new_project()
    told = project.run("--profile", "profiles/slurm", "--dry-run")
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", told.partition("Job stats:")[2].partition("total")[0], flags=re.M))
    del jobs["all"]
    groups = len(re.findall(r"^\[[^]]*\] Group job \S+ ", told, flags=re.M))
    single = len(re.findall(r"^rule (?!all)\w+:", told, flags=re.M))
    done = plan(project, "--profile", "profiles/slurm")
    assert done.returncode == 0, done.stderr
    found = rows(done.stdout)
    whole = found.pop("together")
    assert {name: cells[1] for name, cells in found.items()} == jobs
    assert whole[1:3] == [str(sum(map(int, jobs.values()))), str(groups + single)]
    assert {found[rule][3] for rule in ("train", "forecast")} == {"gpu"}
    assert "All hours follow from the model of the work (~): no ledger was found." in done.stdout
    assert not (project.path / "results").exists()


def test_what_snakemake_refuses_is_told_in_one_sentence(new_project: Any) -> None:
    done = plan(new_project(), "--", "results/nothing")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("windrow plan: Snakemake refuses to plan this: MissingRuleException: No rule to")
    assert done.stderr.count("\n") == 1
