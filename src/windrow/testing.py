"""Tiny data for tests, here and of plug-ins: a GRIB archive that is written in a second, and its config."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import eccodes
import numpy as np
import numpy.typing as npt

PARAMETERS = {"2t": 167, "tcc": 164, "msl": 151, "z": 129, "lsm": 172}
NX, NY, NORTH, WEST, STEP = 10, 8, 51.4, 2.0, 0.3
TINY_GRIDS: dict[str, tuple[str, dict[str, Any]]] = {  # of GRIB 2, from south to north
    "lambert": (
        "lambert",
        {
            "Nx": NX,
            "Ny": NY,
            "latitudeOfFirstGridPointInDegrees": 43.5,
            "longitudeOfFirstGridPointInDegrees": 358.25,
        }
        | {"DxInMetres": 80000, "DyInMetres": 80000, "LoVInDegrees": 4.0, "LaDInDegrees": 46.0}
        | {"Latin1InDegrees": 46.0, "Latin2InDegrees": 46.0, "shapeOfTheEarth": 6, "jScansPositively": 1},
    ),
    "rotated": (
        "rotated_ll",
        {"Ni": NX, "Nj": NY, "iDirectionIncrementInDegrees": 0.5, "jDirectionIncrementInDegrees": 0.5}
        | {"latitudeOfFirstGridPointInDegrees": -1.5, "latitudeOfLastGridPointInDegrees": 2.0}
        | {"longitudeOfFirstGridPointInDegrees": 358.0, "longitudeOfLastGridPointInDegrees": 2.5}
        | {
            "latitudeOfSouthernPoleInDegrees": -40.0,
            "longitudeOfSouthernPoleInDegrees": 10.0,
            "jScansPositively": 1,
        },
    ),
}


def tiny_field(variable: str, time: dt.datetime) -> npt.NDArray[np.float64]:
    """A smooth field (y, x) from north to south that moves eastward and has a diurnal cycle; units of the variable."""
    hours = (time - dt.datetime(2000, 1, 1)) / dt.timedelta(hours=1)
    y, x = np.mgrid[0:NY, 0:NX]
    wave = np.sin(0.6 * x - 0.21 * hours + 0.3 * y) + 0.5 * np.cos(2 * np.pi * hours / 24)
    scale, offset = {"2t": (4.0, 280.0), "tcc": (0.2, 0.5), "msl": (800.0, 101300.0)}[variable]
    return np.asarray(offset + scale * wave, dtype=np.float64)


def message(
    variable: str, time: dt.datetime, values: npt.NDArray[np.float64], *, level: tuple[str, int] = ("surface", 0)
) -> bytes:
    """One GRIB 1 message on a regular grid of the values' shape (y, x), 16-bit simple packing."""
    ny, nx = values.shape
    handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib1")
    keys = {
        "centre": "ecmf",
        "table2Version": 128,
        "indicatorOfParameter": PARAMETERS[variable],
        "dataDate": time.year * 10000 + time.month * 100 + time.day,
        "dataTime": time.hour * 100 + time.minute,
        "typeOfLevel": level[0],
        "level": level[1],
        "Ni": nx,
        "Nj": ny,
        "latitudeOfFirstGridPointInDegrees": NORTH,
        "latitudeOfLastGridPointInDegrees": NORTH - STEP * (ny - 1),
        "longitudeOfFirstGridPointInDegrees": WEST,
        "longitudeOfLastGridPointInDegrees": WEST + STEP * (nx - 1),
        "iDirectionIncrementInDegrees": STEP,
        "jDirectionIncrementInDegrees": STEP,
        "bitsPerValue": 16,
    }
    try:
        for key, value in keys.items():
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, values.ravel())
        content: bytes = eccodes.codes_get_message(handle)
    finally:
        eccodes.codes_release(handle)
    return content


def message_on(
    kind: str,
    keys: dict[str, Any],
    values: npt.NDArray[np.float64],
    *,
    variable: str = "2t",
    time: dt.datetime = dt.datetime(2007, 1, 1),
    edition: int = 2,
) -> bytes:
    """One GRIB message on any grid, 24-bit simple packing.

    Parameters
    ----------
    kind, keys
        The grid's type and its keys, in the words of eccodes.
    values
        In the order of the message.
    """
    handle = eccodes.codes_grib_new_from_samples(f"GRIB{edition}")
    stated = {
        "gridType": kind,
        "paramId": PARAMETERS[variable],
        "dataDate": time.year * 10000 + time.month * 100 + time.day,
        "dataTime": time.hour * 100,
        **({"typeOfLevel": "surface", "level": 0} if edition == 1 else {"numberOfDataPoints": values.size}),
        **keys,
        "bitsPerValue": 24,
    }
    try:
        for key, value in stated.items():
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, values.ravel())
        content: bytes = eccodes.codes_get_message(handle)
    finally:
        eccodes.codes_release(handle)
    return content


def write_tiny_archive(
    root: Path,
    *,
    months: Iterable[tuple[int, int]] = ((2007, 1), (2008, 1), (2009, 1)),
    variables: tuple[str, ...] = ("2t", "tcc", "msl"),
    step_hours: int = 1,
    on: str = "",
) -> None:
    """One file per month, `YYYY/MM/fields.grib`, with messages of the variables; `on` is one of `TINY_GRIDS`."""
    for year, month in months:
        first = dt.datetime(year, month, 1)
        end = dt.datetime(year + month // 12, month % 12 + 1, 1)
        times = [first + dt.timedelta(hours=hour) for hour in range(0, (end - first).days * 24, step_hours)]
        path = root / f"{year:04d}" / f"{month:02d}" / "fields.grib"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(_tiny_message(name, time, on) for time in times for name in variables))


def _tiny_message(variable: str, time: dt.datetime, on: str) -> bytes:
    values = tiny_field(variable, time)
    if not on:
        return message(variable, time, values)
    return message_on(*TINY_GRIDS[on], values, variable=variable, time=time)


def tiny_config(root: Path | str) -> dict[str, Any]:
    """An experiment file for the tiny archive that runs through in seconds."""
    training = {"epochs": 2, "batch_size": 8, "learning_rate": 0.003}
    return {
        "source": {"name": "tiny", "root": str(root), "files": "{year}/{month}/*.grib"},
        "dataset": {
            "period": [{"years": "2007-2009", "months": 1}],
            "domain": {"south": 49.6, "west": 2.6, "nx": 6, "ny": 5},
            "variables": ["2t", "tcc"],
        },
        "splits": {
            "train": [["2007-01-01", "2007-01-31"]],
            "validation": [["2008-01-01", "2008-01-31"]],
            "test": [["2009-01-01", "2009-01-31"]],
        },
        "sequences": {"input_steps": 6, "target_steps": 4, "stride": 12},
        "shards": {"block_steps": 372},
        "experiments": {
            "convlstm": {
                "targets": ["2t"],
                "model": {"name": "convlstm", "features": 4, "kernel": 3},
                "strategy": {"name": "sequence"},
                "training": dict(training),
            },
            "cnn": {
                "targets": ["2t"],
                "model": {"name": "weatherbench_cnn", "features": 4, "kernel": 3},
                "strategy": {"name": "direct", "increment": True, "anomaly": True},
                "training": dict(training),
            },
        },
    }
