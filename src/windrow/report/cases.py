"""Samples to look at: the best, a middling and the worst one."""

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
from windrow.verification.aggregate import experiment_of


@dataclass(frozen=True)
class Case:
    """A forecast and what came, at some lead times.

    Attributes
    ----------
    mse
        Mean over all lead times of the forecast, not only over those that are held here.
    lead_hours, lead_mse
        The lead times and their mean squared errors.
    truth, forecast
        Shape (lead, y, x), physical units.
    """

    name: str
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


def pick(errors: npt.NDArray[np.float64]) -> dict[str, int]:
    """Places of the lowest, the (lower) median and the highest error; what coincides is named once."""
    order = np.argsort(errors, kind="stable")
    ranks = {"Best case": 0, "Median case": (len(order) - 1) // 2, "Worst case": len(order) - 1}
    first_name = {rank: name for name, rank in reversed(ranks.items())}
    return {name: int(order[rank]) for name, rank in ranks.items() if first_name[rank] == name}


def shown_leads(leads: int) -> list[int]:
    """Places of the first, the middle and the last lead time."""
    return sorted({0, (leads - 1) // 2, leads - 1})


def read_cases(scores: xr.Dataset, variable: str, *, forecasts: Forecasts, reader: ShardReader) -> list[Case]:
    """The cases of one variable of the experiment.

    Raises
    ------
    UserError
        If the forecasts are not those that the scores are of.
    """
    mse = scores["mse"].sel(forecast=experiment_of(scores), variable=variable).transpose("init_time", "lead_time")
    if variable not in forecasts.variables or list(forecasts.lead_hours) != list(scores["lead_time"].values):
        raise UserError("the forecasts and the scores do not belong together; run the stage verify again")
    found = pick(mse.values.mean(axis=1))
    return [_read_case(name, mse[place], variable, forecasts, reader) for name, place in found.items()]


def _read_case(name: str, mse: xr.DataArray, variable: str, store: Forecasts, reader: ShardReader) -> Case:
    init_time = as_datetime(mse["init_time"].values)
    (places,) = np.nonzero(store.init_hours == hours_since_1900(init_time))
    if len(places) != 1:
        raise UserError(f"the forecasts have no initial time {init_time}; run the stage verify again")
    place = int(places[0])
    shown = shown_leads(len(store.lead_hours))
    leads = tuple(int(store.lead_hours[lead]) for lead in shown)
    forecast = store.fields(slice(place, place + 1))[0, shown, store.variables.index(variable)]
    return Case(
        name=name,
        init_time=init_time,
        mse=float(mse.mean()),
        lead_hours=leads,
        lead_mse=tuple(float(mse[lead]) for lead in shown),
        truth=np.stack([_truth(reader, variable, init_time + dt.timedelta(hours=lead)) for lead in leads]),
        forecast=forecast,
    )


def _truth(reader: ShardReader, variable: str, time: dt.datetime) -> npt.NDArray[np.float32]:
    column = reader.layout.variables.index(variable)
    field: npt.NDArray[np.float32] = reader.windows(np.array([reader.step_of(time)]), 1)[0, 0, column]
    return field
