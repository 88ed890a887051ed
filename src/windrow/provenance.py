"""Which source files a step is made of, and which versions it ran with."""

from __future__ import annotations

import ast
import hashlib
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = Path(__file__).parent
PACKAGES = (
    "windrow",
    "torch",
    "pytorch-lightning",
    "numpy",
    "xarray",
    "zarr",
    "netCDF4",
    "eccodes",
    "snakemake",
)


def sources(step: str, *extra: str) -> list[str]:
    """The files that a step's module imports, directly or not, and itself: sorted paths.

    Parameters
    ----------
    extra
        Modules that are imported by name at run time, such as `windrow.models.convlstm`.
    """
    found: set[str] = set()
    waiting = [f"windrow.steps.{step}", *extra]
    while waiting:
        module = waiting.pop()
        if module not in found and _file(module):
            found.add(module)
            waiting += _imported(module)
    files = {_file(module) for module in found}
    templates = {path for module in found if module.startswith("windrow.report") for path in _templates()}
    return sorted(str(path) for path in files | templates if path)


def sources_digest(step: str, *extra: str) -> str:
    """A hash of what `sources` lists."""
    digest = hashlib.sha256()
    for path in sources(step, *extra):
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()


@lru_cache
def _file(module: str) -> Path | None:
    base = PACKAGE.joinpath(*module.split(".")[1:])
    candidates = (base / "__init__.py", base.with_suffix(".py"))
    return next((path for path in candidates if path.is_file()), None)


@lru_cache
def _imported(module: str) -> tuple[str, ...]:
    path = _file(module)
    assert path is not None
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(
        ".".join(parts[:depth])
        for name in names
        if (parts := name.split("."))[0] == "windrow"
        for depth in range(1, len(parts) + 1)
    )


@lru_cache
def _templates() -> tuple[Path, ...]:
    return tuple(path for path in (PACKAGE / "report" / "templates").glob("*") if path.is_file())


def versions() -> dict[str, str]:
    """Installed versions of what the results depend on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
