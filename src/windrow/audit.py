"""Whether an archive holds what a dataset needs: asked before anything is computed, told in the report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from windrow.errors import UserError
from windrow.grib.contents import Contents, Entry, read_contents
from windrow.grib.headers import CONSTANT, EMPTY, Kind, span_hours
from windrow.grib.recipe import Recipe, recipe_of

_TOLD = 5  # times of a fault that are named
_REMEDIES = {
    "missing": "fetch the messages, or set source.missing: mask to leave these hours out",
    "doubled": "delete one of the messages",
    "without any value": "fetch these messages again, or set source.missing: mask to leave these hours out",
    "one value everywhere": "fetch these messages again, or set source.constant: keep if that is right",
}
_MASKED = ("missing", "without any value")


@dataclass(frozen=True)
class Policy:
    """What the config says of faults: `source.missing` and `source.constant`."""

    missing: str
    constant: str

    def forgives(self, fault: str) -> bool:
        """Whether the work goes on with this fault."""
        if fault in _MASKED:
            return self.missing == "mask"
        return fault == "one value everywhere" and self.constant == "keep"


@dataclass(frozen=True)
class MonthAudit:
    """What was found of a month.

    Attributes
    ----------
    hours
        Hours since the month's first at which every variable has its fields.
    faults
        By variable and fault the hours that have it.
    problems
        Sentences about what stops the work.
    """

    month: str
    first: str
    expected: int
    hours: tuple[int, ...]
    recipes: tuple[Recipe, ...]
    faults: dict[str, dict[str, list[int]]]
    problems: tuple[str, ...]
    kinds: dict[str, Kind] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """What the report tells of the month."""
        return {
            "month": self.month,
            "first": self.first,
            "expected": self.expected,
            "valid": len(self.hours),
            "faults": self.faults,
            "kinds": {name: kind._asdict() for name, kind in self.kinds.items()},
        }


def audit_month(
    contents: Contents, variables: tuple[str, ...], policy: Policy, *, reference: Contents | None = None
) -> MonthAudit:
    """Hold a month's inventory against what the dataset needs, and against the dataset's first month.

    Raises
    ------
    UserError
        If a variable is not in the archive at all.
    """
    recipes = tuple(recipe_of(variable, contents) for variable in variables)
    faults = {recipe.variable: _faults(recipe, contents) for recipe in recipes}
    problems = [
        _sentence(contents, variable, fault, hours)
        for variable, found in faults.items()
        for fault, hours in found.items()
        if hours and not policy.forgives(fault)
    ]
    problems += [problem for recipe in recipes for problem in _changes(recipe, contents, reference)]
    problems += _grids(recipes, contents)
    left_out = {hour for found in faults.values() for fault in _MASKED for hour in found.get(fault, [])}
    hours = tuple(hour for hour in contents.hours if hour not in left_out)
    if not hours:
        problems.append(f"{contents.month}: no hour has all variables; fetch it, or take it out of dataset.period")
    return MonthAudit(
        month=contents.month,
        first=contents.first,
        expected=len(contents.hours),
        hours=hours,
        recipes=recipes,
        faults=faults,
        problems=tuple(problems),
        kinds={recipe.variable: contents.kind(recipe.described_by) for recipe in recipes},
    )


def audit_months(
    inventories: Iterable[Path], variables: tuple[str, ...], policy: Policy
) -> tuple[list[MonthAudit], dict[str, int]]:
    """The audits of all months, the first being the measure, and how much the archive holds of them.

    One inventory is in memory beside the first.
    """
    audits: list[MonthAudit] = []
    archive = {"files": 0, "messages": 0, "bytes": 0}
    reference: Contents | None = None
    for path in inventories:
        contents = read_contents(path)
        try:
            audits.append(audit_month(contents, variables, policy, reference=reference))
        except UserError as problem:
            audits.append(_nothing(contents, str(problem)))
        reference = reference or contents
        archive["files"] += len(contents.files)
        archive["messages"] += sum(len(found) for hours in contents.entries.values() for found in hours.values())
        archive["bytes"] += sum(state.size for state in contents.files.values())
    return audits, archive


def _nothing(contents: Contents, problem: str) -> MonthAudit:
    return MonthAudit(contents.month, contents.first, len(contents.hours), (), (), {}, (problem,))


def require_sound(audits: Iterable[MonthAudit]) -> None:
    """Stop at what the policy does not forgive.

    Raises
    ------
    UserError
        With all that was found, a line each.
    """
    if problems := [problem for audit in audits for problem in audit.problems]:
        raise UserError("\n".join(problems))


def _faults(recipe: Recipe, contents: Contents) -> dict[str, list[int]]:
    found: dict[str, set[int]] = {fault: set() for fault in _REMEDIES}
    for name in recipe.required:
        entries = contents.entries[name]
        for hour in contents.hours:
            for fault in _faults_of(entries.get(hour, [])):
                found[fault].add(hour)
    return {fault: sorted(hours) for fault, hours in found.items() if hours}


def _faults_of(entries: list[Entry]) -> Iterable[str]:
    if not entries:
        yield "missing"
    elif len(entries) > 1:
        yield "doubled"
    elif entries[0].state == EMPTY:
        yield "without any value"
    elif entries[0].state == CONSTANT:
        yield "one value everywhere"


def _sentence(contents: Contents, variable: str, fault: str, hours: list[int]) -> str:
    first = dt.datetime.fromisoformat(contents.first)
    times = [(first + dt.timedelta(hours=hour)).isoformat() for hour in hours[:_TOLD]]
    more = f" and {len(hours) - _TOLD} more times" if len(hours) > _TOLD else ""
    return f"{contents.month}: {variable} is {fault} at {', '.join(times)}{more}; {_REMEDIES[fault]}"


def _changes(recipe: Recipe, contents: Contents, reference: Contents | None) -> Iterable[str]:
    """Where grid, packing, units or the step's type change within the month, or since the first month."""
    for name in recipe.required:
        found = {_signature(entry.kind): entry for entries in contents.entries[name].values() for entry in entries}
        if len(found) > 1:
            one, other = list(found)[:2]
            where = found[other].place
            yield _change(contents.month, name, one, other, f"in {where.file} at byte {where.offset}")
        elif reference is not None and name in reference.entries:
            before = _signature(reference.kind(name))
            if before != (now := next(iter(found))):
                yield _change(contents.month, name, before, now, f"since {reference.month}")


_SIGNED = ("units", "grid", "packing", "step type", "step length (h)")


def _signature(kind: Kind) -> tuple[object, ...]:
    return kind.units, kind.grid, kind.packing, kind.step_type, span_hours(kind)


def _change(month: str, name: str, one: tuple[object, ...], other: tuple[object, ...], where: str) -> str:
    changed = [
        f"{what} from {before} to {after}"
        for what, before, after in zip(_SIGNED, one, other, strict=True)
        if before != after
    ]
    return f"{month}: {name} changes its {' and its '.join(changed)} {where}; fetch these files again, all alike"


def _grids(recipes: tuple[Recipe, ...], contents: Contents) -> list[str]:
    grids = {contents.kind(name).grid: recipe.variable for recipe in recipes for name in recipe.required}
    if len(grids) < 2:
        return []
    return [
        f"{contents.month}: {' and '.join(grids.values())} lie on different grids; interpolate them to one, "
        "e.g. by `cdo remapbil`"
    ]
