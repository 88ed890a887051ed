"""The data engine beside its peers: one command makes the input, runs everybody in turn and prints the tables.

`.venv/bin/python benchmarks/data.py --work /scratch/benchmark --readme`

It needs CDO on the path (without it the row says so), a network or a mirror for pip, and 15 GB below `--work`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from functools import cached_property, partial
from pathlib import Path

import inputs
from environments import own_command, prepared
from machine import cdo_version, described
from measuring import FailedError, run
from ours import Windrow, month_settings, years_settings
from rounds import Outcome, as_table, clear, compete, in_directory, setups, tell
from rows import Row, extract_row, shard_stages, shards_row, statistics_row, windows_row
from scaling import (
    Bench,
    Cost,
    Extrapolation,
    Line,
    by_days,
    by_domain,
    by_grid,
    by_ranks,
    by_variables,
    counted,
    line_through,
    memory_table,
    merging,
    per_message,
    scan_table,
)
from tables import duration, put_between

HERE = Path(__file__).parent
README = HERE / "README.md"
NEEDED_GB = {False: 15, True: 3}
ROWS = ("extract", "statistics", "shards", "windows", "scaling")


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="scratch directory, kept; default: a temporary one, removed")
    parser.add_argument("--runs", type=int, default=5, help="how often everybody runs (default: 5)")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS, help="default: all")
    parser.add_argument("--one-file-per", choices=("day", "month"), default="day", help="files of the archive")
    parser.add_argument("--months", type=int, default=36, help="months of shards, whole years (default: 36)")
    parser.add_argument("--quick", action="store_true", help="two days, one run: to see that it works, no figures")
    parser.add_argument(
        "--readme", action="store_true", help="write the tables into benchmarks/README.md if all went well"
    )
    args = parser.parse_args()
    if args.quick:
        args.runs, args.months = 1, 2
    elif args.months % 12:
        parser.error("--months must be whole years")
    if args.readme and (args.quick or set(args.rows) != set(ROWS)):
        parser.error("--readme needs all rows, and --quick gives no figures")
    return args


class Benchmark:
    """One run of everything: the rows measured so far, and what they need of each other."""

    def __init__(self, args: argparse.Namespace, work: Path) -> None:
        self.args, self.work = args, work
        self.cores = len(os.sched_getaffinity(0))
        self.command = own_command()
        self.pythons: dict[str, Path] = {}
        self.days = 2 if args.quick else 30
        self.bench = Bench(self.command, work, 1 if args.quick else 3, args.one_file_per)
        self.archive = self.bench.archive(self.days)
        self.month = Windrow(
            self.command, month_settings(work / "month.yaml", self.archive, self.days), work / "own"
        )
        self.years = Windrow(
            self.command, years_settings(work / "years.yaml", self.archive, args.months), work / "own-years"
        )
        self.measured: dict[str, list[Outcome]] = {}
        self.tables: list[str] = []

    def set_up(self) -> None:
        """Install the peers; without anemoi-datasets, whose dependencies are many, its row says so."""
        tell("installing the peers")
        self.pythons["peers"] = prepared(self.work, "peers")
        try:
            self.pythons["anemoi"] = prepared(self.work, "anemoi")
        except RuntimeError as problem:
            tell(str(problem))

    def row(self, row: Row) -> None:
        """Measure one row."""
        outcomes = compete(row, self.work, runs=self.args.runs, at_once=self.cores, warm_up=not self.args.quick)
        self.measured[row.key] = outcomes
        table = as_table(row, outcomes)
        self.tables.append(table)
        print(f"\n{table}", flush=True)

    def files(self) -> list[Path]:
        """The archive's files."""
        return sorted(self.archive.glob("*/*/*.grb"))

    def extract(self) -> None:
        """Row 1, on an archive that is in the page cache."""
        run([[["sh", "-c", f"cat '{self.archive}'/*/*/*.grb > /dev/null"]]], self.work / "logs" / "cat")
        has_cdo = cdo_version() is not None
        self.row(extract_row(self.month, self.files(), self.pythons["peers"], self.work, cdo=has_cdo))
        clear([self.work / "extract"])

    def statistics(self) -> None:
        """Row 2."""
        self.row(statistics_row(self.month, self.extracted_month, self.pythons["peers"], self.work))

    @cached_property
    def extracted_month(self) -> Path:
        """The month of row 1, made if that row was not asked for."""
        if "extract" not in self.measured:
            clear([self.month.inventory_file, self.month.month_file])
            run([[self.month.inventory()], [self.month.extract()]], self.work / "logs" / "month")
        return self.month.month_file

    @cached_property
    def months(self) -> list[Path]:
        """The months of row 3: that month again and again."""
        return inputs.months(self.work, self.extracted_month, self.args.months)

    def shards(self) -> None:
        """Row 3; the store stays for row 4."""
        self.row(shards_row(self.years, self.months, self.pythons["peers"], self.work, cores=self.cores))
        clear([self.work / "shards"])

    def windows(self) -> None:
        """Row 4."""
        months, store = self.months, self.years.shards
        if "shards" not in self.measured:
            clear([store])
            run(shard_stages(self.years, months, together=True), self.work / "logs" / "store", at_once=self.cores)
        counts = {"fast": 256, "slow": 64} if self.args.quick else {"fast": 4096, "slow": 1024}
        steps = inputs.hours(months)
        self.row(windows_row(store, steps, self.pythons, self.anemoi_store(months), self.work, windows=counts))
        note = setups(self.measured["windows"])
        self.tables.append(note)
        print(f"\n{note}")

    def anemoi_store(self, months: list[Path]) -> Path | str:
        """The store of anemoi-datasets, or why there is none."""
        if "anemoi" not in self.pythons:
            return "pip could not install it"
        try:
            return inputs.anemoi_store(self.work, self.pythons["anemoi"], months)
        except FailedError as problem:
            tell(str(problem))
            return "its store could not be written"

    def scaling(self) -> None:
        """Memory and cost by size, and the extrapolation."""
        small, days = (1, (1, 2)) if self.args.quick else (10, (2, 10, 30))
        months = self.months
        costs = by_days(self.bench, days)
        count, merge = merging(self.bench, self.years.settings, months, at_once=self.cores)
        ranks = by_ranks(self.bench, self.years.settings, months)
        layout = costs["shards_layout"][days[-1]].middle
        jobs = -(-len(months) // 12)
        job = (ranks["1"].middle - layout) / jobs
        more = {
            "statistics": (f"{count} months", merge),
            "shards": (f"{len(months)} months, layout and {jobs} jobs", ranks["1"]),
        }
        extract = line_through(costs["extract"], 72)
        inventory = line_through(costs["inventory"], 72)
        start = costs["shards"][days[0]].middle
        extrapolation = Extrapolation(
            inventory=inventory,
            extract=extract,
            statistics=line_through(costs["statistics_month"], 24),
            merge=_line(costs["statistics"][days[-1]], 1, merge, count),
            layout_s=layout,
            shards=Line(start, max(0.0, job - start) / min(12, len(months))),
        )
        tables = [
            "**Time and peak memory of each step**, measured",
            memory_table(costs, more),
            f"From these, for a month's job: `inventory` {per_message(inventory)} message, "
            f"`extract` {per_message(extract)} message.",
            "**inventory + extract by what is asked for**, measured",
            scan_table(f"variables of {self.days} days", by_variables(self.bench, self.days)),
            scan_table(f"global grid, {small} days, 92 × 56 points", by_grid(self.bench, small)),
            scan_table(f"domain, {small} days, 0.25°", by_domain(self.bench, small)),
            "**shards by MPI ranks**, measured",
            scan_table(f"ranks, {len(months)} months", ranks),
            "**Thirteen years (2007 – 2019) of hourly global 0.25° ERA5, 3 variables, 92 × 56 points**: what the "
            "work needs, counted",
            counted(),
            "What it would take, computed from the figures above; without Snakemake's and the queue's own time, and "
            "with an archive that delivers its pages as fast as memory",
            extrapolation.table(at_once=self.cores),
        ]
        self.tables += tables
        print("\n" + "\n\n".join(tables), flush=True)


def _line(one: Cost, count: int, other: Cost, other_count: int) -> Line:
    each = max(0.0, (other.middle - one.middle) / max(1, other_count - count))
    return Line(one.middle - each * count, each)


def measure(args: argparse.Namespace, work: Path) -> int:
    """Run the rows; 1 if anything failed."""
    work.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(work).free / 1e9
    if free < NEEDED_GB[args.quick]:
        tell(f"{work} has {free:.0f} GB free and {NEEDED_GB[args.quick]} are needed; give another --work")
        return 2
    begun = time.monotonic()
    tell(f"writing the input below {work}")
    benchmark = Benchmark(args, work)
    benchmark.set_up()
    machine = described(work, benchmark.pythons)
    print(machine, flush=True)
    complete = True
    for name in args.rows:
        try:
            getattr(benchmark, name)()
        except FailedError as problem:
            tell(f"{name} FAILED: {problem}")
            complete = False
    outcomes = [one for some in benchmark.measured.values() for one in some]
    complete &= all(one.problem == one.contender.unavailable for one in outcomes)
    took = f"{args.runs} counted runs of everybody, in turn; the whole took {duration(time.monotonic() - begun)}."
    print(f"\n{took}")
    if args.readme and complete:
        content = "\n\n".join([machine, took, *benchmark.tables])
        README.write_text(put_between(README.read_text(encoding="utf-8"), "data", content), encoding="utf-8")
    return 0 if complete else 1


def main() -> int:
    """Run in the given directory or in a temporary one."""
    args = arguments()
    return in_directory(args.work, partial(measure, args))


if __name__ == "__main__":
    sys.exit(main())
