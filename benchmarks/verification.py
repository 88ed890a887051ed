"""All scores beside xarray code and xskillscore: one command makes forecasts, runs everybody in turn, prints tables.

`.venv/bin/python benchmarks/verification.py --work /scratch/benchmark --readme`

It needs a network or a mirror for pip and 4 GB below `--work`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from functools import partial
from pathlib import Path

from environments import own_command, prepared, versions
from inputs import once
from machine import as_list, computer, today
from measuring import Command, FailedError, run
from rounds import as_table, compete, in_directory, tell
from rows import Contender, Row
from tables import duration, peaks_told, put_between

HERE = Path(__file__).parent
README = HERE / "README.md"
ROWS = {"month": 31, "year": 365}
OURS = ("windrow", "numpy", "scipy", "zarr", "netCDF4")
PEERS = ("xarray", "xskillscore", "xhistogram", "scikit-image", "scipy", "numpy", "zarr", "netCDF4")
FASTER, MOST_GB = 5.0, 1.0


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="scratch directory, kept; default: a temporary one, removed")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), help="default: all")
    parser.add_argument("--runs", type=int, default=3, help="how often everybody scores the month (default: 3)")
    parser.add_argument("--year-runs", type=int, default=1, help="and how often the year (default: 1)")
    parser.add_argument("--quick", action="store_true", help="two days, one run: to see that it works, no figures")
    parser.add_argument(
        "--readme", action="store_true", help="write the tables into benchmarks/README.md if all went well"
    )
    args = parser.parse_args()
    if args.quick:
        args.rows = ["month"]
    if args.readme and (args.quick or set(args.rows) != set(ROWS)):
        parser.error("--readme needs all rows, and --quick gives no figures")
    return args


def made(work: Path, days: int) -> Path:
    """Truth, climatology and one forecast an hour of so many days."""
    root = work / f"forecasts-{days}"
    writer = [sys.executable, HERE / "made_forecasts.py", root, f"--days={days}"]
    return once(root, f"forecasts of {days} days", lambda: _alone(writer, work / "logs" / "forecasts"))


def _alone(command: Command, log: Path) -> None:
    run([[command]], log)


def row(key: str, root: Path, python: Path, *, days: int, cores: int) -> Row:
    """One task: the scores of the model, of persistence and of climatology."""
    ours = root / "scores.nc"
    settings = (root / "settings.json").read_text()

    def own(threads: int, output: Path) -> Command:
        files = {"forecasts": "forecasts.zarr", "shards": "shards"}
        files |= {"climatology": "climatology.nc", "statistics": "statistics.json"}
        options = [part for name, file in files.items() for part in (f"--{name}", root / file)]
        return [
            *(own_command(), "verify", "--settings", settings, *options),
            *("--threads", str(threads), "--output", output),
        ]

    def check(theirs: Path) -> Command:
        return [sys.executable, HERE / "check_scores.py", ours, theirs]

    def peer(name: str, script: str, target: float | None) -> Contender:
        output = root / f"{script}.nc"
        command: Command = [python, HERE / "peers" / f"verify_{script}.py", root, output]
        return Contender(name, [[command]], [output], [check(output)], target)

    threaded = root / "scores-threads.nc"
    return Row(
        key,
        f"{days * 24 - 12} forecasts × 12 leads × 92 × 56: the model, persistence and climatology",
        (
            Contender("windrow, one thread", [[own(1, ours)]], [ours]),
            Contender(f"windrow, {cores} threads", [[own(cores, threaded)]], [threaded], [check(threaded)]),
            peer("xarray as in WeatherBench 2, scikit-image, SciPy, xhistogram: all scores", "xarray", FASTER),
            peer("xskillscore: MSE, MAE, bias, centred ACC, contingency tables only", "xskillscore", None),
        ),
    )


def measure(args: argparse.Namespace, work: Path) -> int:
    """Run the rows; 1 if anything failed."""
    work.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    cores = len(os.sched_getaffinity(0))
    tell("installing the peers")
    python = prepared(work, "verification")
    named = ", ".join(f"{name} {version}" for name, version in versions(python, PEERS).items())
    machine = as_list([*computer(work, OURS), f"peers: {named}", today()])
    print(machine, flush=True)
    measured, tables = {}, []
    complete = True
    for key in args.rows:
        days = 2 if args.quick else ROWS[key]
        runs = 1 if args.quick else args.runs if key == "month" else args.year_runs
        try:
            task = row(key, made(work, days), python, days=days, cores=cores)
        except FailedError as problem:
            tell(f"{key} FAILED: {problem}")
            complete = False
            continue
        warm_up = runs > 1
        measured[key] = compete(task, work, runs=runs, at_once=1, warm_up=warm_up)
        tables.append(as_table(task, measured[key]))
        tables.append(f"{runs} counted run{'s' * (runs > 1)} of everybody{', in turn' * warm_up}.")
        print("\n" + "\n\n".join(tables[-2:]), flush=True)
    complete &= not any(one.problem for found in measured.values() for one in found)
    peaks = {f"a {key}": [*found[0].peaks, *found[1].peaks] for key, found in measured.items()}
    tables.append(f"Peak memory of windrow: {peaks_told(peaks, MOST_GB)}.")
    print(f"\n{tables[-1]}\n\nThe whole took {duration(time.monotonic() - begun)}.")
    if args.readme and complete:
        content = "\n\n".join([machine, *tables])
        text = put_between(README.read_text(encoding="utf-8"), "verification", content)
        README.write_text(text, encoding="utf-8")
    return 0 if complete else 1


def main() -> int:
    """Run in the given directory or in a temporary one."""
    args = arguments()
    return in_directory(args.work, partial(measure, args))


if __name__ == "__main__":
    sys.exit(main())
