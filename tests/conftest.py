"""A tiny dataset, taken through extraction and shards by the steps themselves."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from windrow import cli, cuts
from windrow.config import Config
from windrow.configfile import validate
from windrow.shards.layout import manifest_path
from windrow.testing import tiny_config, write_tiny_archive

# Tests run side by side: where each of them computed with all cores they would get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

LONGEST_FIRST = (
    "workflow/test_kills.py",
    "training/test_resume.py",
    "workflow/test_reruns.py",
    "test_faults.py",
    "training/test_fit.py",
    "workflow/test_bad_input.py",
    "workflow/test_profiles.py",
    "workflow/test_ranks.py",
    "training/test_adversarial_module.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side, files are dealt out in this order: the short ones fill up the end."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    tests = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        name = item.path.relative_to(tests).as_posix() if item.path.is_relative_to(tests) else ""
        return LONGEST_FIRST.index(name) if name in LONGEST_FIRST else len(LONGEST_FIRST)

    items.sort(key=rank)


@pytest.fixture(autouse=True)
def _signals_are_given_back() -> Iterator[None]:
    """A handler that is left behind would keep processes that are forked later from being ended."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before


@dataclass(frozen=True)
class Tiny:
    """Where the files of a tiny dataset lie after extraction, statistics and shards."""

    path: Path
    content: dict[str, Any]

    @property
    def config(self) -> Config:
        return validate(self.content)

    @property
    def shards(self) -> Path:
        return self.path / "shards"

    def extracted(self, year: int) -> Path:
        return self.path / f"{year}.nc"

    def step(self, stage: str, *options: str | Path, **wildcards: str) -> None:
        settings = cuts.settings_of(stage, self.config, **wildcards)
        assert cli.main([stage, "--settings", settings, *map(str, options)]) == 0


def taken_through(path: Path, content: dict[str, Any], *, train_month: str = "2007-01") -> Tiny:
    """Run the stages before training on the archive at `path`/archive."""
    tiny = Tiny(path, content)
    months = [tiny.extracted(year) for year, _ in tiny.config.months]
    for (year, number), month in zip(tiny.config.months, months, strict=True):
        inventory = path / f"{year}.json"
        archive = ("--archive", content["source"]["root"])
        tiny.step("inventory", *archive, "--month", f"{year}-{number:02d}", "--output", inventory)
        tiny.step("extract", *archive, "--inventory", inventory, "--output", month)
    part = path / "part.nc"
    options = ("--month", train_month, "--extracted", months[0], "--output", part)
    tiny.step("statistics_month", *options, year=train_month[:4], month=train_month[5:])
    outputs = ("--statistics", path / "statistics.json", "--climatology", path / "climatology.nc")
    tiny.step("statistics", "--parts", part, *outputs)
    inventory = path / f"{tiny.config.months[0][0]}.json"
    places = ("--extracted", months[0], "--output", path / "statics.nc")
    tiny.step("statics", "--archive", content["source"]["root"], "--inventories", inventory, *places)
    tiny.step("shards_layout", "--extracted", *months, "--shards", tiny.shards)
    for year in cuts.blocks_by_year(tiny.config):
        output = manifest_path(tiny.shards, year)
        tiny.step("shards", "--extracted", *months, "--year", str(year), "--output", output, year=str(year))
    places = ("--shards", tiny.shards, "--climatology", path / "climatology.nc", "--output", path / "damping.json")
    tiny.step("damping", *places)
    return tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    path = tmp_path_factory.mktemp("tiny_dataset")
    write_tiny_archive(path / "archive", variables=("2t", "tcc"))
    return taken_through(path, tiny_config(path / "archive"))


@pytest.fixture(scope="session")
def make_tiny() -> Callable[..., Tiny]:
    return taken_through
