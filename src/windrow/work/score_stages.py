"""What the scores of an experiment take: the file, and the memory of those who make it and show it."""

from __future__ import annotations

import math

from windrow.config import Config
from windrow.work.rates import MB, Work, mapped_mb
from windrow.work.size import FLOAT32, FLOAT64, Size, days_of, size, steps_of_split, windows_of
from windrow.work.trainings import chunk_inits, members_of

BY_REGION = 10  # numbers of a sample for each region: five scores, with two kinds of weights
BY_FIELD = 3
BINS, DEGREES = 62, 120  # bins of the conditional quantiles: from the range in general, or one a degree
FINE = 10  # fine bins in a wide one
AT_ONCE = 4  # variables that are scored together
PART_INITS = 256  # and initial times, by one thread
CHUNK = 1_000_000  # numbers of a forecast that are scored together
QUANTILE_STEPS = 256  # fields of which the quantiles of the truth are counted at once
FIELD_BYTES = 200  # of a point: coordinates, weights of the points, wavenumbers, windows


def scores_bytes(config: Config, split: str) -> int:
    """The file of scores of one experiment."""
    found, asked = size(config), config.verification
    regions, thresholds = 1 + len(asked.regions), len(asked.thresholds)
    of_sample = BY_REGION * regions + BY_FIELD + thresholds * (4 + 2 * len(asked.neighbourhoods))
    if config.forecast.members > 1:
        of_sample += 4 * regions
    lines = found.forecasts * found.targets * found.leads
    bins = DEGREES if found.temperatures else BINS
    return lines * (
        FLOAT32 * of_sample * windows_of(config, split)
        + FLOAT64 * (2 * found.points + 8 * bins + found.nx + found.ny)
    )


def maps_bytes(found: Size) -> int:
    """Error and squared error of each point, of all forecasts, leads and variables."""
    return 2 * FLOAT64 * found.forecasts * found.leads * found.targets * found.points


def sums_bytes(found: Size) -> float:
    """Sums over the samples of the variables that are scored together: maps with counts, tables of bins."""
    lines, together = found.forecasts * found.leads, min(AT_ONCE, found.targets)
    in_degrees = min(together, found.temperatures)
    tables = in_degrees * DEGREES**2 + (together - in_degrees) * BINS**2
    return lines * (3 * FLOAT64 * found.points * together + 2 * FLOAT32 * FINE * tables)


def verify_bytes(config: Config, split: str, *, threads: int) -> float:
    """What `verify` holds at most, beside the blocks that are mapped."""
    found = size(config)
    together, members = min(AT_ONCE, found.targets), config.forecast.members
    chunk = min(chunk_inits(members), windows_of(config, split)) * members * found.leads * together
    some = FLOAT32 * max(CHUNK, found.leads * found.points)
    sums = sums_bytes(found)
    # a forecast of each kind, the truth and the climatology, and what they are made of
    working = 2 * chunk * found.field_bytes + some * together * (found.forecasts + members + 3)
    working += 15 * some  # events and spectra of the variable that is being scored
    parts = math.ceil(windows_of(config, split) / PART_INITS) * math.ceil(found.targets / AT_ONCE)
    threads = min(threads, parts)
    scoring = threads * (working + sums) + (1 if threads == 1 else min(threads + 2, parts)) * sums
    counting = QUANTILE_STEPS * 5 * found.field_bytes
    constant = found.climatology_bytes + found.targets * found.table_bytes + FIELD_BYTES * found.points
    return constant + maps_bytes(found) + max(scoring, counting, maps_bytes(found))


def verify(config: Config, *, threads: int, gpu: bool | None, experiment: str, split: str) -> Work:
    """Each thread holds a chunk of the forecasts and the same fields of all baselines, a million numbers at a time."""
    found = size(config)
    windows, members = windows_of(config, split), members_of(config, experiment)
    values = windows * found.leads * found.targets * found.points
    scored = values * (found.forecasts + members - 1)
    blocks = steps_of_split(config, split) * found.targets * found.field_bytes
    forecasts = FLOAT32 * values * members
    memory = verify_bytes(config, split, threads=threads) / MB
    return Work(
        memory_mb=155 + memory,
        fixed_mb=mapped_mb(blocks),
        start=2,
        cpu_seconds=100e-9 * scored,
        read=forecasts + 3 * blocks,
        written=scores_bytes(config, split),
        cores=threads,
    )


def report(config: Config, experiment: str, split: str) -> Work:
    """Reads the scores, draws resamples of their days, and holds eleven cases of a variable."""
    found = size(config)
    scores, shown = scores_bytes(config, split), min(4, found.targets)
    cases = 11 * 2 * found.leads * found.field_bytes
    draws = config.verification.bootstrap.resamples * days_of(getattr(config.splits, split)) * FLOAT64
    memory = 430 + (3 * scores + 2 * cases * shown + 3 * draws) / MB
    return Work(memory, 8 + 4 * found.targets + 40e-9 * scores, scores + cases * shown, 3 * MB * shown)


def compare(config: Config, split: str) -> Work:
    """Joins the scores of each sample of all experiments."""
    found, experiments = size(config), len(config.experiments)
    samples = scores_bytes(config, split) - maps_bytes(found)
    memory = 400 + (2 * experiments * samples + 1.5 * maps_bytes(found)) / MB
    seconds = 8 + experiments * (2 * found.targets + 30e-9 * samples)
    return Work(memory, seconds, experiments * samples, 3 * MB)
