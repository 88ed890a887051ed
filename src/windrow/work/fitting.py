"""What of a plan would not fit a site, a sentence each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from windrow.work.plan import Hardware, Plan, seconds_of
from windrow.work.site import Partition, Site
from windrow.work.submissions import Submission, whole
from windrow.work.tables import clock, size

CHAINED = ("train",)
"""Rules whose jobs go on in the next allocation when their time is over."""
SHORT_OF_MEMORY = 0.75
"""What is asked for over what the model says, which has a reserve; less is told."""


def misfits(plan: Plan, site: Site, *, free_bytes: int) -> list[str]:
    """All that SLURM would refuse or end, and that the disk would not hold."""
    sentences: Counter[str] = Counter()
    for row in plan.rows:
        for hardware in row.hardware:
            sentences.update(f"{row.rule} {said}" for said in _refused(hardware, site))
    for part in plan.submissions.parts:
        if not part.here:
            sentences.update(_ended(part, plan))
    sentences.update(_of_all(plan, site, free_bytes))
    return [sentence if count == 1 else f"{sentence} ({count} times)" for sentence, count in sentences.items()]


def _refused(asked: Hardware, site: Site) -> Iterator[str]:
    """What SLURM would not take."""
    if not site.partitions or not asked.partition:
        return
    for name in asked.partition.split(","):
        if name not in site.partitions:
            known = ", ".join(sorted(site.partitions))
            yield f"asks for the partition {name}, which is not among those of {site.told_by}: {known}"
        else:
            yield from _beyond(asked, site.partitions[name])


def _beyond(asked: Hardware, limit: Partition) -> Iterator[str]:
    where = f"of the partition {limit.name}"
    if limit.minutes is not None and asked.minutes > limit.minutes:
        yield f"asks for {clock(60 * asked.minutes)}; the limit {where} is {clock(60 * limit.minutes)}"
    if limit.nodes is not None and asked.nodes > limit.nodes:
        yield f"asks for {asked.nodes} nodes {where}, which has {limit.nodes}"
    if limit.gpus is not None and asked.gpus_per_node > limit.gpus:
        yield f"asks for {asked.gpus_per_node} GPUs on a node {where}, which has {limit.gpus}"
    if limit.cpus is not None and asked.cpus_per_node > limit.cpus:
        yield f"asks for {asked.cpus_per_node} cores on a node {where}, which has {limit.cpus}"
    if limit.memory_mb is not None and asked.memory_mb > limit.memory_mb:
        yield f"asks for {asked.memory_mb} MB on a node {where}, which has {limit.memory_mb} MB"


def _ended(part: Submission, plan: Plan) -> Iterator[str]:
    """What SLURM would take and end before it is done."""
    rules = sorted({plan.submissions.jobs[number].rule for number in part.jobs})
    seconds = seconds_of(part, plan.submissions, plan.estimates)
    minutes = part.resources.get("runtime")
    if isinstance(minutes, int) and seconds > 60 * minutes:
        over = f"{'+'.join(rules)} will take {clock(seconds)} and asks for {clock(60 * minutes)}"
        if set(rules) <= set(CHAINED):
            yield f"{over}: it goes on in {-(-seconds // (60 * minutes)):.0f} jobs, one after another"
        else:
            yield f"{over}: it would be ended"
    asked, needed = whole(part.resources, "mem_mb"), max(plan.estimates[number].memory_mb for number in part.jobs)
    if 0 < asked < SHORT_OF_MEMORY * needed:
        yield f"{'+'.join(rules)} asks for {asked} MB; the model of the work says {needed} MB"


def _of_all(plan: Plan, site: Site, free_bytes: int) -> Iterator[str]:
    if plan.written > free_bytes:
        yield f"{size(plan.written)} will be written, and {size(free_bytes)} are free; make room or move the results"
    submissions = plan.submissions
    waiting = min(plan.starts, submissions.at_once or plan.starts)
    if site.submitted is not None and waiting > site.submitted:
        yield f"up to {waiting} jobs are submitted at once, {site.submitted} are allowed; lower `jobs` in the profile"
    arrays = Counter(part.array for part in submissions.parts if part.array)
    largest = max(arrays.values(), default=0)
    if site.array_size is not None and largest > site.array_size:
        yield f"an array has {largest} jobs, {site.array_size} are allowed; lower `slurm-array-limit` in the profile"
