"""Write what `windrow verify` reads, and the truth as netCDF for others: a made year of `2t` and a made forecast.

The truth is a fixed pattern with a yearly and a daily cycle and waves that come and go, the longer the wave the
slower; the forecast is the truth plus errors that grow with lead time.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt
from scipy.fft import idctn

from windrow.configfile import canonical
from windrow.extracted import hours_since_1900
from windrow.forecasts import create_forecasts
from windrow.grid import Grid, grid_of_rows, write_netcdf
from windrow.shards.layout import block_path, shape_of
from windrow.stages import Layout, Verify
from windrow.statistics import split_hash

NY, NX, LEADS = 56, 92, 12
ORIGIN = dt.datetime(2019, 1, 1)
TRAIN = ((dt.date(2018, 1, 1), dt.date(2018, 12, 31)),)
BLOCK_STEPS, CHUNK = 720, 32
THRESHOLDS, NEIGHBOURHOODS = (0.05, 0.5, 0.95), (1, 3, 9)
ERRORS = 257  # fields from which the errors are dealt out

Fields = npt.NDArray[np.float32]


def grid() -> Grid:
    """The paper's points, from north to south."""
    return grid_of_rows(54.9 - 0.3 * np.arange(NY), 0.3 * np.arange(NX))


def cycles(hours: npt.NDArray[Any]) -> Fields:
    """What a climatology knows, at hours since the origin: shape (time, y, x)."""
    y, x = np.mgrid[0:NY, 0:NX]
    pattern = 283 + 0.25 * (y - NY / 2) + 2 * np.sin(x / 9) * np.cos(y / 7)
    yearly = -9 * np.cos(2 * np.pi * (hours / 24 - 20) / 365.25)
    daily = -4 * np.cos(2 * np.pi * (hours % 24 - 2) / 24)
    return (pattern + (yearly + daily)[:, None, None]).astype(np.float32)


def wavenumbers() -> npt.NDArray[np.float64]:
    """Half waves in the domain of each cosine coefficient; the mean counts as one."""
    return np.maximum(1, np.hypot(np.arange(NY)[:, None], np.arange(NX)))


class Weather:
    """Waves of a standard deviation of 4 K as autoregressive series of cosine coefficients."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, k = rng, wavenumbers()
        self.size = k**-2.0 * 4 * np.sqrt(NY * NX / (k**-4.0).sum())
        self.memory = np.exp(-(k ** (2 / 3)) / 60)
        self.state = self.size * rng.standard_normal(k.shape)

    def next(self, steps: int) -> Fields:
        """The next hours: shape (time, y, x)."""
        found = np.empty((steps, NY, NX))
        for step in range(steps):
            noise = self.rng.standard_normal(self.state.shape)
            self.state = self.memory * self.state + self.size * np.sqrt(1 - self.memory**2) * noise
            found[step] = self.state
        return idctn(found, axes=(-2, -1), norm="ortho").astype(np.float32)


def write_truth(work: Path, layout: Layout, steps: int) -> Fields:
    """The shards, and the same as netCDF."""
    shape, weather = shape_of(layout), Weather(np.random.default_rng(0))
    truth = np.empty((steps, NY, NX), dtype=np.float32)
    for block, first in enumerate(range(0, steps, BLOCK_STEPS)):
        hours = np.arange(first, min(first + BLOCK_STEPS, steps))
        truth[hours] = cycles(hours) + weather.next(len(hours))
        fields = np.zeros(shape.fields, dtype=np.float32)
        fields[: len(hours), 0] = truth[hours]
        path = block_path(work / "shards", block)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(fields.tobytes() + shape.index_ending(np.arange(BLOCK_STEPS) < len(hours)))
    with netCDF4.Dataset(work / "truth.nc", "w") as file:
        write_netcdf(file, grid())
        file.createDimension("time", steps)
        time = file.createVariable("time", np.int64, ("time",))
        time.units = f"hours since {ORIGIN:%Y-%m-%d %H:%M:%S}"
        time[:] = np.arange(steps)
        file.createVariable("2t", np.float32, ("time", "latitude", "longitude"))[:] = truth
    return truth


def write_climatology(path: Path) -> None:
    """The cycles in the middle of each month."""
    middles = [(dt.datetime(2019, month, 15) - ORIGIN).days * 24 for month in range(1, 13)]
    with netCDF4.Dataset(path, "w") as file:
        file.split_hash = split_hash(TRAIN)
        for name, values in {"month": np.arange(1, 13), "hour": np.arange(24)}.items():
            file.createDimension(name, len(values))
            file.createVariable(name, np.int64, (name,))[:] = values
        write_netcdf(file, grid())
        variable = file.createVariable("2t", np.float32, ("month", "hour", "latitude", "longitude"))
        variable.units = "K"
        variable[:] = np.stack([cycles(middle + np.arange(24)) for middle in middles])


def write_forecasts(path: Path, truth: Fields) -> int:
    """One forecast every hour: the truth and an error; returns their number."""
    inits = np.arange(len(truth) - LEADS)
    origin = hours_since_1900(ORIGIN)
    store = create_forecasts(
        path,
        init_hours=origin + inits,
        lead_hours=np.arange(1, LEADS + 1),
        grid=grid(),
        variables={"2t": {"units": "K"}},
        attributes={"experiment": "model", "split_hash": split_hash(TRAIN)},
    )
    rng, k = np.random.default_rng(1), wavenumbers()
    bank = idctn(rng.standard_normal((ERRORS, NY, NX)) / k, axes=(-2, -1), norm="ortho")
    bank = (bank / bank.std()).astype(np.float32)
    leads = np.arange(1, LEADS + 1)
    growth = (0.4 * np.sqrt(leads)).astype(np.float32)[:, None, None]
    for start in range(0, len(inits), CHUNK):
        some = inits[start : start + CHUNK, None]
        fields = truth[some + leads] + growth * bank[(7 * some + 13 * leads) % ERRORS]
        store.write(slice(start, start + len(some)), fields[:, :, None])
    return len(inits)


def main() -> None:
    """Write everything below a directory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--days", type=int, required=True)
    args = parser.parse_args()
    layout = Layout(origin=ORIGIN, step_hours=1, block_steps=BLOCK_STEPS, variables=("2t",), ny=NY, nx=NX)
    truth = write_truth(args.work, layout, 24 * args.days)
    write_climatology(args.work / "climatology.nc")
    samples = write_forecasts(args.work / "forecasts.zarr", truth)
    extremes = {"min": float(truth.min()), "max": float(truth.max())}
    statistics = {"split_hash": split_hash(TRAIN), "variables": {"2t": extremes}}
    (args.work / "statistics.json").write_text(json.dumps(statistics))
    settings = Verify(
        layout=layout,
        train=TRAIN,
        baselines=("persistence", "climatology"),
        external={},
        regions={},
        thresholds=THRESHOLDS,
        neighbourhoods=NEIGHBOURHOODS,
        data_range={},
    )
    (args.work / "settings.json").write_text(canonical(settings))
    print(f"{samples} forecasts")


if __name__ == "__main__":
    main()
