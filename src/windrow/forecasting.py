"""Run a trained model over all windows of a split, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from windrow.climatology import calendar_rows, read_climatology
from windrow.configfile import canonical
from windrow.errors import UserError
from windrow.extracted import hours_since_1900
from windrow.files import written_beside
from windrow.forecasts import CHUNK_INITS, create_forecasts
from windrow.sequences import split_windows
from windrow.shards.reader import ShardReader
from windrow.stages import Forecast
from windrow.training.device import chosen_device
from windrow.training.trained import Trained, load_trained
from windrow.zarr_metadata import consolidate


def forecast_split(
    settings: Forecast, *, shards: Path, climatology: Path, model: Path, threads: int, output: Path
) -> int:
    """Forecast every valid window of the split and write the store; returns the number of windows.

    The initial time of a forecast is the time of its last input field.

    Raises
    ------
    UserError
        If the model was trained on other variables or windows, or the split has no window.
    """
    if threads:
        torch.set_num_threads(threads)
    trained = load_trained(model, chosen_device("auto"))
    if (trained.settings.layout.variables, trained.settings.sequences) != (
        settings.layout.variables,
        settings.sequences,
    ):
        raise UserError(f"{model} was trained on other variables or windows; run the stage train again")
    reader = ShardReader(shards, settings.layout)
    described = read_climatology(climatology)
    sequences = settings.sequences
    length = sequences.input_steps + sequences.target_steps
    firsts = split_windows(
        reader.available,
        settings.days,
        origin=settings.layout.origin,
        step_hours=settings.layout.step_hours,
        length=length,
        stride=sequences.stride,
        name=settings.split,
    )
    rows = torch.from_numpy(calendar_rows(firsts, length, settings.layout)).to(trained.device)
    trained.normalise.require(rows)
    step_hours = settings.layout.step_hours
    origin = hours_since_1900(settings.layout.origin)
    coordinates = {
        "init_time": origin + step_hours * (firsts + sequences.input_steps - 1),
        "lead_time": step_hours * np.arange(1, sequences.target_steps + 1, dtype=np.int64),
        "latitude": described.latitude,
        "longitude": described.longitude,
    }
    with written_beside(output) as beside:
        store = create_forecasts(
            beside,
            coordinates=coordinates,
            variables={name: described.attributes[name] for name in trained.settings.experiment.targets},
            attributes={"experiment": settings.experiment_name, "windrow_settings": canonical(settings)},
        )
        for inits, fields in _batches(trained, reader, firsts, rows, settings.batch_size):
            store.write(inits, fields)
        consolidate(beside)
    return len(firsts)


def _batches(
    trained: Trained, reader: ShardReader, firsts: npt.NDArray[np.int64], rows: Tensor, size: int
) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
    """Forecasts of as many windows as a chunk of the store holds, so that each chunk is written once."""
    steps = trained.settings.sequences.input_steps
    for start in range(0, len(firsts), CHUNK_INITS):
        chunk = firsts[start : start + CHUNK_INITS]
        fields = []
        for place in range(0, len(chunk), size):
            inputs = torch.from_numpy(reader.windows(chunk[place : place + size], steps)).to(trained.device)
            fields.append(trained.forecast(inputs, rows[start + place :][: len(inputs)]))
        yield slice(start, start + len(chunk)), torch.cat(fields).cpu().numpy()
