"""The environments, the lock and pyproject.toml name the same versions, and no CUDA."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
LOCK = dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s\\]+)", (ROOT / "requirements.lock").read_text(), flags=re.M))
TORCH = "2.13.0"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", ["data", "train", "report"])
def test_an_environment_has_the_versions_of_the_lock(name: str) -> None:
    content = yaml.safe_load((ROOT / "envs" / f"{name}.yaml").read_text())
    (pip,) = [part["pip"] for part in content["dependencies"] if isinstance(part, dict)]
    pinned = dict(requirement.split("==") for requirement in pip)
    assert len(pinned) >= 8
    assert pinned == {package: LOCK.get(package, TORCH) for package in pinned}


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
