"""The peers' Python environments, below the scratch directory: anemoi-datasets has its own, for it needs Zarr 2."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
REQUIREMENTS = {
    "peers": HERE / "requirements.txt",
    "anemoi": HERE / "requirements-anemoi.txt",
    "verification": HERE / "requirements-verification.txt",
}


def prepared(work: Path, name: str) -> Path:
    """The environment's Python, set up unless these very requirements are installed already.

    Raises
    ------
    RuntimeError
        If pip cannot install them.
    """
    root = work / "environments" / name
    wanted = REQUIREMENTS[name].read_text()
    marker, python = root / "installed.txt", root / "bin" / "python"
    if marker.is_file() and marker.read_text() == wanted:
        return python
    venv.create(root, with_pip=True, clear=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run([*pip, "-r", REQUIREMENTS[name]], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"pip could not install {REQUIREMENTS[name].name}: {done.stderr.strip()[-800:]}")
    marker.write_text(wanted)
    return python


def versions(python: Path | str, names: tuple[str, ...]) -> dict[str, str]:
    """The versions of some packages of an environment; those that it lacks are left out."""
    code = (
        "import importlib.metadata as m, json, sys\n"
        "print(json.dumps({d.metadata['Name'].lower(): d.version for d in m.distributions()}))"
    )
    found = json.loads(subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout)
    return {name: found[name.lower()] for name in names if name.lower() in found}


def own_command() -> Path:
    """The `windrow` command beside the Python that runs the benchmark.

    Raises
    ------
    RuntimeError
        If it is not there.
    """
    command = Path(sys.executable).parent / "windrow"
    if not command.is_file():
        raise RuntimeError(
            f"{sys.executable} has no windrow; run the benchmark by `.venv/bin/python`, after `make setup`"
        )
    return command
