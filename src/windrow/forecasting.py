"""Run a trained model over all windows of a split, batch by batch, by one process or shared by several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from windrow.climatology import calendar_rows, read_climatology, require_climatology
from windrow.config import known_steps
from windrow.configfile import canonical
from windrow.errors import UserError
from windrow.extracted import hours_since_1900
from windrow.files import beside, written_beside
from windrow.forecasts import Forecasts, create_forecasts, open_to_write
from windrow.shards.reader import ShardReader
from windrow.stages import Forecast
from windrow.statistics import split_hash
from windrow.training.calendar import calendar
from windrow.training.data import valid_windows, window_length
from windrow.training.ranks import Ranks, start_processes
from windrow.training.trained import Trained, load_trained
from windrow.zarr_metadata import consolidate

_NOISE_SEED = 42


def forecast_split(
    settings: Forecast,
    *,
    shards: Path,
    climatology: Path,
    model: Path,
    threads: int,
    output: Path,
    devices: int = 1,
    nodes: int = 1,
) -> int:
    """Forecast every valid window of the split and write the store.

    The initial time of a forecast is the time of its last input field. The random numbers of the members of an
    ensemble follow from initial time and member, whatever the batches. Several processes take turns with the chunks
    of the store, so that each chunk is written by one of them, with the values that one process gives.

    Returns
    -------
    int
        The number of windows; 0 in all processes but the first.

    Raises
    ------
    UserError
        If the model was trained on other variables, windows or days, for a device that is not there, or draws no
        random numbers and several members are asked for; the climatology is of other days, or the split has no window;
        another number of processes was started than is asked for.
    """
    if threads:
        torch.set_num_threads(threads)
    trained = _trained_for(settings, model, shards.parent / "graphs")
    ranks = start_processes(trained.device, devices=devices, nodes=nodes)
    if ranks.device is not None:
        trained = replace(trained, model=trained.model.to(ranks.device), device=ranks.device)
    reader = ShardReader(shards, settings.layout)
    described = read_climatology(climatology, settings.train)
    firsts = valid_windows(reader, settings.days, settings.sequences, name=settings.split)
    length = window_length(settings.sequences)
    if trained.model.normalise.table is not None:
        rows = calendar_rows(firsts, length, settings.layout)
        require_climatology(trained.model.normalise.table.cpu().numpy(), rows)
    last_inputs = firsts + known_steps(settings.sequences) - 1
    init_hours = hours_since_1900(settings.layout.origin) + settings.layout.step_hours * last_inputs

    def create(path: Path) -> Forecasts:
        return create_forecasts(
            path,
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

    with _shared_store(output, ranks, create) as store:
        for start in range(ranks.rank * store.chunk_inits, len(firsts), ranks.size * store.chunk_inits):
            inits = slice(start, start + store.chunk_inits)
            store.write(inits, _forecasts(trained, reader, firsts[inits], init_hours[inits], settings))
    return len(firsts) if ranks.first else 0


@contextmanager
def _shared_store(output: Path, ranks: Ranks, create: Callable[[Path], Forecasts]) -> Iterator[Forecasts]:
    """The store that the first process makes, for all to write into; it is in its place when all have."""
    if not ranks.first:
        ranks.wait()
        yield open_to_write(beside(output))
        ranks.wait()
        return
    with written_beside(output) as path:
        store = create(path)
        ranks.wait()
        yield store
        ranks.wait()
        consolidate(path)


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
