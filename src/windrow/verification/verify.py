"""Score the model and every baseline on the same samples, a few initial times at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from windrow.climatology import read_climatology
from windrow.errors import UserError
from windrow.extracted import hours_since_1900
from windrow.forecasts import CHUNK_INITS, COORDINATES, Forecasts, open_forecasts
from windrow.shards.reader import ShardReader
from windrow.stages import Verify
from windrow.statistics import split_hash
from windrow.verification.baselines import BASELINES, Archive, truth, verifiable
from windrow.verification.scores import SCORES, score_all


def verify(settings: Verify, *, forecasts: Path, shards: Path, climatology: Path) -> xr.Dataset:
    """Scores per forecast, variable, initial time and lead time.

    Points on which the forecasts have the truth (`boundary_width` of the store) are left out for all. Initial
    times that a baseline cannot forecast from are left out for all.

    Raises
    ------
    UserError
        If an input is missing or of another training split, or no initial time is left.
    """
    store = open_forecasts(forecasts)
    if store.group.attrs.get("split_hash") != split_hash(settings.train):
        raise UserError(f"{forecasts} comes from a model of another training split; run the stage forecast again")
    means = read_climatology(climatology, settings.train)
    archive = Archive(ShardReader(shards, settings.layout), means, store.variables)
    origin = hours_since_1900(settings.layout.origin)
    inits = (store.init_hours - origin) // settings.layout.step_hours
    kept = verifiable(archive, inits, settings.baselines)
    if not kept.any():
        raise UserError(
            "no initial time has the whole day before it, which the baseline day_before needs; "
            "lengthen the split or take day_before out of verification.baselines"
        )
    names = (str(store.group.attrs["experiment"]), *settings.baselines)
    shape = (len(names), len(store.variables), len(inits), len(store.lead_hours))
    scores = {score: np.full(shape, np.nan) for score in SCORES}
    for start in range(0, len(inits), CHUNK_INITS):
        chunk = slice(start, start + CHUNK_INITS)
        _score_chunk(scores, store, archive, inits, chunk, kept, settings.baselines)
    return _dataset({name: values[:, :, kept] for name, values in scores.items()}, names, store, kept)


def _score_chunk(
    scores: dict[str, npt.NDArray[np.float64]],
    store: Forecasts,
    archive: Archive,
    inits: npt.NDArray[np.int64],
    chunk: slice,
    kept: npt.NDArray[np.bool_],
    baselines: tuple[str, ...],
) -> None:
    places = np.flatnonzero(kept[chunk]) + chunk.start
    if not len(places):
        return
    leads = len(store.lead_hours)
    fields = [store.fields(chunk)[kept[chunk]]]
    fields += [BASELINES[name](archive, inits[places], leads) for name in baselines]
    observed = truth(archive, inits[places], leads)
    inner = _interior(store)
    for number, forecast in enumerate(fields):
        for name, values in score_all(forecast[inner], observed[inner]).items():
            scores[name][number][:, places] = values.transpose(2, 0, 1)


def _interior(store: Forecasts) -> tuple[Any, ...]:
    """The points that are forecast."""
    width = int(store.group.attrs.get("boundary_width", 0))  # type: ignore[arg-type]
    along = slice(width, -width or None)
    return (..., along, along)


def _dataset(
    scores: dict[str, npt.NDArray[np.float64]],
    names: tuple[str, ...],
    store: Forecasts,
    kept: npt.NDArray[np.bool_],
) -> xr.Dataset:
    dimensions = ("forecast", "variable", "init_time", "lead_time")
    units = [store.attributes(name).get("units", "1") for name in store.variables]
    return xr.Dataset(
        {
            **{name: (dimensions, values) for name, values in scores.items()},
            "units": ("variable", np.array(units, dtype=object)),
        },
        coords={
            "forecast": np.array(names, dtype=object),
            "variable": np.array(store.variables, dtype=object),
            "init_time": ("init_time", store.init_hours[kept], COORDINATES["init_time"]),
            "lead_time": ("lead_time", store.lead_hours, COORDINATES["lead_time"]),
        },
    )
