"""The ledger as tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from windrow.work.ledger import Ledger, Total, total, totals_by
from windrow.work.tables import aligned, clock, hours, size

HEAD = ("jobs", "wall time", "CPU hours", "GPU hours", "peak memory", "written")
RESERVED = "core hours reserved"
SHARED = "all experiments"


def ledger_text(ledger: Ledger) -> str:
    """A table per rule and one per experiment, each with the whole in its last row."""
    whole = total("together", ledger.entries)
    by_rule = totals_by(ledger.entries, lambda entry: entry.rule)
    by_experiment = totals_by(
        sorted(ledger.entries, key=lambda entry: entry.experiment), lambda entry: entry.experiment or SHARED
    )
    tables = [_table("rule", [*by_rule, whole]), _table("experiment", [*by_experiment, whole])]
    return "\n\n".join([*tables, *_notes(ledger)]) + "\n"


def _table(corner: str, totals: Sequence[Total]) -> str:
    reserved = any(one.core_seconds for one in totals)
    rows = [(corner, *HEAD, *([RESERVED] if reserved else []))]
    for one in totals:
        cells = (
            str(one.jobs),
            clock(one.seconds),
            hours(one.cpu_seconds),
            hours(one.gpu_seconds),
            size(one.memory_mb * 2**20),
            size(one.written_mb * 2**20),
        )
        rows.append((one.name, *cells, *([hours(one.core_seconds)] if reserved else [])))
    return aligned(rows)


def _notes(ledger: Ledger) -> list[str]:
    notes = []
    if failed := [f"{entry.rule} {entry.job}".strip() for entry in ledger.entries if _failed(entry.state)]:
        shown = ", ".join(failed[:5]) + (f" and {len(failed) - 5} more" if len(failed) > 5 else "")
        notes.append(f"Last ended badly: {shown}.")
    if again := sum(entry.runs - 1 for entry in ledger.entries if entry.runs > 1):
        notes.append(f"Runs that had to be repeated within their jobs of SLURM: {again}.")
    if ledger.note:
        notes.append(f"Without SLURM's accounting: {ledger.note}.")
    return notes


def _failed(state: str) -> bool:
    return state not in {"", "COMPLETED", "RUNNING", "PENDING"}
