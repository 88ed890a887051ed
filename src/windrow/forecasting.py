"""Run a trained model over all windows of a split, batch by batch."""

from __future__ import annotations

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
from windrow.forecasts import create_forecasts
from windrow.shards.reader import ShardReader
from windrow.stages import Forecast
from windrow.statistics import split_hash
from windrow.training.calendar import calendar
from windrow.training.data import valid_windows, window_length
from windrow.training.fit import require_climatology
from windrow.training.trained import Trained, load_trained
from windrow.zarr_metadata import consolidate

_NOISE_SEED = 42


def forecast_split(
    settings: Forecast, *, shards: Path, climatology: Path, model: Path, threads: int, output: Path
) -> int:
    """Forecast every valid window of the split and write the store; returns the number of windows.

    The initial time of a forecast is the time of its last input field. The random numbers of the members of an
    ensemble follow from initial time and member, whatever the batches.

    Raises
    ------
    UserError
        If the model was trained on other variables, windows or days, for a device that is not there, or draws no
        random numbers and several members are asked for; the climatology is of other days, or the split has no window.
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
    init_hours = hours_since_1900(settings.layout.origin) + settings.layout.step_hours * last_inputs
    with written_beside(output) as beside:
        store = create_forecasts(
            beside,
            init_hours=init_hours,
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
            members=settings.members,
        )
        for start in range(0, len(firsts), store.chunk_inits):  # each chunk of the store is written once
            inits = slice(start, start + store.chunk_inits)
            store.write(inits, _forecasts(trained, reader, firsts[inits], init_hours[inits], settings))
        consolidate(beside)
    return len(firsts)


def _trained_for(settings: Forecast, model: Path, graphs: Path) -> Trained:
    trained = load_trained(model, graphs=graphs)
    known = trained.settings
    if (known.layout.variables, known.sequences) != (settings.layout.variables, settings.sequences):
        raise UserError(f"{model} was trained on other variables or windows; run the stage train again")
    if split_hash(known.train) != split_hash(settings.train):
        raise UserError(f"{model} was trained on other days than splits.train; run the stage train again")
    if settings.members > 1 and trained.model.strategy.noise_shape is None:
        raise UserError(
            f"{model} draws no random numbers, so that its {settings.members} members would all be the same; set "
            "forecast.members to 1"
        )
    return trained


def _forecasts(
    trained: Trained,
    reader: ShardReader,
    firsts: npt.NDArray[np.int64],
    init_hours: npt.NDArray[np.int64],
    settings: Forecast,
) -> npt.NDArray[np.float32]:
    """Forecasts from these windows in the shape that the store takes; a batch may hold members of several windows."""
    members = settings.members
    windows, hours = np.repeat(firsts, members), np.repeat(init_hours, members)
    numbers = np.tile(np.arange(members), len(firsts))
    batches = []
    for start in range(0, len(windows), settings.batch_size):
        batch = slice(start, start + settings.batch_size)
        shape = trained.model.strategy.noise_shape if members > 1 else None
        noise = None if shape is None else member_noise(hours[batch], numbers[batch], shape).to(trained.device)
        with torch.inference_mode():
            found = trained.model.forecast(*_read(trained, reader, windows[batch]), noise=noise)
        batches.append(found.tensor.cpu().numpy())
    fields = np.concatenate(batches)
    return fields.reshape(len(firsts), members, *fields.shape[1:]) if members > 1 else fields


def member_noise(
    init_hours: npt.NDArray[np.int64], members: npt.NDArray[np.int64], shape: tuple[int, int]
) -> Tensor:
    """Standard normal numbers (window, step, feature) that follow from initial time and member alone."""
    drawn = [
        np.random.default_rng([_NOISE_SEED, hour % 2**64, member]).standard_normal(shape, dtype=np.float32)
        for hour, member in zip(init_hours.tolist(), members.tolist(), strict=True)
    ]
    return torch.from_numpy(np.stack(drawn))


def _read(trained: Trained, reader: ShardReader, firsts: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
    """What `ForecastModel.forecast` takes of these windows: fields, rows of the climatology, calendar."""
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
    return fields, rows, times
