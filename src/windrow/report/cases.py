"""Samples to look at: those at the deciles of the error."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from windrow.errors import UserError
from windrow.extracted import hours_since_1900
from windrow.forecasts import Forecasts
from windrow.report.text import as_datetime
from windrow.shards.reader import ShardReader
from windrow.verification.aggregate import experiment_of, samples, select


@dataclass(frozen=True)
class Case:
    """A forecast and what came, at all lead times.

    Attributes
    ----------
    share
        How many of a hundred samples have a lower error.
    mse
        Mean over all lead times.
    lead_hours, lead_mse
        The lead times and their mean squared errors.
    truth, forecast
        Shape (lead, y, x), physical units.
    """

    share: int
    init_time: dt.datetime
    mse: float
    lead_hours: tuple[int, ...]
    lead_mse: tuple[float, ...]
    truth: npt.NDArray[np.float32]
    forecast: npt.NDArray[np.float32]

    @property
    def error(self) -> npt.NDArray[np.float32]:
        """Forecast minus truth."""
        return self.forecast - self.truth

    @property
    def name(self) -> str:
        """Where it stands among all samples."""
        ends = {0: "lowest error", 50: "median error", 100: "highest error"}
        return ends.get(self.share, f"error at the {self.share} % decile")


def pick(errors: npt.NDArray[np.float64], *, count: int = 11) -> dict[int, int]:
    """Places of the errors at `count` even shares of a hundred, from the lowest to the highest.

    Each place comes once, and samples without an error never.
    """
    order = np.argsort(errors, kind="stable")[: int(np.isfinite(errors).sum())]
    shares = np.linspace(0, 100, count).round().astype(int) if len(order) >= count else _few(len(order))
    ranks = {int(share): int(share * (len(order) - 1) / 100) for share in shares}
    return {share: int(order[rank]) for share, rank in ranks.items()}


def _few(count: int) -> npt.NDArray[np.int64]:
    """The share of each of so few samples; the middle one keeps the name of the median."""
    found: npt.NDArray[np.int64] = np.ceil(np.linspace(0, 100, count)).astype(np.int64)
    return found


def read_cases(
    scores: xr.Dataset, variable: str, *, forecasts: Forecasts, reader: ShardReader, count: int = 11
) -> list[Case]:
    """The cases of one variable of the experiment.

    Raises
    ------
    UserError
        If the forecasts are not those that the scores are of.
    """
    own = select(scores).sel(forecast=experiment_of(scores), variable=variable)
    mse = samples(own, "mse").transpose("init_time", "lead_time")
    if variable not in forecasts.variables or list(forecasts.lead_hours) != list(scores["lead_time"].values):
        raise UserError("the forecasts and the scores do not belong together; run the stage verify again")
    found = pick(mse.mean("lead_time", skipna=False).values, count=count)
    return [_read_case(share, mse[place], variable, forecasts, reader) for share, place in found.items()]


def _read_case(share: int, mse: xr.DataArray, variable: str, store: Forecasts, reader: ShardReader) -> Case:
    init_time = as_datetime(mse["init_time"].values)
    (places,) = np.nonzero(store.init_hours == hours_since_1900(init_time))
    if len(places) != 1:
        raise UserError(f"the forecasts have no initial time {init_time}; run the stage verify again")
    place = int(places[0])
    leads = tuple(int(lead) for lead in store.lead_hours)
    return Case(
        share=share,
        init_time=init_time,
        mse=float(mse.mean()),
        lead_hours=leads,
        lead_mse=tuple(float(value) for value in mse),
        truth=_truth(reader, variable, init_time, len(leads)),
        forecast=store.fields(slice(place, place + 1))[0, :, store.variables.index(variable)],
    )


def _truth(reader: ShardReader, variable: str, init_time: dt.datetime, leads: int) -> npt.NDArray[np.float32]:
    column = reader.layout.variables.index(variable)
    return reader.windows(np.array([reader.step_of(init_time) + 1]), leads, columns=[column])[0, :, 0]
