"""Experiments that differ in one setting only, and what the setting did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

PARTS = (
    "dataset.variables",
    "dataset.domain",
    "dataset.statics",
    "splits.train",
    "sequences",
    "source.step_hours",
)
WHOLE = ("experiment.model", "experiment.strategy")
CALLED = {"dataset.variables": "predictors", "dataset.domain": "domain", "splits.train": "training days"}


@dataclass(frozen=True)
class Ablation:
    """Two experiments and the one setting by which they differ."""

    setting: str
    first: str
    second: str
    first_value: str
    second_value: str


def ablations(settings: Mapping[str, Mapping[str, Any]]) -> list[Ablation]:
    """Pairs of experiments that differ in one setting, in the order of the settings' names."""
    flat = {name: _flat(one) for name, one in settings.items()}
    found = []
    for first, second in combinations(flat, 2):
        different = _different(flat[first], flat[second])
        if len(different) == 1:
            (key,) = different
            said = CALLED.get(key, key.removeprefix("experiment.").removesuffix(".name"))
            found.append(Ablation(said, first, second, *(_said(flat[name].get(key)) for name in (first, second))))
    return sorted(found, key=lambda one: one.setting)


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a result depends on, by dotted names."""
    found = {key: value for key in PARTS if (value := _at(settings, key)) is not None}
    return found | _leaves("experiment", settings.get("experiment", {}))


def _different(here: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """Names of the settings that are not the same; another network or strategy is one, whatever settings it has."""
    keys = [key for key in {**here, **there} if here.get(key) != there.get(key)]
    for whole in WHOLE:
        if f"{whole}.name" in keys:
            keys = [key for key in keys if not key.startswith(f"{whole}.") or key == f"{whole}.name"]
    return keys


def _leaves(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not value:
        return {name: value}
    return {key: leaf for part, inner in value.items() for key, leaf in _leaves(f"{name}.{part}", inner).items()}


def _at(settings: Mapping[str, Any], key: str) -> Any:
    value: Any = settings
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_said(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value)) or "none"
    if value is None:
        return "–"
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
