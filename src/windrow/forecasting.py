"""Run a trained model over all windows of a split, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from windrow.climatology import calendar_rows, read_climatology
from windrow.config import known_steps
from windrow.configfile import canonical
from windrow.errors import UserError
from windrow.extracted import hours_since_1900
from windrow.files import written_beside
from windrow.forecasts import CHUNK_INITS, create_forecasts
from windrow.shards.reader import ShardReader
from windrow.stages import Forecast
from windrow.statistics import split_hash
from windrow.training.calendar import calendar
from windrow.training.data import valid_windows, window_length
from windrow.training.fit import require_climatology
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
        If the model was trained on other variables, windows or days, for a device that is not there, the
        climatology is of other days, or the split has no window.
    """
    if threads:
        torch.set_num_threads(threads)
    trained = _trained_for(settings, model, shards.parent / "graphs")
    reader = ShardReader(shards, settings.layout)
    described = read_climatology(climatology, settings.train)
    firsts = valid_windows(reader, settings.days, settings.sequences, name=settings.split)
    length = window_length(settings.sequences)
    if trained.model.normalise.table is not None:
        rows = calendar_rows(firsts, length, settings.layout)
        require_climatology(trained.model.normalise.table.cpu().numpy(), rows)
    last_inputs = firsts + known_steps(settings.sequences) - 1
    with written_beside(output) as beside:
        store = create_forecasts(
            beside,
            init_hours=hours_since_1900(settings.layout.origin) + settings.layout.step_hours * last_inputs,
            lead_hours=settings.layout.step_hours
            * np.arange(1, settings.sequences.target_steps + 1, dtype=np.int64),
            grid=described.grid,
            variables={name: described.attributes[name] for name in trained.settings.experiment.targets},
            attributes={
                "experiment": settings.experiment_name,
                "split_hash": split_hash(settings.train),
                "boundary_width": trained.model.strategy.boundary_width,
                "windrow_settings": canonical(settings),
            },
        )
        for inits, fields in _batches(trained, reader, firsts, settings.batch_size):
            store.write(inits, fields)
        consolidate(beside)
    return len(firsts)


def _trained_for(settings: Forecast, model: Path, graphs: Path) -> Trained:
    trained = load_trained(model, graphs=graphs)
    known = trained.settings
    if (known.layout.variables, known.sequences) != (settings.layout.variables, settings.sequences):
        raise UserError(f"{model} was trained on other variables or windows; run the stage train again")
    if split_hash(known.train) != split_hash(settings.train):
        raise UserError(f"{model} was trained on other days than splits.train; run the stage train again")
    return trained


def _batches(
    trained: Trained, reader: ShardReader, firsts: npt.NDArray[np.int64], size: int
) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
    """Forecasts of as many windows as a chunk of the store holds, so that each chunk is written once."""
    for start in range(0, len(firsts), CHUNK_INITS):
        chunk = firsts[start : start + CHUNK_INITS]
        fields = [_forecast(trained, reader, chunk[place : place + size]) for place in range(0, len(chunk), size)]
        yield slice(start, start + len(chunk)), torch.cat(fields).cpu().numpy()


def _forecast(trained: Trained, reader: ShardReader, firsts: npt.NDArray[np.int64]) -> Tensor:
    sequences, layout = trained.settings.sequences, trained.settings.layout
    length = window_length(sequences)
    read = length if trained.model.needs_truth else known_steps(sequences)
    fields, rows, times = (
        torch.from_numpy(found).to(trained.device)
        for found in (
            reader.windows(firsts, read),
            calendar_rows(firsts, length, layout),
            calendar(firsts, length, layout),
        )
    )
    with torch.inference_mode():
        return trained.model.forecast(fields, rows, times).tensor
