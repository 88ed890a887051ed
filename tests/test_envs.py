"""The environments, the lock and pyproject.toml name the same versions, and no CUDA."""

import importlib.util
import os
import re
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml

ROOT = Path(__file__).parents[1]
LOCK = dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s\\]+)", (ROOT / "requirements.lock").read_text(), flags=re.M))
TORCH = "2.13.0"
STACKS = ["data", "train", "report"]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "workflow" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


environments = load("environments")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(stack: str) -> dict[str, str]:
    content = yaml.safe_load((ROOT / "envs" / f"{stack}.yaml").read_text())
    (pip,) = [part["pip"] for part in content["dependencies"] if isinstance(part, dict)]
    return dict(requirement.split("==") for requirement in pip)


@pytest.mark.parametrize("stack", STACKS)
def test_an_environment_has_the_versions_of_the_lock(stack: str) -> None:
    found = pinned(stack)
    versions = {normal(name): version for name, version in LOCK.items()} | {"torch": TORCH}
    assert len(found) >= 20
    assert found == {package: versions.get(package) for package in found}


@pytest.mark.parametrize("stack", STACKS)
def test_an_environment_has_what_its_stages_import_and_all_that_needs(stack: str) -> None:
    written = (ROOT / "envs" / f"{stack}.yaml").read_text()
    assert written == environments.text(stack), "run `python workflow/environments.py`"


def test_every_rule_has_the_environment_of_one_stack() -> None:
    rules = [path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk")]
    names = re.findall(r"^rule (\w+):", "\n".join(rules), flags=re.M)
    assert sorted(names) == sorted(stage for stack in STACKS for stage in environments.stages(stack))


@pytest.mark.parametrize(
    ("stack", "expected", "foreign"),
    [
        ("data", {"eccodes", "netcdf4", "mpi4py", "mpich", "scipy", "dask", "distributed", "zarr"}, {"torch"}),
        ("train", {"torch", "pytorch-lightning", "onnx", "tensorboardx", "zarr"}, {"mpi4py", "dask", "scipy"}),
        ("report", {"jinja2", "vl-convert-python", "matplotlib", "basemap-data"}, {"torch", "eccodes", "dask"}),
    ],
)
def test_a_stack_has_its_own_packages_and_not_those_of_others(
    stack: str, expected: set[str], foreign: set[str]
) -> None:
    found = set(pinned(stack))
    assert expected <= found
    assert not foreign & found


def test_imports_in_functions_count_and_those_for_type_checkers_do_not(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "from __future__ import annotations\n"
        "import json, numpy.linalg\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n"
        "    import torch\n"
        "def run():\n"
        "    from xarray import open_dataset\n"
        "    from windrow import cuts\n"
        "    return import_module('dask.config')\n"
    )
    assert environments.imported([str(module), "page.html.jinja"]) == {"numpy", "xarray", "dask"}


def test_an_import_that_nothing_installed_provides_is_told_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "module.py"
    module.write_text("import not_there_at_all\n")
    monkeypatch.setattr(environments, "sources", lambda *_: [str(module)])
    with pytest.raises(SystemExit, match="not_there_at_all"):
        environments.needed("report")


@pytest.mark.parametrize("stack", STACKS)
def test_the_last_step_of_an_environment_installs_this_checkout(stack: str, tmp_path: Path) -> None:
    (tmp_path / "python").write_text('#!/bin/sh\necho "$PWD: $*"\n')
    (tmp_path / "python").chmod(0o755)
    told = subprocess.run(
        ["sh", str(ROOT / "envs" / f"{stack}.post-deploy.sh")],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told == f"{ROOT}: -m pip install --no-deps --no-build-isolation --editable .\n"
    assert set(environments.BUILD) <= set(pinned(stack))


def test_the_lock_has_every_direct_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {normal(re.split(r"[<>=\[]", requirement)[0]) for requirement in wanted}
    assert names - set(map(normal, LOCK)) == {"torch"}


def test_nothing_in_the_lock_is_cuda_or_torchvision() -> None:
    banned = re.compile(r"nvidia|cuda|torchvision|torchaudio|triton")
    assert not [name for name in LOCK if banned.search(name)]


def test_torch_is_pinned_in_the_makefile() -> None:
    assert f"torch=={TORCH}" in (ROOT / "Makefile").read_text()
