"""What trainings, forecasts and exports take."""

from __future__ import annotations

from windrow.config import Config
from windrow.experiment import Experiment
from windrow.work.rates import CPU_FLOPS, CUDA_DEVICE_MB, CUDA_MB, GPU_FLOPS, MB, SHORT_SPEED, Work, mapped_mb
from windrow.work.size import FLOAT32, Size, size, steps_of_split, windows_of
from windrow.work.trainings import (
    PINNED_COPIES,
    WINDOW_COPIES,
    batch_bytes,
    chunk_bytes,
    forecast_bytes,
    forecast_flop,
    members_of,
    rollout_of,
    training_bytes,
    training_flop,
)

WORKER_MB = 200
MAPPED_WHILE_TRAINING_MB = 4000  # it reads in any order, again and again


def _on_gpu(experiment: Experiment, gpu: bool | None) -> bool:
    return experiment.training.accelerator != "cpu" if gpu is None else gpu


def _rate(experiment: Experiment, speed: float, *, gpu: bool, threads: int) -> float:
    """Operations a second of one process."""
    if not gpu:
        return CPU_FLOPS * speed * threads
    return GPU_FLOPS * speed * (1.0 if experiment.training.precision == "32" else SHORT_SPEED)


def _tables(found: Size, experiment: Experiment) -> int:
    """The climatology as it is read, and as it is looked up where the network sees departures from it."""
    looked_up = found.variables * found.table_bytes if experiment.strategy.anomaly else 0
    return 2 * found.climatology_bytes + looked_up


def train(config: Config, *, threads: int, gpu: bool | None, experiment: str) -> Work:
    """Each process of a node holds its batches; a GPU takes what the gradient needs, else the process does.

    The time is that of the operations, at a rate for each kind of network and device.
    """
    found, chosen = size(config), config.experiments[experiment]
    training, rollout = chosen.training, rollout_of(chosen, size(config))
    on_gpu = _on_gpu(chosen, gpu)
    seconds = training_flop(config, chosen) / _rate(chosen, rollout.cost.speed, gpu=on_gpu, threads=threads)
    on_device = training_bytes(config, chosen) / MB
    of_batch = batch_bytes(config, chosen) / WINDOW_COPIES / MB
    own = PINNED_COPIES * of_batch if on_gpu else on_device
    own += training.workers * (WORKER_MB + 2 * of_batch)
    blocks = (steps_of_split(config, "train") + steps_of_split(config, "validation")) * found.step_bytes
    table = _tables(found, chosen) / MB
    processes = training.devices * training.nodes
    weights = FLOAT32 * rollout.cost.parameters
    return Work(
        memory_mb=training.devices * (490 + table + own),
        start=15,
        cpu_seconds=seconds * (1 if on_gpu else threads),
        read=blocks + found.climatology_bytes,
        written=8 * weights + 2 * MB,
        cores=processes * (1 if on_gpu else threads),
        fixed_mb=mapped_mb(blocks, most=MAPPED_WHILE_TRAINING_MB)
        + (training.devices * CUDA_MB if on_gpu else 0.0),
        device_mb=CUDA_DEVICE_MB + on_device if on_gpu else 0.0,
    )


def forecast(config: Config, *, threads: int, gpu: bool | None, experiment: str, split: str) -> Work:
    """Each process holds the initial times of a chunk of the store, and a batch of their windows."""
    found, chosen = size(config), config.experiments[experiment]
    training, rollout = chosen.training, rollout_of(chosen, size(config))
    members = members_of(config, experiment)
    windows, on_gpu = windows_of(config, split), _on_gpu(chosen, gpu)
    flop = forecast_flop(config, chosen, windows=windows, members=members)
    seconds = flop / _rate(chosen, rollout.cost.speed, gpu=on_gpu, threads=threads)
    on_device = forecast_bytes(config, experiment) / MB
    own = chunk_bytes(config, experiment) / MB + (0 if on_gpu else on_device)
    table = _tables(found, chosen) / MB
    blocks = steps_of_split(config, split) * found.step_bytes
    written = windows * members * found.leads * found.targets * found.field_bytes
    processes = training.devices * training.nodes
    return Work(
        memory_mb=training.devices * (475 + table + own),
        start=12,
        cpu_seconds=seconds * (1 if on_gpu else threads) + written / 50e6,
        read=blocks + found.climatology_bytes,
        written=written,
        cores=processes * (1 if on_gpu else threads),
        fixed_mb=mapped_mb(blocks) + (training.devices * CUDA_MB if on_gpu else 0.0),
        device_mb=CUDA_DEVICE_MB + on_device if on_gpu else 0.0,
    )


def export(config: Config, *, threads: int, gpu: bool | None, experiment: str) -> Work:
    """Forecasts from 20 windows by both networks are held and compared in double precision; on processors."""
    found, chosen = size(config), config.experiments[experiment]
    rollout = rollout_of(chosen, found)
    made = found.leads * found.targets * found.field_bytes
    given = found.known_steps * found.step_bytes
    held = 20 * (given + 7.3 * made) + FLOAT32 * (2 * rollout.cost.held + 10 * rollout.cost.parameters)
    blocks = 20 * found.window_steps * found.step_bytes
    flop = 2 * forecast_flop(config, chosen, windows=20, members=1)
    traced = 0.5 * rollout.calls  # each call by itself
    return Work(
        memory_mb=460 + held / MB + 4 * rollout.calls + _tables(found, chosen) / MB,
        fixed_mb=mapped_mb(blocks),
        start=15 + traced,
        cpu_seconds=flop / (CPU_FLOPS * rollout.cost.speed),
        read=blocks,
        written=FLOAT32 * rollout.cost.parameters,
        cores=threads,
    )
