"""What an experiment moves and computes, counted from its config, and how long that takes on some nodes."""

from __future__ import annotations

import math
from calendar import monthrange
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tables import duration, markdown, size

from windrow import cuts
from windrow.config import Config
from windrow.months import days_of_month
from windrow.shards.layout import shape_of
from windrow.work.needs import need
from windrow.work.size import months_of_split, windows_of
from windrow.work.size import size as size_of
from windrow.work.trainings import leads_of_epochs

PAGE = 4096
NODES = (1, 16, 128)
MOST_GPUS = 512  # a training is given all that there are: its batch grows with them


@dataclass(frozen=True)
class Archive:
    """The grid that the archive's fields are on; they are packed with two bytes a value."""

    ny: int
    nx: int

    def message_bytes(self) -> int:
        """The packed values of a field."""
        return 2 * self.ny * self.nx

    def pages(self, rows: int) -> int:
        """Pages of 4 KiB that hold so many rows of a field, which lie one behind the other, and one for the header."""
        return 1 + -(-rows * 2 * self.nx // PAGE)


@dataclass(frozen=True)
class Machine:
    """A cluster: what it is assumed to be, not measured.

    Attributes
    ----------
    link, storage
        Bytes a second of a node, and of the file system with all nodes together.
    stream
        Bytes a second of one process.
    gpus
        Of a node.
    memory
        Of a node, that may hold files (bytes).
    """

    cores: int = 64
    gpus: int = 4
    memory: float = 200e9
    link: float = 10e9
    stream: float = 1e9
    storage: float = 10e9


@dataclass(frozen=True)
class Stage:
    """All jobs of a stage together.

    Attributes
    ----------
    processes
        That can work side by side in each job.
    on_gpus
        `cpu_seconds` are those of GPUs.
    gathered
        What a training takes out of the shards in all its epochs; from the file system where `read`, all that it
        looks at, does not fit into a node.
    """

    name: str
    jobs: int
    memory_mb: int
    cpu_seconds: float
    read: float
    written: float
    processes: int = 1
    on_gpus: bool = False
    gathered: float = 0.0

    def time(self, nodes: int, machine: Machine) -> tuple[float, str]:
        """Seconds on so many nodes, without the queue, and what limits them."""
        places = nodes * (machine.gpus if self.on_gpus else machine.cores)
        work = self.jobs * self.processes
        used = min(places, work)
        limits = {
            "GPUs" if self.on_gpus else "cores": self.cpu_seconds * math.ceil(work / used) / work,
            "file system": self._moved(nodes, machine) / machine.storage,
            "links": self._moved(nodes, machine) / (min(nodes, used) * machine.link),
            "reading": (self.read + self.written) / (used * machine.stream),
        }
        limit = max(limits, key=lambda name: limits[name])
        if used < places and limit in ("cores", "reading"):
            return limits[limit], f"only {used} process{'es' if used > 1 else ''}"
        return limits[limit], limit

    def node_hours(self, machine: Machine) -> float:
        """Of nodes whose cores or GPUs are all at work."""
        return self.cpu_seconds / (machine.gpus if self.on_gpus else machine.cores) / 3600

    def _moved(self, nodes: int, machine: Machine) -> float:
        if not self.gathered:
            return self.read + self.written
        return self.gathered if self.read / self.jobs > machine.memory else nodes * self.read


def stages(config: Config, archive: Archive, *, ranks: int, threads: int) -> list[Stage]:
    """Every stage of a config, in the order of the data, by the model of `windrow.work`."""
    found = size_of(config)
    months = [{"year": f"{year:04d}", "month": f"{month:02d}"} for year, month in config.months]
    trained = [one for one in months if days_of_month(config.splits.train, (int(one["year"]), int(one["month"])))]
    years = [{"year": str(year)} for year in cuts.blocks_by_year(config)]
    experiments = [{"experiment": name} for name in config.experiments]
    scored = [{**one, "split": split} for one in experiments for split in config.verification.splits]
    messages = steps_of(config) * found.variables
    read: dict[str, float] = {
        "inventory": messages * PAGE,
        "extract": messages * archive.pages(found.ny) * PAGE,
    }
    asked: list[tuple[str, list[dict[str, str]], int]] = [
        ("inventory", months, 1),
        ("audit", [{}], 1),
        ("extract", months, 1),
        ("statics", [{}], 1),
        ("statistics_month", trained, 1),
        ("statistics", [{}], 1),
        ("shards_layout", [{}], 1),
        ("shards", years, ranks),
        ("damping", [{}], 1),
        ("train", experiments, 0),
        ("forecast", scored, 0),
        ("verify", scored, threads),
        ("report", scored, 1),
        ("compare", [{"split": split} for split in config.verification.splits], 1),
    ]
    return [_stage(config, name, jobs, processes, read.get(name)) for name, jobs, processes in asked]


def _stage(config: Config, name: str, jobs: list[dict[str, str]], processes: int, read: float | None) -> Stage:
    needs = [need(name, config, threads=max(1, processes), **wildcards) for wildcards in jobs]
    return Stage(
        name=name,
        jobs=len(jobs),
        memory_mb=max(one.memory_mb for one in needs),
        cpu_seconds=sum(one.cpu_seconds for one in needs),
        read=sum(one.bytes_read for one in needs) if read is None else read,
        written=sum(one.bytes_written for one in needs),
        processes=processes or MOST_GPUS,
        on_gpus=processes == 0,
        gathered=sum(_gathered(config)) if name == "train" else 0.0,
    )


def _gathered(config: Config) -> list[float]:
    """Bytes that each epoch of all trainings takes out of the shards, with those of its validation."""
    found, windows = size_of(config), windows_of(config, "train")
    validated = windows_of(config, "validation") * found.window_steps
    return [
        (windows * (found.known_steps + leads) + validated) * found.step_bytes
        for one in config.experiments.values()
        for leads in leads_of_epochs(one.training, found)
    ]


def steps_of(config: Config) -> int:
    """Time steps of the whole period."""
    return sum(monthrange(year, month)[1] for year, month in config.months) * size_of(config).steps_of_day


def work_table(found: Iterable[Stage], machine: Machine) -> str:
    """What each stage asks for and moves."""
    rows = [
        [
            f"`{one.name}`",
            str(one.jobs),
            f"{one.memory_mb / 1000:.1f} GB",
            duration(one.cpu_seconds) + (" of GPUs" if one.on_gpus else ""),
            f"{hours:.3f}" if (hours := one.node_hours(machine)) >= 0.0005 else "< 0.001",
            size(one.read),
            size(one.written),
        ]
        for one in found
    ]
    names = ["", "jobs", "memory, of a node", "computing, all jobs", "node hours", "read", "written"]
    return markdown(names, rows)


def time_table(found: Iterable[Stage], machine: Machine) -> str:
    """How long each stage takes on some nodes, and why not less."""
    rows = []
    for one in found:
        cells = [one.time(nodes, machine) for nodes in NODES]
        rows.append([f"`{one.name}`", *(f"{duration(seconds)}, {limit}" for seconds, limit in cells)])
    return markdown(["", *(f"{nodes} node{'s' if nodes > 1 else ''}" for nodes in NODES)], rows)


def storage_table(found: list[Stage], machine_of: Callable[[float], Machine]) -> str:
    """The stages that move the archive and the shards, by the bandwidth of the file system."""
    moving = [one for one in found if one.name in ("inventory", "extract", "statistics_month", "shards")]
    rows = []
    for storage in (1e9, 10e9, 100e9):
        machine = machine_of(storage)
        totals = [sum(one.time(nodes, machine)[0] for one in moving) for nodes in NODES]
        rows.append([f"{size(storage)}/s", *map(duration, totals)])
    return markdown(["file system", *(f"{nodes} node{'s' if nodes > 1 else ''}" for nodes in NODES)], rows)


def layout_table(configs: dict[str, tuple[Config, Archive]]) -> str:
    """Counts of the archive, the shards and the windows."""
    columns = [_counts(config, archive) for config, archive in configs.values()]
    return markdown(["", *configs], [[name, *(column[name] for column in columns)] for name in columns[0]])


def _counts(config: Config, archive: Archive) -> dict[str, str]:
    found, shape = size_of(config), shape_of(cuts.layout(config))
    steps = steps_of(config)
    blocks = sum(map(len, cuts.blocks_by_year(config).values()))
    window = found.window_steps * found.step_bytes
    windows, gathered = windows_of(config, "train"), _gathered(config)
    return {
        "time steps": f"{steps:,}",
        "fields": f"{steps * found.variables:,}",
        "the archive's values, packed": size(steps * found.variables * archive.message_bytes()),
        "of them inside the domain": size(steps * found.variables * found.points * 2),
        "extracted, and again as shards": size(steps * found.step_bytes),
        "a time step in the shards": size(shape.step_bytes),
        "a block": f"{shape.steps} steps, {size(shape.file_bytes)}",
        "blocks, each a file": f"{blocks:,}",
        "months of training statistics": f"{months_of_split(config, 'train')}",
        "a window of training": size(window),
        "windows of training": f"{windows:,}",
        "gathered in an epoch": " to ".join(dict.fromkeys((size(min(gathered)), size(max(gathered))))),
    }
