"""Two small worlds of 4 x 5 points.

In `world` five forecasts within three days are off by a constant each, and there are only the scores that each sample
has anyway. In `full_world` 40 forecasts in 20 days have eight members and every score of the layout.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

from windrow.config import Report
from windrow.extracted import hours_since_1900
from windrow.forecasts import Forecasts, create_forecasts, open_forecasts
from windrow.grid import grid_of_rows
from windrow.report.comparison import comparison_page, side_by_side
from windrow.report.joining import renamed
from windrow.report.page import experiment_page
from windrow.shards.layout import BlockShape
from windrow.shards.reader import ShardReader
from windrow.shards.writer import write_layout
from windrow.stages import Compare, Layout, ReportPage
from windrow.verification.scores_layout import SCORES
from windrow.verification_settings import Bootstrap

ORIGIN = dt.datetime(2007, 1, 1)
INIT_HOURS = (12, 18, 24, 30, 36)
OFFSETS = (3.0, 1.0, 5.0, 2.0, 4.0)
LEADS = (1, 2, 3)

KIND = {
    "variable": "2t",
    "units": "K",
    "standard_name": "unknown",
    "long_name": "2 metre temperature",
    "grid": "0",
    "packing": "grid_simple",
    "step_type": "instant",
    "step_range": "0",
    "offset_minutes": 0,
}
AUDIT = {
    "archive": {"files": 31, "messages": 744, "bytes": 2_500_000},
    "months": [
        {
            "month": "2007-01",
            "first": "2007-01-01T00:00:00",
            "expected": 744,
            "valid": 740,
            "faults": {"2t": {"missing": [5, 6, 7, 30]}},
            "kinds": {"2t": KIND},
        }
    ],
}

MakeScores = Callable[..., xr.Dataset]


@pytest.fixture(scope="session")
def make_scores() -> MakeScores:
    """Scores whose MSE is given per lead time (and, by broadcasting, per initial time); MAE is its half, bias 0.25."""

    def make(
        mse: dict[str, Any],
        *,
        init_hours: tuple[int, ...] = INIT_HOURS,
        leads: tuple[int, ...] = LEADS,
        variable: str = "2t",
    ) -> xr.Dataset:
        dimensions = ("forecast", "variable", "init_time", "lead_time")
        shape = (1, len(init_hours), len(leads))
        values = np.stack([np.broadcast_to(np.asarray(given, dtype=float), shape) for given in mse.values()])
        return xr.Dataset(
            {
                "mse": (dimensions, values),
                "mae": (dimensions, values / 2),
                "bias": (dimensions, np.full_like(values, 0.25)),
                "units": ("variable", np.array(["K"], dtype=object)),
            },
            coords={
                "forecast": np.array(list(mse), dtype=object),
                "variable": np.array([variable], dtype=object),
                "init_time": np.datetime64(ORIGIN, "ns") + np.array(init_hours) * np.timedelta64(1, "h"),
                "lead_time": ("lead_time", np.array(leads), {"units": "hours"}),
            },
        )

    return make


@dataclass(frozen=True)
class World:
    """Files of a finished experiment."""

    path: Path
    settings: ReportPage
    scores: xr.Dataset
    history: dict[str, Any]
    audit: dict[str, Any]

    @property
    def shards(self) -> Path:
        return self.path / "shards"

    @property
    def forecasts(self) -> Forecasts:
        return open_forecasts(self.path / "forecasts.zarr")

    @property
    def reader(self) -> ShardReader:
        return ShardReader(self.shards, self.settings.layout)


def truth_at(step: int) -> np.ndarray:
    """The 2 m temperature of a step: shape (y, x)."""
    return (280 + 0.1 * step + np.arange(20).reshape(4, 5)).astype(np.float32)


GRID = grid_of_rows([51.0, 50.0, 49.0, 48.0], np.arange(-4.0, 1.0))
ATTRIBUTES = {"2t": {"units": "K", "long_name": "2 metre temperature"}, "tcc": {"units": "(0 - 1)"}}


def make_world(
    path: Path, scores: xr.Dataset, *, days: int, init_hours: Sequence[int], offsets: Sequence[float]
) -> World:
    layout = Layout(origin=ORIGIN, step_hours=1, block_steps=24, variables=("tcc", "2t"), ny=4, nx=5)
    write_layout(
        path / "shards",
        shape=BlockShape(steps=24, variables=2, ny=4, nx=5),
        times=hours_since_1900(ORIGIN) + np.arange(24 * days),
        variables={name: ATTRIBUTES[name] for name in layout.variables},
        grid=GRID,
        attributes={},
    )
    fields = np.stack([np.stack([np.zeros((4, 5)), truth_at(step)]) for step in range(24 * days)])
    zarr.open_group(path / "shards", mode="r+")["data"][:] = fields.astype(np.float32)
    store = create_forecasts(
        path / "forecasts.zarr",
        init_hours=hours_since_1900(ORIGIN) + np.array(init_hours),
        lead_hours=np.array(LEADS),
        grid=GRID,
        variables={"2t": ATTRIBUTES["2t"]},
        attributes={"experiment": "cnn"},
    )
    forecasts = [
        [truth_at(init + lead) + offset for lead in LEADS]
        for init, offset in zip(init_hours, offsets, strict=True)
    ]
    store.write(slice(0, len(init_hours)), np.array(forecasts, dtype=np.float32)[:, :, None])
    epochs = [
        {
            "epoch": epoch,
            "step": 10 * epoch,
            "train_loss": train,
            "validation_loss": validation,
            "seconds": 1.5,
            "validation_rmse": {"2t": [3.0, 4.0, 5.0 + epoch]},
        }
        for epoch, (train, validation) in enumerate([(0.9, 0.8), (0.5, 0.4), (0.3, 0.6)])
    ]
    return World(
        path=path,
        settings=ReportPage(
            dataset="tiny",
            experiment_name="cnn",
            split="test",
            report=Report(),
            bootstrap=Bootstrap(),
            layout=layout,
            settings={"experiment": {"model": {"name": "weatherbench_cnn"}}},
        ),
        scores=scores,
        history={
            "epochs": epochs,
            "best_epoch": 1,
            "parameters": 1234,
            "windows": {"train": 20, "validation": 5},
            "device": "cpu",
            "observers": {
                "state_error": {"epoch": 1, "rmse": {"2t": [3.0, 4.0, 6.0]}, "bias": {"2t": [0.1, 0.2, -0.3]}},
                "error_map": {
                    "epoch": 1,
                    "block": 3,
                    "south_first": False,
                    "rmse": {"2t": [[1.0, 2.0], [3.0, 4.0]]},
                },
                "of_a_plugin": {"epoch": 1, "what": 7},
            },
        },
        audit=AUDIT,
    )


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, make_scores: MakeScores) -> World:
    """The squared errors of the forecasts are 9, 1, 25, 4, 16 K², 11 in the mean."""
    scores = make_scores({"cnn": np.square(OFFSETS)[:, None], "persistence": 16, "day_before": 6.25})
    path = tmp_path_factory.mktemp("world")
    return make_world(path, scores, days=3, init_hours=INIT_HOURS, offsets=OFFSETS)


SIZES = {"threshold": 1, "neighbourhood": 2, "wavenumber_bin": 4, "rank": 9, "condition": 5, "quantile": 3}
SIZES |= {"y": 4, "x": 5}
FULL_INITS = tuple(range(12, 12 + 40 * 12, 12))


@pytest.fixture(scope="session")
def full_scores() -> xr.Dataset:
    """Every score of the layout, at random but for the errors: about 1 K², 2 and 4 K² of the baselines."""
    random = np.random.default_rng(7)
    names = ("cnn", "persistence", "day_before")
    coordinates: dict[str, Any] = {
        "forecast": np.array(names, dtype=object),
        "field": np.array([*names, "truth"], dtype=object),
        "variable": np.array(["2t"], dtype=object),
        "region": np.array(["domain", "north_sea"], dtype=object),
        "weighting": np.array(["none", "area"], dtype=object),
        "init_time": np.datetime64(ORIGIN, "ns") + np.array(FULL_INITS) * np.timedelta64(1, "h"),
        "lead_time": ("lead_time", np.array(LEADS), {"units": "hours"}),
        "threshold": [0.95],
        "neighbourhood": [1, 3],
        "condition": 280.5 + np.arange(5.0),
        "quantile": [0.05, 0.5, 0.95],
    }
    sizes = SIZES | {
        name: len(coordinates[name]) for name in ("forecast", "field", "variable", "region", "weighting")
    }
    sizes |= {"init_time": len(FULL_INITS), "lead_time": len(LEADS)}
    found = {}
    for name, score in SCORES.items():
        values = random.uniform(0.3, 0.9, [sizes[one] for one in score.dimensions])
        if name in ("mse", "mse_map"):
            level = np.array([1.0, 2.0, 4.0]).reshape([-1] + [1] * (values.ndim - 1))
            values = level * (1 + 0.1 * (values - 0.6))
        if score.dtype == "i4" or name == "rank_histogram":
            values = np.round(10 * values)
        found[name] = (score.dimensions, values)
    conditions = 280.5 + np.arange(5.0)[:, None] + np.array([-1.0, 0.25, 1.0])
    for name in ("conditional_truth", "conditional_forecast"):
        found[name] = (SCORES[name].dimensions, np.broadcast_to(conditions, (3, 1, 3, 5, 3)))
    extra = {
        "units": ("variable", np.array(["K"], dtype=object)),
        "wavelength": ("wavenumber_bin", np.array([400.0, 200.0, 130.0, 100.0])),
        "threshold_value": (("variable", "threshold"), np.array([[290.0]])),
    }
    return xr.Dataset({**found, **extra}, coords=coordinates)


@pytest.fixture(scope="session")
def full_world(tmp_path_factory: pytest.TempPathFactory, full_scores: xr.Dataset) -> World:
    path = tmp_path_factory.mktemp("full_world")
    offsets = [0.1 * place for place in range(len(FULL_INITS))]
    return make_world(path, full_scores, days=21, init_hours=FULL_INITS, offsets=offsets)


def page_of(world: World, **options: Any) -> str:
    return experiment_page(
        world.settings,
        scores=world.scores,
        forecasts=world.forecasts,
        reader=world.reader,
        history=world.history,
        audit=world.audit,
        provenance={"python": "3.11"},
        **options,
    )


@pytest.fixture(scope="session")
def report(world: World) -> str:
    """The page of the small world."""
    return page_of(world)


@pytest.fixture(scope="session")
def full_report(full_world: World, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of the full world, with resources, an export and published curves."""
    benchmarks = tmp_path_factory.mktemp("benchmark")
    (benchmarks / "train").mkdir()
    head = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    (benchmarks / "train" / "cnn.tsv").write_text(f"{head}75.5\t0:01:15\t2048.4\t1\t1\t1\t0\t0\t90\t70.25\n")
    (benchmarks / "audit.tsv").write_text(f"{head}0.4\t0:00:00\t-\t-\t-\t-\t-\t-\t-\t-\n")
    shown = full_world.settings.report.model_copy(update={"title": "A < B", "published": "gmd2022"})
    settings = full_world.settings.model_copy(update={"report": shown})
    return page_of(replace(full_world, settings=settings), benchmarks=benchmarks)


