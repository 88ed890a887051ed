"""A forecast from the newest fields in some GRIB files."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt
import torch

from windrow import __version__
from windrow.climatology import calendar_rows
from windrow.config import known_steps
from windrow.errors import UserError
from windrow.extracted import hours_since_1900
from windrow.files import written_beside
from windrow.forecasts import COORDINATES, create_forecasts
from windrow.grib.encode import write_grib
from windrow.grid import Grid, field_attributes, write_netcdf
from windrow.latest import LatestInputs, newest_inputs
from windrow.training.calendar import calendar
from windrow.training.trained import Trained, load_trained
from windrow.zarr_metadata import consolidate

FORMATS = (".nc", ".zarr", ".grib", ".grb", ".grib2", ".grb2")


@dataclass(frozen=True, eq=False)
class Prediction:
    """A forecast: by variable (lead, y, x) in physical units."""

    init_time: dt.datetime
    lead_hours: npt.NDArray[np.int64]
    fields: dict[str, npt.NDArray[np.float32]]
    grid: Grid
    attributes: dict[str, dict[str, Any]]
    templates: dict[str, bytes]


def predict(model: Path, grib: list[Path], output: Path, *, threads: int = 0) -> Prediction:
    """Forecast from the newest fields and write the forecast, in the format that the output's name says.

    Raises
    ------
    UserError
        If the format is not known; the model cannot be read, or needs fields on the boundary that are not there yet;
        or the files lack what the model needs or differ from what it was trained on.
    """
    if output.suffix not in FORMATS:
        raise UserError(f"{output} has no known format; take one of {', '.join(FORMATS)}")
    if threads:
        torch.set_num_threads(threads)
    trained = load_trained(model)
    if trained.model.needs_truth:
        raise UserError(
            f"{model} needs the coming fields on the boundary (strategy.boundary_width), which these files cannot "
            "have; train it without a boundary"
        )
    settings = trained.settings
    inputs = newest_inputs(
        grib,
        layout=settings.layout,
        input_steps=known_steps(settings.sequences),
        grid=trained.described.grid,
        domain=settings.domain,
        attributes=trained.described.attributes,
    )
    prediction = forecast_from(trained, inputs)
    _WRITERS[output.suffix](output, prediction)
    return prediction


def forecast_from(trained: Trained, inputs: LatestInputs) -> Prediction:
    """Forecast.

    Raises
    ------
    UserError
        If the model needs the climatology of a month that the training split lacked.
    """
    layout, sequences = trained.settings.layout, trained.settings.sequences
    length = known_steps(sequences) + sequences.target_steps
    origin = layout.origin.replace(tzinfo=None)
    first = np.array([(inputs.times[0] - origin) // dt.timedelta(hours=layout.step_hours)])
    rows = calendar_rows(first, length, layout)
    _require(trained, rows)
    given = (inputs.fields[None], rows, calendar(first, length, layout))
    with torch.inference_mode():
        found = trained.model.forecast(*(torch.from_numpy(one).to(trained.device) for one in given))
    fields = found.tensor[0].cpu().numpy()
    described = trained.described
    return Prediction(
        init_time=inputs.times[-1],
        lead_hours=layout.step_hours * np.arange(1, sequences.target_steps + 1, dtype=np.int64),
        fields={name: fields[:, place] for place, name in enumerate(found.features)},
        grid=described.grid,
        attributes={name: described.attributes[name] for name in found.features},
        templates=inputs.templates,
    )


def _require(trained: Trained, rows: npt.NDArray[np.int64]) -> None:
    table = trained.model.normalise.table
    if table is not None and torch.isnan(table[torch.from_numpy(np.unique(rows)).to(table.device)]).any():
        raise UserError(
            "the model works on departures from a climatology and its training split lacks this month; give fields "
            "of another month, or train on this one too"
        )


def _write_grib(output: Path, prediction: Prediction) -> None:
    write_grib(
        output,
        templates=prediction.templates,
        init_time=prediction.init_time,
        lead_hours=prediction.lead_hours.tolist(),
        fields=prediction.fields,
        grid=prediction.grid,
    )


def _write_zarr(output: Path, prediction: Prediction) -> None:
    with written_beside(output) as beside:
        store = create_forecasts(
            beside,
            init_hours=np.array([hours_since_1900(prediction.init_time)]),
            lead_hours=prediction.lead_hours,
            grid=prediction.grid,
            variables=prediction.attributes,
            attributes={"source": f"windrow {__version__}"},
        )
        store.write(slice(0, 1), np.stack(list(prediction.fields.values()), axis=1)[None])
        consolidate(beside)


def _write_netcdf(output: Path, prediction: Prediction) -> None:
    grid = prediction.grid
    axes = {
        "init_time": np.array([hours_since_1900(prediction.init_time)]),
        "lead_time": prediction.lead_hours,
    }
    with written_beside(output) as beside, netCDF4.Dataset(beside, "w", format="NETCDF4") as file:
        file.setncatts({"Conventions": "CF-1.11", "source": f"windrow {__version__}"})
        for name, values in axes.items():
            file.createDimension(name, len(values))
            axis = file.createVariable(name, np.int64, (name,))
            axis.setncatts(COORDINATES[name])
            axis[:] = values
        write_netcdf(file, grid)
        for name, values in prediction.fields.items():
            variable = file.createVariable(
                name, np.float32, (*axes, *grid.dimensions), fill_value=np.float32(np.nan)
            )
            variable.setncatts(prediction.attributes[name] | field_attributes(grid))
            variable[0] = values


_WRITERS = {".nc": _write_netcdf, ".zarr": _write_zarr} | dict.fromkeys(FORMATS[2:], _write_grib)
