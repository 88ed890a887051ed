"""Networks of other distributions.

A plug-in is a subclass of `windrow.models.settings.ModelSettings`, whose field `name` is a literal. It is found

- under its name in the entry point group `windrow.models` of an installed distribution, or
- in a module that can be imported and whose name begins with `windrow_plugin_`.

The module of the settings should not import torch: it is imported while a config is read.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Literal, get_args, get_origin

from windrow.errors import UserError
from windrow.models.settings import SETTINGS, ModelSettings

GROUP = "windrow.models"
PREFIX = "windrow_plugin_"


@cache
def plugins() -> dict[str, type[ModelSettings]]:
    """The settings of all networks that plug-ins bring, by name.

    Raises
    ------
    UserError
        If a plug-in cannot be imported, brings no settings of a network, or brings a name that is taken.
    """
    found: dict[str, type[ModelSettings]] = {}
    for point in entry_points(group=GROUP):
        origin = f"the entry point {point.name} of {GROUP}"
        kind = loaded(point.load, origin)
        if _name_of(kind) != point.name:
            raise UserError(
                f"{origin} ({point.value}) is no subclass of ModelSettings whose field `name` is "
                f"Literal[{point.name!r}]; correct the plug-in or uninstall it"
            )
        _add(found, kind, origin)
    for module in pkgutil.iter_modules():
        if module.name.startswith(PREFIX):
            origin = f"the module {module.name}"
            for kind in _settings_in(loaded(partial(import_module, module.name), origin)):
                _add(found, kind, origin)
    return found


def loaded(load: Callable[[], Any], origin: str) -> Any:
    """What a plug-in's code gives; `origin` says where it was found.

    Raises
    ------
    UserError
        If it raises.
    """
    try:
        return load()
    except Exception as problem:  # whatever code of others may raise
        raise UserError(
            f"{origin} cannot be imported ({type(problem).__name__}: {problem}); correct the plug-in or uninstall it"
        ) from problem


def _settings_in(module: Any) -> list[type[ModelSettings]]:
    """What the module or its package defines itself, without the classes that others there are derived from."""
    kinds: list[Any] = [kind for _, kind in inspect.getmembers(module, inspect.isclass)]
    return [kind for kind in kinds if f"{kind.__module__}.".startswith(f"{module.__name__}.") and _name_of(kind)]


def _name_of(kind: Any) -> str | None:
    """The name of the network; None if there is not just one, or no settings."""
    if not (inspect.isclass(kind) and issubclass(kind, ModelSettings)):
        return None
    annotation = kind.model_fields["name"].annotation
    names = get_args(annotation) if get_origin(annotation) is Literal else ()
    return names[0] if len(names) == 1 and isinstance(names[0], str) else None


def _add(found: dict[str, type[ModelSettings]], kind: type[ModelSettings], origin: str) -> None:
    name = _name_of(kind)
    assert name is not None
    if name in SETTINGS or found.get(name, kind) is not kind:
        raise UserError(f"{origin} brings a model {name}, and there is one of this name already; rename it")
    if not isinstance(getattr(kind, "network", None), str) or kind.network.count(":") != 1:
        raise UserError(
            f"{origin} does not say where the network {name} is; its settings need a class variable network, "
            "such as `network: ClassVar[str] = 'module:Class'`"
        )
    found[name] = kind
