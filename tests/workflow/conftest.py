"""A copy of the project that a test may edit, with a tiny archive, run by the real Snakemake."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.warm import workflows
from windrow.testing import tiny_config, write_tiny_archive

ROOT = Path(__file__).parents[2]
COPIED = ("Snakefile", "workflow", "profiles", "envs", "config", "src")
TIMEOUT_S = 300


class Project:
    """A checkout with its own sources, archive and results."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = tiny_config("archive")

    @classmethod
    def create(cls, path: Path) -> "Project":
        for name in COPIED:
            source = ROOT / name
            ignore = shutil.ignore_patterns("*.pyc.*")  # compiled files that another test is writing just now
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, path / name, **({"ignore": ignore} if source.is_dir() else {}))
        return cls(path)

    @property
    def environment(self) -> dict[str, str]:
        binaries = str(Path(sys.executable).parent)
        return os.environ | {
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.path / "src"),
        }

    def write_config(self, config: dict[str, Any] | str | None = None) -> None:
        text = config if isinstance(config, str) else yaml.safe_dump(config or self.config)
        (self.path / "config.yaml").write_text(text)

    def command(self, *arguments: str) -> list[str]:
        return ["-m", "snakemake", "--configfile", "config.yaml", "--cores", "2", *arguments]

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        where = {"cwd": self.path, "env": self.environment}
        return workflows().run(self.command(*arguments), timeout=TIMEOUT_S, merged=True, **where)

    def run(self, *arguments: str) -> str:
        done = self.snakemake(*arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def planned(self, *arguments: str) -> set[str]:
        """What a dry-run would execute: `train convlstm`, `shards 2007`, `extract 2007 01`."""
        jobs = set()
        for block in re.split(r"^(?=\[|rule |localrule )", self.run("--dry-run", *arguments), flags=re.M):
            rule = re.match(r"(?:local)?rule (\w+):", block)
            if rule and rule[1] != "all":
                found = dict(re.findall(r"(\w+)=([^,\s]+)", (re.search(r"wildcards: (.*)", block) or [""])[0]))
                names = [found[key] for key in ("experiment", "year", "month") if key in found]
                jobs.add(" ".join([rule[1], *names]))
        return jobs

    def kill_when(self, seen: Callable[[str], bool], *arguments: str, delay_s: float) -> bool:
        """Start the workflow and kill it, with all it started, after a line of its output.

        The kill comes as soon as a step writes something that is not yet in its place, at the latest after
        `delay_s`. Returns whether something was half-written.
        """
        started, lines = workflows().piped(self.command(*arguments), cwd=self.path, env=self.environment)
        told = []
        try:
            for line in lines:
                told.append(line)
                if seen(line):
                    return self._wait_for_half_written(delay_s)
            pytest.fail("the workflow ended before the kill:\n" + "".join(told))
        finally:
            started.kill()
            lines.close()

    def _wait_for_half_written(self, delay_s: float) -> bool:
        end = time.monotonic() + delay_s
        while time.monotonic() < end:
            if self.half_written():
                return True
        return False

    def half_written(self) -> list[Path]:
        """What steps have begun to write beside its place."""
        return [
            Path(directory, name)  # os.walk, unlike rglob, does not mind what vanishes meanwhile
            for directory, *names in os.walk(self.path / "results")
            for name in names[0] + names[1]
            if name.startswith(".") and name.endswith(".part")
        ]


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tiny") / "archive"
    write_tiny_archive(root)
    return root


@pytest.fixture(scope="session")
def new_project(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    def create() -> Project:
        project = Project.create(tmp_path_factory.mktemp("project"))
        shutil.copytree(archive, project.path / "archive")
        project.write_config()
        return project

    return create


@pytest.fixture(scope="session")
def made(new_project: Callable[[], Project], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose workflow has run to its end, for all workers: the first that needs it makes it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    place = shared / "made"
    with open(shared / "made.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            project = new_project()
            project.run()
            project.path.rename(place)
    return place


@pytest.fixture(scope="session")
def new_finished(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    """Copies of the finished project, with all times as they were."""

    def create() -> Project:
        path = tmp_path_factory.mktemp("finished")
        return Project(Path(shutil.copytree(made, path, dirs_exist_ok=True)))

    return create


@pytest.fixture(scope="session")
def finished(new_finished: Callable[[], Project]) -> Project:
    """A project whose workflow has run to its end; tests put back what they edit."""
    return new_finished()
