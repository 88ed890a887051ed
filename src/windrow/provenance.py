"""Which source files a step is made of, and which versions it ran with."""

from __future__ import annotations

import ast
import hashlib
import re
import textwrap
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec, resolve_name
from pathlib import Path

PACKAGE = Path(__file__).parent
_IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t][^\n(]*(?:\([^)]*\))?", flags=re.MULTILINE)
_WITHIN_A_LINE = re.compile(r"[:;][ \t]*(?:import|from)[ \t]")
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
        Modules that are imported by name at run time, such as `windrow.models.convlstm`. Of a module of another
        distribution, the imports within its own package are followed too.
    """
    packages = {"windrow", *(_package(module) for module in extra)}
    found: set[str] = set()
    waiting = [f"windrow.steps.{step}", *extra]
    while waiting:
        module = waiting.pop()
        if module not in found and _file(module):
            found.add(module)
            waiting += [name for name in _imported(module) if _package(name) in packages]
    files = {_file(module) for module in found}
    templates = {path for module in found if module.startswith("windrow.report") for path in _templates()}
    return sorted(str(path) for path in files | templates if path)


def sources_digest(step: str, *extra: str) -> str:
    """A hash of what `sources` lists."""
    digest = hashlib.sha256()
    for path in sources(step, *extra):
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()


def _package(module: str) -> str:
    return module.partition(".")[0]


@lru_cache
def _file(module: str) -> Path | None:
    """Where a module lies; it is not imported for this, nor are the packages around it."""
    package, *parts = module.split(".")
    spec = None if package == "windrow" else find_spec(package)
    if package == "windrow":
        directories = [PACKAGE]
    elif spec is not None:
        directories = [Path(place) for place in spec.submodule_search_locations or ()]
    else:
        return None
    if spec is not None and not parts and not directories:
        return Path(spec.origin) if spec.has_location and spec.origin else None
    bases = [directory.joinpath(*parts) for directory in directories]
    candidates = [path for base in bases for path in (base / "__init__.py", base.with_suffix(".py"))]
    return next((path for path in candidates if path.is_file()), None)


@lru_cache
def _imported(module: str) -> tuple[str, ...]:
    """The modules that a module may import, as it seems from its text, with the packages around them."""
    path = _file(module)
    if path is None or path.suffix != ".py":
        return ()
    around = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names: list[str] = []
    for node in _imports(path.read_text(encoding="utf-8")):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = resolve_name("." * node.level + base, around)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(
        ".".join(parts[:depth])
        for name in names
        for parts in [name.split(".")]
        for depth in range(1, len(parts) + 1)
    )


def _imports(text: str) -> Iterator[ast.AST]:
    """The statements of a module that may be imports.

    Only lines that begin like one are parsed, in a fifth of the time that all takes; where that is in doubt, all is.
    """
    found = [textwrap.dedent(statement) for statement in _IMPORT.findall(text)]
    try:
        if not _WITHIN_A_LINE.search(text):
            yield from ast.parse("\n".join(found)).body
            return
    except SyntaxError:  # a sentence of a docstring, or a statement that goes on in a way not foreseen
        pass
    yield from ast.walk(ast.parse(text))


@lru_cache
def _templates() -> tuple[Path, ...]:
    kept = [*(PACKAGE / "report" / "templates").glob("*"), *(PACKAGE / "report" / "published").glob("*.csv")]
    return tuple(path for path in kept if path.is_file())


def versions() -> dict[str, str]:
    """Installed versions of what the results depend on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