@pytest.fixture(scope="session")
def comparison(full_scores: xr.Dataset) -> str:
    """Three experiments in two settings, of which the second is worse and the third almost the same as the first."""
    return comparison_of(full_scores[["mse", "mae", "bias", "acc", "units"]])


def comparison_of(scores: xr.Dataset) -> str:
    worse, alike = renamed(scores, "cnn_small"), renamed(scores, "cnn_alike")
    own = xr.DataArray([2.5, 1.0, 1.0], coords={"forecast": worse["forecast"]}, dims="forecast")
    worse = worse.assign(mse=worse["mse"] * own)
    wave = 1 + 0.01 * np.sin(np.arange(scores.sizes["init_time"]))
    own = xr.where(alike["forecast"] == "cnn_alike", xr.DataArray(wave, dims="init_time"), 1.0)
    alike = alike.assign(mse=(alike["mse"] * own).transpose(*alike["mse"].dims))
    experiment = {"model": {"name": "weatherbench_cnn", "features": 32}, "training": {"epochs": 4}}
    smaller = {"model": {"name": "weatherbench_cnn", "features": 8}, "training": {"epochs": 4}}
    settings = Compare(
        dataset="tiny",
        split="test",
        bootstrap=Bootstrap(),
        published="",
        experiments={
            "cnn": {"experiment": experiment},
            "cnn_small": {"experiment": smaller},
            "cnn_alike": {"experiment": experiment | {"training": {"epochs": 8}}},
        },
    )
    histories = {
        name: {"epochs": [{"seconds": seconds}], "parameters": parameters}
        for name, seconds, parameters in (
            ("cnn", 100.0, 50_000),
            ("cnn_small", 40.0, 4_000),
            ("cnn_alike", 200.0, 50_000),
        )
    }
    both = side_by_side([scores, worse, alike])
    return comparison_page(settings, both, provenance={"python": "3.11"}, histories=histories)
