"""Observers of other distributions, by name; torch is not imported.

A plug-in is a subclass of `windrow.training.observers.Observer`, whose place is said as `module:Class`. It is found

- under its name in the entry point group `windrow.observers` of an installed distribution, or
- in the dictionary `OBSERVERS` (name: place) of a module that can be imported and whose name begins with
  `windrow_plugin_`. This module should not import torch: it is imported while a config is read.
"""

from __future__ import annotations

import pkgutil
from functools import cache, partial
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from windrow.errors import UserError
from windrow.models.plugins import PREFIX, loaded
from windrow.training_settings import OBSERVERS

GROUP = "windrow.observers"


@cache
def plugins() -> dict[str, str]:
    """The places of all observers that plug-ins bring, by name.

    Raises
    ------
    UserError
        If a plug-in cannot be imported, says no place, or brings a name that is taken.
    """
    found: dict[str, str] = {}
    for point in entry_points(group=GROUP):
        _add(found, point.name, point.value, f"the entry point {point.name} of {GROUP}")
    for module in pkgutil.iter_modules():
        if module.name.startswith(PREFIX):
            origin = f"the module {module.name}"
            brought = getattr(loaded(partial(import_module, module.name), origin), "OBSERVERS", {})
            for name, place in brought.items():
                _add(found, name, place, origin)
    return found


def _add(found: dict[str, str], name: str, place: Any, origin: str) -> None:
    if not isinstance(place, str) or place.count(":") != 1:
        raise UserError(
            f"{origin} does not say where the observer {name} is, as 'module:Class'; correct the plug-in"
        )
    if name in OBSERVERS or found.get(name, place) != place:
        raise UserError(f"{origin} brings an observer {name}, and there is one of this name already; rename it")
    found[name] = place
