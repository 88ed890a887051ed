"""What the stages before the training take: a few megabytes of the data at a time, whatever their amount.

The first number of each memory is that of the interpreter with what the stage imports, in MB.
"""

from __future__ import annotations

from windrow.config import Config
from windrow.work.rates import MB, Work, mapped_mb
from windrow.work.size import (
    FLOAT32,
    FLOAT64,
    PAGE,
    Size,
    months_of_split,
    size,
    steps_of_month,
    steps_of_split,
    steps_of_year,
)

RANKS_OF_SHARDS = 8  # on a node
GLOBAL_FIELD_MB = 60  # to undo a packing that cannot be read by points, of a global field of 0.1 degrees


def inventory(config: Config, year: str, month: str) -> Work:
    """Reads a page or two of each message, and holds a line on each."""
    messages = steps_of_month(config, year, month) * size(config).archived_messages
    return Work(95 + messages * 800 / MB, 0.8 + messages * 30e-6, messages * PAGE, messages * 150)


def audit(config: Config) -> Work:
    """Holds the inventories of two months."""
    found = size(config)
    messages = 31 * found.steps_of_day * found.archived_messages
    of_all = messages * found.months
    return Work(75 + 2 * messages * 800 / MB, 0.5 + of_all * 5e-6, of_all * 70, 2000 * found.months)


def extract(config: Config, year: str, month: str) -> Work:
    """Reads the rows of the domain out of each message, and holds 8 MB of each variable before they are written."""
    found, steps = size(config), steps_of_month(config, year, month)
    messages = steps * found.read_messages
    chunk = found.variables * min(8 * MB, steps * found.field_bytes)
    listed = steps * found.archived_messages * 800
    memory = 87 + GLOBAL_FIELD_MB + (chunk + listed + 10 * FLOAT64 * found.points) / MB
    rows = messages * (2 * found.points + found.ny * PAGE // 2)
    return Work(memory, 0.8 + messages * (120e-6 + 10e-9 * found.points), rows, steps * found.step_bytes)


def statics(config: Config) -> Work:
    """Reads one inventory and a few messages."""
    found, fields = size(config), len(config.dataset.statics)
    listed = 31 * found.steps_of_day * found.archived_messages * 800
    memory = 88 + GLOBAL_FIELD_MB + (listed + (10 + fields) * FLOAT64 * found.points) / MB
    return Work(memory, 0.8, listed + fields * 8 * found.points, (fields + 1) * found.field_bytes)


def statistics_month(config: Config, year: str, month: str) -> Work:
    """Adds up bands of at most 32 MB; reads each value once."""
    found, steps = size(config), steps_of_month(config, year, month)
    memory = 74 + (1.2 * _sums(found) + 2 * found.coordinate_bytes) / MB + 20
    values = steps * found.variables * found.points
    return Work(memory, 0.5 + 6e-9 * values, FLOAT32 * values, _part(found))


def statistics(config: Config) -> Work:
    """Holds two bands of sums and the coordinates of each month."""
    found, parts = size(config), months_of_split(config, "train")
    memory = 72 + (3 * _sums(found) + (parts + 2) * found.coordinate_bytes) / MB + 0.3 * parts
    return Work(memory, 0.5 + parts * (0.005 + 3e-9 * _part(found)), parts * _part(found), found.climatology_bytes)


def _sums(found: Size) -> float:
    return min(32 * MB, _of_hours(found))


def _of_hours(found: Size) -> int:
    return FLOAT64 * found.steps_of_day * found.variables * found.points


def _part(found: Size) -> int:
    """The file of a month's statistics."""
    return _of_hours(found) + 2 * found.step_bytes


def shards_layout(config: Config) -> Work:
    """Opens all months one after the other and holds their coordinates."""
    found = size(config)
    memory = 84 + ((found.months + 8) * found.coordinate_bytes) / MB + 0.1 * found.months
    return Work(memory, 0.8 + 0.01 * found.months, found.months * (64 * 1024 + found.coordinate_bytes), MB)


def shards(config: Config, year: str) -> Work:
    """Copies 3 MB at a time; the months of a year are open at once, in each of the ranks on a node."""
    found = size(config)
    values = steps_of_year(config, year) * found.step_bytes
    one = max(3 * MB, found.step_bytes) + 12 * (MB / 2 + found.coordinate_bytes) + found.field_bytes
    memory = 76 + one / MB
    others = (RANKS_OF_SHARDS - 1) * (25 + (one - 12 * MB / 2) / MB)  # libraries are in memory once
    return Work(memory, 0.5 + 4e-9 * values, values, values, fixed_mb=others)


def damping(config: Config) -> Work:
    """Holds 2²¹ points of a variable and their climatology, and four arrays of them in double precision."""
    found, steps = size(config), steps_of_split(config, "train")
    held = min(steps, max(found.leads, 2**21 // found.points)) + found.leads
    arrays = held * (2 * found.field_bytes + 4 * FLOAT64 * found.points)
    tables = found.climatology_bytes + found.targets * found.table_bytes
    values = steps * found.points * found.targets
    memory, read = 68 + (arrays + tables) / MB, FLOAT32 * values
    seconds = 0.5 + (15e-9 + 1e-9 * found.leads) * values
    return Work(memory, seconds, read + found.climatology_bytes, 10_000, fixed_mb=mapped_mb(read))
