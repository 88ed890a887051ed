"""How the cost of windrow's steps grows, their peak memory, and what thirteen years of ERA5 would take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from inputs import archive
from measuring import Command, run
from ours import FIRST_YEAR, VARIABLES, Domain, Windrow, april_settings, month_settings
from rounds import clear, tell
from rows import shard_stages
from tables import digits, duration, markdown, megabytes, size

PAGE = 4096
ERA5_YEARS = 13  # 2007 to 2019
ERA5_DAYS = 4748


@dataclass(frozen=True)
class Cost:
    """Seconds and peak memory of some runs of one step."""

    seconds: Sequence[float]
    peaks: Sequence[int]

    @property
    def middle(self) -> float:
        """The median time (s)."""
        return median(self.seconds)

    def __str__(self) -> str:
        return f"{duration(self.middle)}, {megabytes(self.peaks)}"


@dataclass(frozen=True)
class Bench:
    """What all scans need: the command, the scratch directory, the repetitions."""

    command: Path
    work: Path
    runs: int
    one_file_per: str

    def cost(self, stages: Sequence[Sequence[Command]], results: Sequence[Path], what: str) -> Cost:
        """Run something a few times."""
        seconds, peaks = [], []
        for _ in range(self.runs):
            clear(results)
            measured = run(stages, self.work / "logs" / "scan")
            seconds.append(measured.seconds)
            peaks.append(measured.peak_bytes)
        cost = Cost(seconds, peaks)
        tell(f"{what}: {cost}")
        return cost

    def archive(self, days: int, step: float = 0.25) -> Path:
        """The first days of April 2007 on a grid."""
        return archive(self.work, days, step=step, one_file_per=self.one_file_per)

    def windrow(self, name: str, settings: Callable[[Path], Path]) -> Windrow:
        """The steps in a directory of their own."""
        root = self.work / "scans" / name
        root.mkdir(parents=True, exist_ok=True)
        return Windrow(self.command, settings(root / "settings.yaml"), root)


def by_days(bench: Bench, days: Sequence[int]) -> dict[str, dict[int, Cost]]:
    """Every step on the first days of a month."""
    found: dict[str, dict[int, Cost]] = {}
    for count in days:
        root = bench.archive(count)
        own = bench.windrow(f"{count}-days", lambda path, a=root, n=count: month_settings(path, a, n))
        store = bench.windrow(f"{count}-days-store", lambda path, a=root: april_settings(path, a))
        months = [own.month_file]
        steps: dict[str, tuple[Command, list[Path]]] = {
            "inventory": (own.inventory(), [own.inventory_file]),
            "extract": (own.extract(), [own.month_file]),
            "statistics_month": (own.statistics_month(), [own.part_file]),
            "statistics": (own.statistics(), list(own.statistics_files)),
            "shards_layout": (store.shards_layout(months), [store.shards]),
            "shards": (
                store.shards_of_year(FIRST_YEAR, months),
                [store.shards / "blocks", store.shards / "data/c"],
            ),
        }
        for name, (command, results) in steps.items():
            found.setdefault(name, {})[count] = bench.cost([[command]], results, f"{name}, {count} days")
    return found


def _crop(bench: Bench, name: str, root: Path, days: int, **choices: object) -> Cost:
    own = bench.windrow(name, lambda path: month_settings(path, root, days, **choices))  # type: ignore[arg-type]
    stages = [[own.inventory()], [own.extract()]]
    return bench.cost(stages, [own.inventory_file, own.month_file], f"inventory + extract, {name}")


def by_variables(bench: Bench, days: int) -> dict[str, Cost]:
    """Inventory and extract of one, two and three of the archive's variables."""
    return {
        str(count): _crop(bench, f"{count}-variables", bench.archive(days), days, variables=VARIABLES[:count])
        for count in (1, 2, 3)
    }


def by_grid(bench: Bench, days: int) -> dict[str, Cost]:
    """The same crop out of global grids of different sizes."""
    return {
        f"{step}°": _crop(
            *(bench, f"grid-{step}", bench.archive(days, step), days), domain=Domain(south=10.0, step=step)
        )
        for step in (1.0, 0.5, 0.25)
    }


def by_domain(bench: Bench, days: int) -> dict[str, Cost]:
    """Domains of different sizes out of the same archive."""
    return {
        f"{nx} × {ny}": _crop(
            *(bench, f"domain-{nx}", bench.archive(days), days), domain=Domain(south=10.0, nx=nx, ny=ny)
        )
        for nx, ny in ((46, 28), (92, 56), (184, 112), (368, 224))
    }


def by_ranks(bench: Bench, settings: Path, months: list[Path]) -> dict[str, Cost]:
    """The shards of all months, year after year, by the ranks of an MPI job."""
    costs = {}
    for ranks in (1, 2, 4):
        own = Windrow(bench.command, settings, bench.work / "scans" / f"ranks-{ranks}")
        stages = shard_stages(own, months, together=False, ranks=ranks)
        costs[str(ranks)] = bench.cost(stages, [own.shards], f"shards, {ranks} ranks")
        clear([own.shards])
    return costs


