"""Forecasts, truth and climatology as xarray reads them, some initial times at a time."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

POINTS = ["latitude", "longitude"]
CHUNK = 32  # initial times, those of a chunk of the store
THRESHOLDS, NEIGHBOURHOODS = (0.05, 0.5, 0.95), (1, 3, 9)


@dataclass(frozen=True)
class Chunk:
    """Forecasts by name, the truth and the climatology at the valid times: (init_time, lead_time, y, x)."""

    forecasts: dict[str, xr.DataArray]
    truth: xr.DataArray
    climatology: xr.DataArray


def arguments() -> argparse.Namespace:
    """Where the input lies and where the scores go."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    parser.add_argument("output", type=Path)
    return parser.parse_args()


def opened(work: Path) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Forecasts, truth in memory, climatology in memory."""
    forecasts = xr.open_zarr(work / "forecasts.zarr", chunks=None, consolidated=False, decode_timedelta=True)["2t"]
    truth = xr.open_dataset(work / "truth.nc")["2t"].load()
    climatology = xr.open_dataset(work / "climatology.nc")["2t"].load()
    return forecasts, truth, climatology


def chunks(forecasts: xr.DataArray, truth: xr.DataArray, climatology: xr.DataArray) -> Iterator[Chunk]:
    """The model, persistence and climatology on the same samples."""
    for start in range(0, forecasts.sizes["init_time"], CHUNK):
        model = forecasts.isel(init_time=slice(start, start + CHUNK)).load()
        valid = model["init_time"] + model["lead_time"]
        came = truth.sel(time=valid).drop_vars("time")
        mean = climatology.sel(month=valid.dt.month, hour=valid.dt.hour).drop_vars(["month", "hour"])
        last = truth.sel(time=model["init_time"]).drop_vars("time").broadcast_like(model)
        named = {"model": model, "persistence": last.transpose(*model.dims), "climatology": mean}
        yield Chunk(named, came, mean)


def area_weights(truth: xr.DataArray) -> dict[str, xr.DataArray]:
    """Weights of the points: all alike, and the cosine of the latitude."""
    cosine = np.cos(np.deg2rad(truth["latitude"])) * xr.ones_like(truth["longitude"])
    return {"none": xr.ones_like(cosine), "area": cosine}


def threshold_values(truth: xr.DataArray, valid: Any) -> np.ndarray[Any, Any]:
    """Quantiles of the truth at all valid times."""
    return np.quantile(truth.sel(time=valid).values.astype(np.float64), THRESHOLDS)


def valid_times(forecasts: xr.DataArray) -> np.ndarray[Any, Any]:
    """Each valid time once."""
    return np.unique((forecasts["init_time"] + forecasts["lead_time"]).values)


def written(parts: list[xr.Dataset], totals: xr.Dataset | None, output: Path) -> None:
    """Write the scores of the samples, one part behind the other, and what is summed."""
    whole = xr.concat(parts, "init_time")
    (whole if totals is None else whole.merge(totals)).to_netcdf(output)
