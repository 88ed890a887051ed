"""Large experiments without their data: how long Snakemake takes to plan and to submit them, and what they would move.

`.venv/bin/python benchmarks/scale.py --work /scratch/scale --slurm --docs`

The archives are made of empty files, and each stage makes empty files. `--slurm` submits to the cluster of this
machine, with empty jobs; it needs `sbatch`. 0.3 million files below `--work`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

from empty import CASES, Case, Project, make_archive, queue_entries
from machine import as_list, computer, today
from measuring import FailedError, Measured, run
from rounds import in_directory, tell
from tables import at_most, duration, markdown, megabytes, middle, put_between, spread

DOCS = Path(__file__).parents[1] / "docs" / "scale.md"
PACKAGES = ("windrow", "snakemake", "snakemake-executor-plugin-slurm")
DRY_RUN_S, ALL_S = 5.0, 60.0
IN_A_ROW_S = 2.0  # submissions that are further apart wait for jobs
RANKS, THREADS = 4, 8  # of the shards and of a verification, in the tables of what would be
GRIDS = {"gmd2022": (721, 1440), "global15": (121, 240)}


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="scratch directory, kept; default: a temporary one, removed")
    parser.add_argument("--cases", nargs="+", choices=[case.config for case in CASES], help="default: all")
    parser.add_argument("--runs", type=int, default=3, help="of everything but SLURM (default: 3)")
    parser.add_argument("--slurm", action="store_true", help="submit to the cluster of this machine, too")
    parser.add_argument("--slurm-options", default="", help="for Snakemake: `--slurm-status-command squeue`")
    parser.add_argument("--quick", action="store_true", help="one run: to see that it works")
    parser.add_argument("--docs", action="store_true", help="write the tables into docs/scale.md if all went well")
    args = parser.parse_args()
    args.runs = 1 if args.quick else args.runs
    args.cases = args.cases or [case.config for case in CASES]
    if args.docs and (args.quick or len(args.cases) < len(CASES) or not args.slurm):
        parser.error("--docs needs all cases and --slurm, and --quick gives no figures")
    if args.slurm and not shutil.which("sbatch"):
        parser.error("--slurm needs sbatch on the path")
    return args


@dataclass
class Found:
    """What was measured of a case."""

    files: int
    jobs: int = 0
    entries: tuple[int, int] = (0, 0)
    dry: list[Measured] = field(default_factory=list)
    profile: list[Measured] = field(default_factory=list)
    empty: list[Measured] = field(default_factory=list)
    again: list[Measured] = field(default_factory=list)
    slurm: Measured | None = None
    submissions: list[tuple[float, float]] = field(default_factory=list)
    """When each was begun (seconds after Snakemake) and how long `sbatch` took."""


def measure_case(case: Case, args: argparse.Namespace, work: Path) -> Found:
    """Everything of one case; the runs one after the other."""
    archives = work / "archives"
    found = Found(make_archive(case, archives / case.archive))
    project = Project.create(work / case.config, case, archives)
    logs = work / "logs"
    cores = str(len(os.sched_getaffinity(0)))
    run([[project.command("-n")]], logs / f"{case.config}-warm")
    for number in range(args.runs):
        project.forget()
        found.dry.append(run([[project.command("-n")]], logs / f"{case.config}-dry"))
        found.profile.append(
            run([[project.command("-n", "--profile", "profiles/slurm")]], logs / f"{case.config}-profile")
        )
        found.empty.append(run([[project.command("--cores", cores)]], logs / f"{case.config}-empty"))
        found.again.append(run([[project.command("-n")]], logs / f"{case.config}-again"))
        tell(f"{case.config} {number + 1}/{args.runs}: dry-run {duration(found.dry[-1].seconds)}")
    found.jobs = int(re.findall(r"^total +(\d+)$", found.dry[-1].output, flags=re.M)[0])
    found.entries = queue_entries(found.profile[-1].output)
    if args.slurm:
        submit(project, found, args.slurm_options.split(), logs / f"{case.config}-slurm")
    return found


def submit(project: Project, found: Found, options: Sequence[str], log: Path) -> None:
    """Run all through the profile of SLURM, with empty jobs."""
    project.forget()
    sbatch = shutil.which("sbatch")
    assert sbatch
    times = project.prepare_submissions(found.profile[-1].output, Path(sbatch))
    begun = time.time()
    found.slurm = run([[project.command("--profile", "profiles/slurm", *options)]], log)
    lines = [line.split() for line in times.read_text(encoding="utf-8").splitlines()]
    found.submissions = sorted((float(when) - begun, float(took)) for when, took, _ in lines)


def busy_seconds(submissions: Sequence[tuple[float, float]]) -> float:
    """From the start to the last submission, without the waits for jobs in between."""
    times = [when for when, _ in submissions]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return times[0] + sum(gap for gap in gaps if gap < IN_A_ROW_S) + median(took for _, took in submissions)


def measured_table(cases: dict[str, Found]) -> str:
    """All that was measured, a column for each case."""
    columns = [_column(found) for found in cases.values()]
    return markdown(["", *cases], [[name, *(column[name] for column in columns)] for name in columns[0]])


def _column(found: Found) -> dict[str, str]:
    dry, profile, empty, again = (
        [one.seconds for one in some] for some in (found.dry, found.profile, found.empty, found.again)
    )
    groups, single = found.entries
    column = {
        "files of the archive": f"{found.files:,}",
        "jobs": f"{found.jobs:,}",
        "dry-run": f"{middle(dry)} ({spread(dry)})",
        "to reach": at_most(median(dry), DRY_RUN_S, " s"),
        "its processor time, memory": (
            f"{middle([one.cpu_seconds for one in found.dry])}, {megabytes([one.peak_bytes for one in found.dry])}"
        ),
        "dry-run when all is done": f"{middle(again)} ({spread(again)})",
        "dry-run through `profiles/slurm`": f"{middle(profile)} ({spread(profile)})",
        "all empty jobs on this machine": f"{middle(empty)} ({spread(empty)})",
        "to reach ": at_most(median(empty), ALL_S, " s"),
        "of a job": duration(median(empty) / found.jobs),
        "queue entries through `profiles/slurm`": f"{groups + single}, of them {groups} groups",
    }
    return column | (_of_slurm(found.slurm, found.submissions) if found.slurm else {})


def _of_slurm(ran: Measured, submissions: Sequence[tuple[float, float]]) -> dict[str, str]:
    busy = busy_seconds(submissions)
    return {
        "SLURM: submissions": str(len(submissions)),
        "SLURM: the first, after": duration(submissions[0][0]),
        "SLURM: one `sbatch`": middle([took for _, took in submissions]),
        "SLURM: DAG and submissions, without waits for jobs": duration(busy),
        "to reach  ": at_most(busy, ALL_S, " s"),
        "SLURM: processor time of Snakemake and `sbatch`": duration(ran.cpu_seconds),
        "SLURM: all, with waits and status checks": duration(ran.seconds),
    }


def paper(cases: Sequence[str]) -> dict[str, str]:
    """The tables that are counted and computed."""
    from volumes import Archive, Machine, layout_table, stages, storage_table, time_table, work_table

    from windrow.configfile import read_config

    root = Path(__file__).parents[1] / "config"
    configs = {name: (read_config(root / f"{name}.yaml"), Archive(*GRIDS[name])) for name in cases}
    tables = {"layout": layout_table(configs)}
    for name, (config, archive) in configs.items():
        found = stages(config, archive, ranks=RANKS, threads=THREADS)
        tables[f"{name}-work"] = work_table(found, Machine())
        tables[f"{name}-time"] = time_table(found, Machine())
        tables[f"{name}-storage"] = storage_table(found, lambda storage: Machine(storage=storage))
    return tables


def measure(args: argparse.Namespace, work: Path) -> int:
    """Run the cases; 1 if anything failed."""
    work.mkdir(parents=True, exist_ok=True)
    machine = as_list([*computer(work, PACKAGES), today()])
    print(machine, flush=True)
    cases = {}
    try:
        for case in CASES:
            if case.config in args.cases:
                cases[case.config] = measure_case(case, args, work)
    except FailedError as problem:
        tell(f"FAILED: {problem}")
        return 1
    tables = {"scheduler": f"{machine}\n\n{measured_table(cases)}"} | paper(args.cases)
    print("\n\n".join(f"**{name}**\n\n{table}" for name, table in tables.items()))
    if args.docs:
        text = DOCS.read_text(encoding="utf-8")
        for name, table in tables.items():
            text = put_between(text, name, table)
        DOCS.write_text(text, encoding="utf-8")
    return 0


def main() -> int:
    """Run in the given directory or in a temporary one."""
    args = arguments()
    return in_directory(args.work, partial(measure, args))


if __name__ == "__main__":
    sys.exit(main())