def merging(bench: Bench, settings: Path, months: list[Path], *, at_once: int) -> tuple[int, Cost]:
    """The merge of the statistics of all training months: how many they are, and its cost."""
    own = Windrow(bench.command, settings, bench.work / "scans" / "merge")
    jobs, parts = [], []
    for path in months[:-1]:
        year, month = path.parent.name, path.stem
        parts.append(own.results / f"{year}-{month}.nc")
        jobs.append(own.statistics_month(f"{year}-{month}", path, parts[-1]))
    clear(parts)
    run([jobs], bench.work / "logs" / "parts", at_once=at_once)
    return len(parts), bench.cost(
        [[own.statistics(*parts)]], own.statistics_files, f"statistics, {len(parts)} months"
    )


def memory_table(costs: dict[str, dict[int, Cost]], more: dict[str, tuple[str, Cost]]) -> str:
    """Time and peak memory of every step by the days of the month, and of some on more months."""
    days = list(next(iter(costs.values())))
    header = ["", *(f"{count} days" for count in days), "many months"]
    rows = []
    for name, by in costs.items():
        months, cost = more.get(name, ("", None))
        rows.append([f"`{name}`", *(str(by[count]) for count in days), f"{months}: {cost}" if cost else ""])
    return markdown(header, rows)


def scan_table(title: str, costs: dict[str, Cost]) -> str:
    """One scan as a table of two rows."""
    return markdown([title, *costs], [["median, peak", *map(str, costs.values())]])


@dataclass(frozen=True)
class Line:
    """A cost that grows with a count: `start` seconds, and `each` for one more."""

    start: float
    each: float

    def of(self, count: float) -> float:
        """Seconds."""
        return self.start + self.each * count


def line_through(costs: dict[int, Cost], units_per_day: int) -> Line:
    """The line through the smallest and the largest count; a cost that does not grow has no slope."""
    first, last = min(costs), max(costs)
    each = max(0.0, (costs[last].middle - costs[first].middle) / ((last - first) * units_per_day))
    return Line(costs[first].middle - each * first * units_per_day, each)


@dataclass(frozen=True)
class Extrapolation:
    """What was measured, as the arithmetic needs it."""

    inventory: Line  # by messages
    extract: Line  # by messages
    statistics: Line  # by hours
    merge: Line  # by months
    layout_s: float
    shards: Line  # a year's job, by months

    def steps(self) -> list[tuple[str, int, float]]:
        """Name, number of jobs and seconds of one job."""
        hours = ERA5_DAYS * 24 / (12 * ERA5_YEARS)  # of a mean month
        messages = hours * len(VARIABLES)
        months = 12 * ERA5_YEARS
        return [
            ("`inventory`", months, self.inventory.of(messages)),
            ("`extract`", months, self.extract.of(messages)),
            ("`statistics_month`", months, self.statistics.of(hours)),
            ("`statistics`", 1, self.merge.of(months)),
            ("`shards_layout`", 1, self.layout_s),
            ("`shards`", ERA5_YEARS, self.shards.of(12)),
        ]

    def table(self, *, at_once: int) -> str:
        """Hours of every step on one machine and with sixteen jobs."""
        rows, totals = [], [0.0, 0.0, 0.0]
        for name, jobs, seconds in self.steps():
            times = [-(-jobs // width) * seconds for width in (1, at_once, 16)]
            totals = [total + time for total, time in zip(totals, times, strict=True)]
            rows.append([name, str(jobs), duration(seconds), *map(duration, times)])
        header = ["", "jobs", "one job", "one after the other", f"{at_once} at a time", "16 at a time"]
        return markdown(header, [*rows, ["together", "", "", *map(duration, totals)]])


def counted() -> str:
    """The bytes and operations that the work needs, whoever does it."""
    domain = Domain()
    hours = ERA5_DAYS * 24
    messages = hours * len(VARIABLES)
    row_bytes, rows = 2 * round(360 / domain.step), round(180 / domain.step) + 1
    pages = -(-domain.ny * row_bytes // PAGE) if row_bytes < PAGE else domain.ny * (1 + -(-2 * domain.nx // PAGE))
    field = domain.nx * domain.ny
    rows_of_table = [
        ["hours, messages", f"{hours:,}, {messages:,}"],
        ["the archive", size(messages * row_bytes * rows)],
        ["packed values inside the domain", size(messages * field * 2)],
        [
            f"pages of 4 KiB that hold them ({pages} a message) and one for the header",
            size(messages * (pages + 1) * PAGE),
        ],
        ["reads, if each message takes two", f"{2 * messages:,}"],
        ["values to unpack, two operations each", f"{2 * messages * field / 1e9:.1f} × 10⁹"],
        ["extracted months written, read twice (statistics, shards)", size(messages * field * 4)],
        ["shards written", size(messages * field * 4)],
    ]
    return markdown(["needed", "counted"], rows_of_table)


def per_message(line: Line) -> str:
    """A line in words."""
    return f"{digits(line.start)} s + {duration(line.each)} each"
