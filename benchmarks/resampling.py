"""The block bootstrap over a year of scores, beside the loop over resamples: prints a table.

`.venv/bin/python benchmarks/resampling.py /scratch/benchmark/forecasts-365/scores.nc --readme`

The scores are those that `benchmarks/verification.py` leaves in its scratch directory; any other `scores.nc` does, too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr
from machine import as_list, computer, today
from tables import markdown, middle, put_between, spread

from windrow.verification.aggregate import available, read_scores, samples, select
from windrow.verification.bootstrap import Draws, band, draw_blocks, resample

README = Path(__file__).parent / "README.md"
BLOCK_DAYS, RESAMPLES, SEED = 7, 1000, 42
MOST_S = 2.0
AGREE = 0.05  # of the width of a band; both are random


def main() -> None:
    """Time all of it a few times and one loop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path)
    parser.add_argument("--runs", type=int, default=5, help="default: 5; the loop runs once")
    parser.add_argument("--readme", action="store_true", help="write the table into benchmarks/README.md")
    args = parser.parse_args()
    scores = select(read_scores(args.scores)).load()

    names = available(scores)
    bands: dict[str, xr.DataArray] = {}

    def all_scores() -> None:
        drawn = draws(scores)
        bands.update({name: band(resample(scores, name, drawn), drawn) for name in names})

    def rmse() -> None:
        drawn = draws(scores)
        band(resample(scores, "rmse", drawn), drawn)

    every, one = ([seconds(work) for _ in range(args.runs)] for work in (all_scores, rmse))
    looped: list[np.ndarray] = []
    loop = [seconds(lambda: looped.append(loop_over_resamples(scores)))]
    check(bands["rmse"].transpose("band", ...).values, looped[0])

    series = sum(found.size // 2 for found in bands.values())
    reached = "reached" if np.median(every) <= MOST_S else "missed"
    rows = [
        [
            f"windrow, {len(names)} scores, {series} series",
            middle(every),
            spread(every),
            f"{MOST_S:g} s, {reached}",
        ],
        [f"windrow, RMSE alone, {looped[0].size // 2} series", middle(one), spread(one), ""],
        ["NumPy, RMSE alone, one resample after the other", middle(loop), spread(loop), ""],
    ]
    table = "\n\n".join(
        [
            as_list([*computer(args.scores, ("windrow", "numpy", "scipy", "xarray")), today()]),
            f"**{RESAMPLES} resamples of {scores.sizes['init_time']} initial times and their 5–95 % bands**",
            markdown(["", "median", "shortest – longest", "to reach"], rows),
        ]
    )
    print(table)
    if args.readme:
        README.write_text(put_between(README.read_text(), "resampling", table))


def draws(scores: xr.Dataset) -> Draws:
    """The blocks of every resample."""
    times = scores["init_time"].values
    return draw_blocks(times, block_days=BLOCK_DAYS, resamples=RESAMPLES, seed=SEED, moving=True)


def seconds(work: Callable[[], None]) -> float:
    """How long something takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def loop_over_resamples(scores: xr.Dataset) -> np.ndarray:
    """Bands of the RMSE as one writes them first: the samples of the drawn days, and their mean."""
    mse = samples(scores, "mse").transpose("init_time", ...)
    times, values = mse["init_time"].values, mse.values
    day = (times - times.min()) // np.timedelta64(1, "D")
    days = int(day.max()) + 1
    of_day = [np.flatnonzero(day == number) for number in range(days)]
    random = np.random.default_rng(SEED)
    found = []
    for _ in range(RESAMPLES):
        firsts = random.integers(days, size=days // BLOCK_DAYS)
        chosen = (firsts[:, None] + np.arange(BLOCK_DAYS)).ravel() % days
        found.append(np.sqrt(values[np.concatenate([of_day[number] for number in chosen])].mean(axis=0)))
    return np.quantile(found, (0.05, 0.95), axis=0)


def check(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Whether two bands agree as far as their resamples are others."""
    ends, theirs = ours.reshape(2, -1), theirs.reshape(2, -1)
    off = np.abs(ends - theirs).max(axis=0) / (theirs[1] - theirs[0])
    print(f"the ends of the bands differ by at most {off.max():.2g} of their width")
    if off.max() > AGREE:
        raise SystemExit("the two bands are not the same")


if __name__ == "__main__":
    main()
