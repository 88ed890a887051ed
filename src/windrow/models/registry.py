"""All networks by name, and the modules that they are made of; torch is not imported."""

from __future__ import annotations

from windrow.models.plugins import plugins
from windrow.models.settings import SETTINGS, ModelSettings


def networks() -> dict[str, type[ModelSettings]]:
    """The settings of all networks by name: those of windrow first, then those of plug-ins."""
    return SETTINGS | plugins()


def modules_of(settings: ModelSettings) -> tuple[str, ...]:
    """The modules of a network and of its settings, for `windrow.provenance.sources`."""
    return settings.network.partition(":")[0], type(settings).__module__
