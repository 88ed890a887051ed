"""A small world: 4 x 5 points, three days, five forecasts that are off by a constant each."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
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
from windrow.shards.layout import BlockShape
from windrow.shards.reader import ShardReader
from windrow.shards.writer import write_layout
from windrow.stages import Layout, ReportPage

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
    """Files of a finished experiment. The squared errors of the forecasts are 9, 1, 25, 4, 16 K², 11 in the mean."""

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


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, make_scores: MakeScores) -> World:
    path = tmp_path_factory.mktemp("world")
    layout = Layout(origin=ORIGIN, step_hours=1, block_steps=24, variables=("tcc", "2t"), ny=4, nx=5)
    grid = grid_of_rows([51.0, 50.0, 49.0, 48.0], np.arange(-4.0, 1.0))
    attributes = {"2t": {"units": "K", "long_name": "2 metre temperature"}, "tcc": {"units": "(0 - 1)"}}
    shape = BlockShape(steps=24, variables=2, ny=4, nx=5)
    write_layout(
        path / "shards",
        shape=shape,
        times=hours_since_1900(ORIGIN) + np.arange(72),
        variables={name: attributes[name] for name in layout.variables},
        grid=grid,
        attributes={},
    )
    fields = np.stack([np.stack([np.zeros((4, 5)), truth_at(step)]) for step in range(72)])
    zarr.open_group(path / "shards", mode="r+")["data"][:] = fields.astype(np.float32)
    store = create_forecasts(
        path / "forecasts.zarr",
        init_hours=hours_since_1900(ORIGIN) + np.array(INIT_HOURS),
        lead_hours=np.array(LEADS),
        grid=grid,
        variables={"2t": attributes["2t"]},
        attributes={"experiment": "cnn"},
    )
    forecasts = [
        [truth_at(init + lead) + offset for lead in LEADS]
        for init, offset in zip(INIT_HOURS, OFFSETS, strict=True)
    ]
    store.write(slice(0, 5), np.array(forecasts, dtype=np.float32)[:, :, None])
    squares = np.square(OFFSETS)[:, None]
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
            report=Report(dpi=50),
            layout=layout,
            settings={"experiment": {"model": {"name": "weatherbench_cnn"}}},
        ),
        scores=make_scores({"cnn": squares, "persistence": 16, "day_before": 6.25}),
        history={
            "epochs": epochs,
            "best_epoch": 1,
            "parameters": 1234,
            "windows": {"train": 20, "validation": 5},
            "device": "cpu",
        },
        audit=AUDIT,
    )
