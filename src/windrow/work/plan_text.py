"""A plan as text for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from windrow.work.plan import Hardware, Plan, Row
from windrow.work.site import Site
from windrow.work.tables import aligned, clock, hours, size

HEAD = (
    *("rule", "jobs", "entries", "partition", "nodes×tasks×cores", "GPUs", "memory", "time", "longest"),
    *("CPU hours", "GPU hours", "written"),
)


def plan_text(plan: Plan, site: Site, problems: Sequence[str], *, free_bytes: int, results: str) -> str:
    """The table, the whole, and what would not fit."""
    if not plan.rows:
        return "Nothing is to be done.\n"
    rows = [HEAD, *map(_row, plan.rows), _whole(plan)]
    return (
        "\n\n".join(
            [
                aligned(rows),
                "\n".join(_notes(plan, site, free_bytes=free_bytes, results=results)),
                "\n".join(["What would not fit:", *(f"  {said}" for said in problems)])
                if problems
                else _fits(site),
            ]
        )
        + "\n"
    )


def _row(row: Row) -> tuple[str, ...]:
    mark = "" if row.measured else "~"
    return (
        row.rule,
        str(row.jobs),
        str(row.entries or "–"),
        *_hardware(row.hardware, sent=bool(row.entries)),
        f"{mark}{clock(row.longest_seconds)}",
        f"{mark}{hours(row.cpu_seconds)}",
        f"{mark}{hours(row.gpu_seconds)}" if row.gpu_seconds else "–",
        size(row.written),
    )


def _hardware(found: Sequence[Hardware], *, sent: bool) -> tuple[str, ...]:
    """Of different submissions the largest of each number."""
    partitions = ",".join(dict.fromkeys(one.partition for one in found if one.partition))
    largest = max(found, key=lambda one: one.tasks * one.cpus_per_task)
    memory, minutes = max(one.memory_mb for one in found), max(one.minutes for one in found)
    return (
        partitions if sent and partitions else "–" if sent else "here",
        f"{largest.nodes}×{largest.tasks}×{largest.cpus_per_task}",
        str(max(one.gpus for one in found) or "–"),
        size(memory * 1e6),
        clock(60 * minutes) if minutes else "–",
    )


def _whole(plan: Plan) -> tuple[str, ...]:
    return (
        "together",
        str(sum(row.jobs for row in plan.rows)),
        str(plan.entries or "–"),
        *("", "", "", "", ""),
        clock(plan.seconds),
        hours(sum(row.cpu_seconds for row in plan.rows)),
        hours(sum(row.gpu_seconds for row in plan.rows)),
        size(plan.written),
    )


def _notes(plan: Plan, site: Site, *, free_bytes: int, results: str) -> list[str]:
    measured = [row.rule for row in plan.rows if row.measured]
    if not measured:
        source = "All hours follow from the model of the work (~): no ledger was found."
    elif len(measured) < len(plan.rows):
        source = "Hours with ~ follow from the model of the work, the others from a ledger."
    else:
        source = "All hours follow from a ledger."
    notes = [source, f"The longest way, without waiting in the queue: {' → '.join(plan.chain)}."]
    if groups := _groups(plan):
        notes.append(groups)
    if plan.starts > plan.entries:
        notes.append(
            f"{plan.starts} jobs of SLURM are submitted as {plan.entries} entries, arrays being one each."
        )
    notes.append(f"Disk: {size(plan.written)} of {size(free_bytes)} that are free at {results}.")
    return notes


def _groups(plan: Plan) -> str:
    """How many jobs go together, and in how many entries."""
    grouped = [part for part in plan.submissions.parts if part.group and not part.here]
    if not grouped:
        return ""
    jobs = sum(len(part.jobs) for part in grouped)
    groups = "one group" if len(grouped) == 1 else f"{len(grouped)} groups"
    return f"{jobs} small jobs go in {groups} of up to {max(len(part.jobs) for part in grouped)}."


def _fits(site: Site) -> str:
    if not site.told_by:
        return "Nothing speaks against it; the limits of a cluster are not known here."
    return f"All of it fits; the limits are those of {site.told_by}."
