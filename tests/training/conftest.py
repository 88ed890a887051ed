"""Plug-ins with observers, for the length of a test."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from windrow.models.plugins import plugins as model_plugins
from windrow.training.observer_plugins import plugins


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Looks for plug-ins in a directory too."""
    known = set(sys.modules)

    def look(directory: Path) -> None:
        monkeypatch.syspath_prepend(directory)
        plugins.cache_clear()
        model_plugins.cache_clear()

    yield look
    for name in set(sys.modules) - known:
        if name.split(".")[0].startswith(("beholder", "windrow_plugin_")):
            del sys.modules[name]
    plugins.cache_clear()
    model_plugins.cache_clear()
