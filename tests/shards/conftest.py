"""A small dataset for the shards: three Januaries as netCDF, with random fields, and the steps run on them."""

import calendar
import datetime as dt
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt
import pytest

from windrow import cli, cuts, stages
from windrow.config import Config
from windrow.configfile import validate
from windrow.shards.layout import manifest_path
from windrow.shards.reader import ShardReader
from windrow.testing import tiny_config

UNITS = {"2t": "K", "tcc": "1"}
YEARS = (2007, 2008, 2009)
NY, NX = 5, 6


def random_fields(year: int, hours: int, grid: tuple[int, int] = (NY, NX)) -> npt.NDArray[np.float32]:
    """Shape (time, variable, y, x)."""
    return np.random.default_rng(year).random((hours, len(UNITS), *grid), dtype=np.float32)


def write_month(
    path: Path, year: int, *, without: tuple[int, ...] = (), edit: Any = None, grid: tuple[int, int] = (NY, NX)
) -> None:
    """January of a year; some hours can be left out, and the fields edited."""
    hours = calendar.monthrange(year, 1)[1] * 24
    kept = [hour for hour in range(hours) if hour not in without]
    fields = random_fields(year, hours, grid)
    if edit is not None:
        edit(fields)
    first = (dt.datetime(year, 1, 1) - dt.datetime(1900, 1, 1)) // dt.timedelta(hours=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        axes = {
            "time": first + np.array(kept),
            "latitude": 49.6 + 0.3 * np.arange(grid[0]),
            "longitude": 2.6 + 0.3 * np.arange(grid[1]),
        }
        for name, values in axes.items():
            file.createDimension(name, len(values))
            file.createVariable(name, values.dtype, (name,))[:] = values
        file["time"].units = "hours since 1900-01-01 00:00:00"
        file["latitude"].units, file["longitude"].units = "degrees_north", "degrees_east"
        for column, (name, units) in enumerate(UNITS.items()):
            variable = file.createVariable(name, np.float32, tuple(axes), fill_value=np.float32(np.nan))
            variable.units = units
            variable[:] = fields[kept, column]


@dataclass
class Store:
    """The months, the experiment file and the shards of a small dataset."""

    path: Path
    content: dict[str, Any] = field(default_factory=lambda: tiny_config("archive"))

    @property
    def config(self) -> Config:
        return validate(self.content)

    @property
    def layout(self) -> stages.Layout:
        return cuts.layout(self.config)

    @property
    def shards(self) -> Path:
        return self.path / "shards"

    @property
    def reader(self) -> ShardReader:
        return ShardReader(self.shards, self.layout)

    @property
    def years(self) -> tuple[int, ...]:
        return tuple(cuts.blocks_by_year(self.config))

    def month(self, year: int) -> Path:
        return self.path / "extracted" / str(year) / "01.nc"

    @property
    def months(self) -> list[Path]:
        return sorted((self.path / "extracted").glob("*/*.nc"))

    def manifest(self, year: int) -> Path:
        return manifest_path(self.shards, year)

    def arguments(self, year: int, *, ranks: int = 1) -> list[str]:
        settings = cuts.settings_of("shards", self.config, year=str(year))
        given = ["--year", str(year), "--extracted", *map(str, self.months), "--ranks", str(ranks)]
        return ["shards", "--settings", settings, *given, "--output", str(self.manifest(year))]

    def lay_out(self) -> None:
        settings = cuts.settings_of("shards_layout", self.config)
        given = ["--extracted", *map(str, self.months), "--shards", str(self.shards)]
        assert cli.main(["shards_layout", "--settings", settings, *given]) == 0

    def write(self, *years: int) -> "Store":
        for year in years or self.years:
            assert cli.main(self.arguments(year)) == 0
        return self

    def files(self) -> dict[str, bytes]:
        """The blocks' files and the manifests."""
        found = [*(self.shards / "data" / "c").rglob("*"), *(self.shards / "blocks").glob("*.json")]
        return {str(path.relative_to(self.shards)): path.read_bytes() for path in found if path.is_file()}


@pytest.fixture(scope="session")
def _months(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("months") / "extracted"
    for year in YEARS:
        write_month(root / str(year) / "01.nc", year)
    return root


@pytest.fixture
def new_store(_months: Path, tmp_path: Path) -> Callable[..., Store]:
    """A store of which only the months are there; `block_steps` and other settings can be changed."""

    def create(name: str = "store", *, block_steps: int = 372) -> Store:
        shutil.copytree(_months, tmp_path / name / "extracted", copy_function=os.link)
        store = Store(tmp_path / name)
        store.content["shards"]["block_steps"] = block_steps
        return store

    return create


@pytest.fixture(scope="session")
def whole(_months: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store that is there; tests leave it as it is."""
    path = tmp_path_factory.mktemp("whole")
    shutil.copytree(_months, path / "extracted", copy_function=os.link)
    store = Store(path)
    store.lay_out()
    return store.write()


@pytest.fixture
def copied(whole: Store, tmp_path: Path) -> Store:
    """The same for tests that damage it."""
    shutil.copytree(whole.path, tmp_path / "copied")
    return Store(tmp_path / "copied")
