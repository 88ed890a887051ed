"""The command lines of windrow's steps and the experiment files that they read."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import Command

VARIABLES = ("2t", "tcc", "msl")
MONTH = "2007-04"
FIRST_YEAR = 2007
BLOCK_STEPS = 720


@dataclass(frozen=True)
class Domain:
    """The points to crop to, on a grid of `step` degrees."""

    south: float = 38.5
    west: float = 0.0
    nx: int = 92
    ny: int = 56
    step: float = 0.25

    @property
    def north(self) -> float:
        """Latitude of the northern row."""
        return self.south + self.step * (self.ny - 1)

    @property
    def east(self) -> float:
        """Longitude of the eastern column."""
        return self.west + self.step * (self.nx - 1)


@dataclass(frozen=True)
class Windrow:
    """Windrow's steps on one archive: the command, an experiment file and a directory for the results."""

    command: Path
    settings: Path
    results: Path

    @property
    def inventory_file(self) -> Path:
        """The month's inventory."""
        return self.results / "inventory.json"

    @property
    def month_file(self) -> Path:
        """The extracted month."""
        return self.results / "month.nc"

    @property
    def part_file(self) -> Path:
        """The month's statistics."""
        return self.results / "part.nc"

    @property
    def statistics_files(self) -> tuple[Path, Path]:
        """The statistics and the climatology."""
        return self.results / "statistics.json", self.results / "climatology.nc"

    @property
    def shards(self) -> Path:
        """The store."""
        return self.results / "shards"

    def inventory(self) -> Command:
        """Scan the headers of the month."""
        return self._step("inventory", "--month", MONTH, "--output", self.inventory_file)

    def extract(self) -> Command:
        """Crop the month."""
        return self._step("extract", "--inventory", self.inventory_file, "--output", self.month_file)

    def statistics_month(
        self, month: str = MONTH, extracted: Path | None = None, part: Path | None = None
    ) -> Command:
        """Count a month, the benchmark's own if no other is given."""
        files = ("--extracted", extracted or self.month_file, "--output", part or self.part_file)
        return self._step("statistics_month", "--month", month, *files)

    def statistics(self, *parts: Path) -> Command:
        """Merge months, the benchmark's own if no others are given."""
        statistics, climatology = self.statistics_files
        written = ("--statistics", statistics, "--climatology", climatology)
        return self._step("statistics", "--parts", *(parts or (self.part_file,)), *written)

    def shards_layout(self, months: list[Path]) -> Command:
        """Write the store's metadata."""
        return self._step("shards_layout", "--extracted", *months, "--shards", self.shards)

    def shards_of_year(self, year: int, months: list[Path], *, ranks: int = 1) -> Command:
        """Write the blocks of one year, by one process or by the ranks of an MPI job."""
        manifest = self.shards / "blocks" / f"{year}.json"
        step = self._step(
            *("shards", "--year", str(year), "--extracted", *months, "--ranks", str(ranks), "--output", manifest)
        )
        if ranks == 1:
            return step
        mpiexec, python = self.command.with_name("mpiexec"), self.command.with_name("python")
        return [mpiexec, "-n", str(ranks), python, "-m", "mpi4py", "-m", "windrow", *step[1:]]

    def _step(self, name: str, *options: str | Path) -> list[str | Path]:
        return [self.command, name, "--settings", self.settings, *options]


def write_settings(
    path: Path,
    *,
    archive: Path,
    period: dict[str, Any],
    splits: tuple[str, ...],
    domain: Domain | None = None,
    variables: tuple[str, ...] = VARIABLES,
) -> Path:
    """Write an experiment file (JSON is YAML): first and last day of training, validation and test."""
    domain = domain or Domain()
    content = {
        "source": {"name": "benchmark", "root": str(archive), "files": "{year}/{month}/*.grb", "missing": "mask"},
        "dataset": {
            "period": [period],
            "domain": {"south": domain.south, "west": domain.west, "nx": domain.nx, "ny": domain.ny},
            "variables": variables,
        },
        "splits": {"train": [splits[:2]], "validation": [splits[2:4]], "test": [splits[4:]]},
        "shards": {"block_steps": BLOCK_STEPS},
        "verification": {"baselines": ["persistence"]},
        "experiments": {
            "one": {"targets": ["2t"], "model": {"name": "convlstm"}, "strategy": {"name": "sequence"}},
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def month_settings(
    path: Path,
    archive: Path,
    days: int,
    *,
    domain: Domain | None = None,
    variables: tuple[str, ...] = VARIABLES,
) -> Path:
    """The first days of April 2007 to train on; what validates lies in months that are not looked at."""
    splits = ("2007-04-01", f"2007-04-{days:02d}", "2007-05-01", "2007-05-31", "2007-06-01", "2007-06-30")
    period = {"years": 2007, "months": "4-6"}
    return write_settings(path, archive=archive, period=period, splits=splits, domain=domain, variables=variables)


def april_settings(path: Path, archive: Path) -> Path:
    """April 2007 alone, for a store of one month."""
    splits = ("2007-04-01", "2007-04-28", "2007-04-29", "2007-04-29", "2007-04-30", "2007-04-30")
    return write_settings(path, archive=archive, period={"years": 2007, "months": 4}, splits=splits)


def years_settings(path: Path, archive: Path, months: int) -> Path:
    """The first months from 2007 on, all but the last to train on."""
    years, last = divmod(months - 1, 12)
    year, month = FIRST_YEAR + years, last + 1
    trained = dt.date(year, month, 1) - dt.timedelta(days=1)
    splits = (
        *(f"{FIRST_YEAR}-01-01", trained.isoformat()),
        *(f"{year}-{month:02d}-{day:02d}" for day in (1, 14, 15, 28)),
    )
    period = {"years": f"{FIRST_YEAR}-{year}", "months": f"1-{min(months, 12)}"}
    return write_settings(path, archive=archive, period=period, splits=splits)
