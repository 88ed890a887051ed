"""What a run will take: jobs, queue entries, hardware and hours per rule, and the way through that takes longest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from windrow.work.estimates import Estimate, Estimator
from windrow.work.site import count_gpus
from windrow.work.submissions import Submission, Submissions, whole

START_S = 5.0
"""From the start of an allocation to that of the step: two Snakemake processes; measured on SLURM 22.05."""


@dataclass(frozen=True)
class Hardware:
    """What a submission asks for."""

    partition: str
    nodes: int
    tasks: int
    cpus_per_task: int
    gpus: int
    memory_mb: int
    minutes: int

    @property
    def gpus_per_node(self) -> int:
        """GPUs of each node."""
        return -(-self.gpus // self.nodes)

    @property
    def cpus_per_node(self) -> int:
        """Cores of each node."""
        return -(-self.tasks // self.nodes) * self.cpus_per_task


@dataclass(frozen=True)
class Row:
    """The jobs of a rule; `entries` are the submissions that its jobs are in, an array being one."""

    rule: str
    jobs: int
    entries: int
    groups: tuple[str, ...]
    hardware: tuple[Hardware, ...]
    longest_seconds: float
    cpu_seconds: float
    gpu_seconds: float
    written: float
    measured: bool


@dataclass(frozen=True)
class Plan:
    """A row per rule, and the whole."""

    rows: tuple[Row, ...]
    entries: int
    starts: int
    seconds: float
    chain: tuple[str, ...]
    submissions: Submissions
    estimates: tuple[Estimate, ...]

    @property
    def written(self) -> float:
        """Bytes that all jobs write."""
        return sum(row.written for row in self.rows)


def plan_of(submissions: Submissions, estimate: Estimator) -> Plan:
    """The plan of what Snakemake would submit."""
    hardware = {place: hardware_of(part) for place, part in enumerate(submissions.parts)}
    on_gpu = {
        place: None if part.here else hardware[place].gpus > 0 for place, part in enumerate(submissions.parts)
    }
    of_job = {number: place for place, part in enumerate(submissions.parts) for number in part.jobs}
    estimates = tuple(
        estimate(job.rule, job.wildcards, job.threads, on_gpu[of_job[number]])
        for number, job in enumerate(submissions.jobs)
    )
    seconds, chain = _longest_way(submissions, estimates, of_job)
    sent = [part for part in submissions.parts if not part.here]
    return Plan(
        tuple(_rows(submissions, estimates, hardware, of_job)),
        len(_entries(sent)),
        len(sent),
        seconds,
        chain,
        submissions,
        estimates,
    )


def hardware_of(part: Submission) -> Hardware:
    """What SLURM is asked for, by the names that its plug-in knows."""
    asked = part.resources
    nodes = whole(asked, "nodes", 1) or 1
    per_node = whole(asked, "tasks_per_node")
    per_task = whole(asked, "cpus_per_task")
    return Hardware(
        str(asked.get("slurm_partition", "")),
        nodes,
        per_node * nodes if per_node else whole(asked, "tasks", 1) or 1,
        per_task if per_task > 0 else part.threads,
        0 if part.here else _gpus(asked, nodes),  # what this machine has is not asked for
        whole(asked, "mem_mb"),
        whole(asked, "runtime"),
    )


def _gpus(asked: Mapping[str, int | str], nodes: int) -> int:
    """`gres` is per node, `gpu` in all."""
    gres = count_gpus(str(asked.get("gres", "")))
    total = asked.get("gpu", 0)
    return gres * nodes or (total if isinstance(total, int) else count_gpus(f"gpu:{total}"))


def _entries(parts: Sequence[Submission]) -> set[object]:
    return {("array", part.array) if part.array else id(part) for part in parts}


def _rows(
    submissions: Submissions,
    estimates: Sequence[Estimate],
    hardware: Mapping[int, Hardware],
    of_job: Mapping[int, int],
) -> list[Row]:
    by_rule: dict[str, list[int]] = {}
    for number, job in enumerate(submissions.jobs):
        if job.rule != "all":
            by_rule.setdefault(job.rule, []).append(number)
    depths = _depths(submissions)
    rows = []
    for rule, numbers in sorted(by_rule.items(), key=lambda item: (max(depths[one] for one in item[1]), item[0])):
        places = list(dict.fromkeys(of_job[number] for number in numbers))
        parts = [submissions.parts[place] for place in places]
        found = [estimates[number] for number in numbers]
        rows.append(
            Row(
                rule,
                len(numbers),
                len(_entries([part for part in parts if not part.here])),
                tuple(dict.fromkeys(part.group for part in parts if part.group)),
                tuple(dict.fromkeys(hardware[place] for place in places)),
                max(one.seconds for one in found),
                sum(one.cpu_seconds for one in found),
                sum(estimates[number].seconds * hardware[of_job[number]].gpus for number in numbers),
                sum(one.written for one in found),
                all(one.measured for one in found),
            )
        )
    return rows


def _depths(submissions: Submissions) -> list[int]:
    """How many jobs come before each, one after another: the order of the rows."""
    depths: dict[int, int] = {}

    def depth(number: int) -> int:
        if number not in depths:
            depths[number] = 1 + max(map(depth, submissions.jobs[number].after), default=-1)
        return depths[number]

    return [depth(number) for number in range(len(submissions.jobs))]


def _longest_way(
    submissions: Submissions, estimates: Sequence[Estimate], of_job: Mapping[int, int]
) -> tuple[float, tuple[str, ...]]:
    """Seconds of the way through the submissions that takes longest, and its rules.

    Waiting in the queue does not count. On one machine jobs share its cores, so that all together take at least as
    long as their core time allows.
    """
    ends: list[float] = []
    before: list[int | None] = []
    for place, part in enumerate(submissions.parts):
        waits = {of_job[other] for number in part.jobs for other in submissions.jobs[number].after} - {place}
        last = max(waits, key=lambda other: ends[other], default=None)
        start = ends[last] if last is not None else 0.0
        ends.append(start + (0.0 if part.here else START_S) + seconds_of(part, submissions, estimates))
        before.append(last)
    if not ends:
        return 0.0, ()
    total = max(ends)
    step: int | None = ends.index(total)
    chain = []
    while step is not None:
        chain.append("+".join(sorted({submissions.jobs[number].rule for number in submissions.parts[step].jobs})))
        step = before[step]
    if submissions.executor == "local":
        shared = sum(
            estimate.seconds * job.threads for job, estimate in zip(submissions.jobs, estimates, strict=True)
        )
        total = max(total, shared / submissions.cores)
    return total, tuple(name for name in reversed(chain) if name != "all")


def seconds_of(part: Submission, submissions: Submissions, estimates: Sequence[Estimate]) -> float:
    """How long a job or a group takes: its longest way, or as long as its cores allow."""
    ends: dict[int, float] = {}
    for number in part.jobs:
        _end(number, part, submissions, estimates, ends)
    shared = sum(estimates[number].seconds * submissions.jobs[number].threads for number in part.jobs)
    cores = max(part.threads, 1) if len(part.jobs) > 1 else max(submissions.jobs[part.jobs[0]].threads, 1)
    return max(max(ends.values()), shared / cores)


def _end(
    number: int, part: Submission, submissions: Submissions, estimates: Sequence[Estimate], ends: dict[int, float]
) -> float:
    if number not in ends:
        waits = [other for other in submissions.jobs[number].after if other in part.jobs]
        start = max((_end(other, part, submissions, estimates, ends) for other in waits), default=0.0)
        ends[number] = start + estimates[number].seconds
    return ends[number]
