"""What is compared with what: every task, ours first, and the peers that do the same."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from measuring import Command
from ours import BLOCK_STEPS, FIRST_YEAR, VARIABLES, Domain, Windrow

HERE = Path(__file__).parent
GLOBAL_STEP = 0.25


@dataclass(frozen=True)
class Contender:
    """Somebody who does a task.

    Attributes
    ----------
    stages
        Commands; the stages run one after the other, the commands of a stage at once.
    results
        What is removed before each run.
    checks
        Commands that compare the result with ours.
    target
        How many times faster ours is to be.
    is_loop
        The time is that of a loop in the process, which it prints, per window.
    unavailable
        Why it cannot run here; then it has a row without figures.
    """

    name: str
    stages: Sequence[Sequence[Command]] = ()
    results: Sequence[Path] = ()
    checks: Sequence[Command] = ()
    target: float | None = None
    is_loop: bool = False
    unavailable: str = ""


@dataclass(frozen=True)
class Row:
    """A task; the first contender is what the others are compared with."""

    key: str
    title: str
    contenders: Sequence[Contender] = field(default_factory=tuple)


def check(kind: str, ours: Path, theirs: Path) -> Command:
    """Compare two results, in our environment."""
    return [sys.executable, HERE / "check.py", kind, ours, theirs]


def extract_row(windrow: Windrow, files: list[Path], python: Path, work: Path, *, cdo: bool) -> Row:
    """A month of global fields, cropped."""
    domain, ours = Domain(), windrow.month_file
    box = {name: f"--{name}={getattr(domain, name)}" for name in ("south", "north", "west", "east", "nx", "ny")}
    corner = [box["north"], box["west"], box["nx"], box["ny"]]
    out = {name: work / "extract" / f"{name}.nc" for name in ("cfgrib", "cdo", "eccodes", "gribjump")}
    crop = (
        f"-selname,{','.join(VARIABLES)} -sellonlatbox,{domain.west},{domain.east},{domain.south},{domain.north}"
    )
    columns = round(360 / GLOBAL_STEP)
    limit = work / "extract" / "limit.npy"
    peers = HERE / "peers"

    def peer(name: str, key: str, command: Command, target: float | None) -> Contender:
        return Contender(name, [[command]], [out[key]], [check("netcdf", ours, out[key])], target)

    return Row(
        "extract",
        f"inventory + extract: {len(files)} files, crop to {domain.nx} × {domain.ny}",
        (
            Contender("windrow", [[windrow.inventory()], [windrow.extract()]], [windrow.inventory_file, ours]),
            peer(
                *("cfgrib + xarray `.sel().to_netcdf()`", "cfgrib"),
                [python, peers / "crop_cfgrib.py", out["cfgrib"], *files, *list(box.values())[:4]],
                25.0,
            ),
            peer(
                *("CDO `-selname -sellonlatbox`", "cdo"),
                ["cdo", "-s", "-O", "-f", "nc4", "-mergetime", f"-apply,{crop}", "[", *files, "]", out["cdo"]],
                8.0,
            )
            if cdo
            else Contender("CDO `-selname -sellonlatbox`", target=8.0, unavailable="no `cdo` on the path"),
            peer(
                *("eccodes, every message decoded", "eccodes"),
                [python, peers / "crop_eccodes.py", out["eccodes"], *files, *corner],
                3.0,
            ),
            peer(
                *("pygribjump, a loop over files", "gribjump"),
                [python, peers / "crop_gribjump.py", out["gribjump"], *files, *corner],
                None,
            ),
            Contender(
                "the limit: one read a message, NumPy, nothing checked",
                [[_limit(python, limit, files, domain, columns)]],
                [limit],
                [check("limit", ours, limit)],
            ),
        ),
    )


def _limit(python: Path, output: Path, files: list[Path], domain: Domain, columns: int) -> Command:
    return [
        *(python, HERE / "peers" / "limit_crop.py", output, *files),
        f"--message-bytes={files[0].stat().st_size // 24 // len(VARIABLES) // _days(files[0])}",
        f"--row-points={columns}",
        f"--row={round((90 - domain.north) / GLOBAL_STEP)}",
        f"--column={round(domain.west / GLOBAL_STEP)}",
        *(f"--nx={domain.nx}", f"--ny={domain.ny}"),
    ]


def _days(path: Path) -> int:
    """Days in a file: its messages are a little larger than their packed values."""
    points = round(360 / GLOBAL_STEP) * (round(180 / GLOBAL_STEP) + 1)
    return round(path.stat().st_size / (2 * points * len(VARIABLES) * 24))


def statistics_row(windrow: Windrow, month: Path, python: Path, work: Path) -> Row:
    """Moments and the climatology of the extracted month."""
    found, climatology = work / "statistics" / "xarray.json", work / "statistics" / "xarray.nc"
    statistics, own_climatology = windrow.statistics_files
    peer = [python, HERE / "peers" / "statistics_xarray.py", month, found, climatology]
    return Row(
        "statistics",
        "statistics + climatology of that month",
        (
            Contender(
                "windrow",
                [[windrow.statistics_month()], [windrow.statistics()]],
                [windrow.part_file, *windrow.statistics_files],
            ),
            Contender(
                "xarray/Dask `.mean() .std() .min() .max() .diff() .groupby()`",
                [[peer]],
                [found, climatology],
                [check("statistics", statistics, found), check("netcdf", own_climatology, climatology)],
                5.0,
            ),
        ),
    )


def shards_row(windrow: Windrow, months: list[Path], python: Path, work: Path, *, cores: int) -> Row:
    """Blocks of training data out of the extracted months."""
    ranked = Windrow(windrow.command, windrow.settings, work / "shards" / "ranked")
    alone = Windrow(windrow.command, windrow.settings, work / "shards" / "alone")
    copy, synced, stack = (work / "shards" / name for name in ("copy", "synced", "stack"))
    gigabytes = sum(path.stat().st_size for path in months) / 1e9
    copied: Command = ["cp", "-r", windrow.shards, copy]
    flushed: Command = [
        "sh",
        "-c",
        f"cp -r '{windrow.shards}' '{synced}' && find '{synced}' -type f -exec sync {{}} +",
    ]
    stacked: Command = [
        *(python, HERE / "peers" / "stack_dask.py", stack, *months, "--block-steps", str(BLOCK_STEPS)),
    ]
    return Row(
        "shards",
        f"shards of {len(months)} months, {gigabytes:.1f} GB",
        (
            Contender(
                f"windrow, {cores} years at a time, as Snakemake runs them on {cores} cores",
                shard_stages(windrow, months, together=True),
                [windrow.shards],
            ),
            Contender(
                "windrow, one year after the other",
                shard_stages(alone, months, together=False),
                [alone.shards],
                [check("store", windrow.shards, alone.shards)],
            ),
            Contender(
                f"windrow, one year after the other, {cores} MPI ranks",
                shard_stages(ranked, months, together=False, ranks=cores),
                [ranked.shards],
                [check("store", windrow.shards, ranked.shards)],
            ),
            Contender("`cp -r` of the store", [[copied]], [copy], [check("copy", windrow.shards, copy)], 0.5),
            Contender(
                "`cp -r`, then `sync` of its files, as windrow does", [[flushed]], [synced],
                [check("copy", windrow.shards, synced)],
            ),
            Contender(
                "Dask `da.rechunk` + `da.to_npy_stack`", [[stacked]], [stack],
                [check("stack", windrow.shards, stack)], 5.0,
            ),
        ),
    )  # fmt: skip


def shard_stages(windrow: Windrow, months: list[Path], *, together: bool, ranks: int = 1) -> list[list[Command]]:
    """The layout, then the blocks of every year, all years in one stage or each in its own."""
    years = range(FIRST_YEAR, FIRST_YEAR + -(-len(months) // 12))
    jobs = [windrow.shards_of_year(year, _needed(year, months), ranks=ranks) for year in years]
    layout = [windrow.shards_layout(months)]
    return [layout, jobs] if together else [layout, *([job] for job in jobs)]


def _needed(year: int, months: list[Path]) -> list[Path]:
    """The months that a year's blocks hold: its own, and the first of the next for the block that runs over."""
    first = (year - FIRST_YEAR) * 12
    return months[first : first + 13]


def windows_row(
    store: Path, steps: int, pythons: dict[str, Path], anemoi: Path | str, work: Path, *, windows: dict[str, int]
) -> Row:
    """Random windows out of the store; `anemoi` is its own store or why there is none."""
    kept = work / "windows"

    def reader(
        name: str, key: str, python: Path | str, target: float | None, own: Path | None = None
    ) -> Contender:
        script, file = HERE / "peers" / f"windows_{key}.py", kept / f"{key}.npz"
        count = windows["fast"] if key in ("windrow", "numpy") else windows["slow"]
        options = ["--length", str(steps), "--windows", str(count), "--kept", file]
        command: Command = [python, script, own or store, *options]
        return Contender(name, [[command]], [file], [check("windows", store, file)], target, is_loop=True)

    if isinstance(anemoi, str):
        last = Contender("anemoi-datasets, its own store", target=10.0, is_loop=True, unavailable=anemoi)
    else:
        last = reader("anemoi-datasets, its own store", "anemoi", pythons["anemoi"], 10.0, anemoi)
    return Row(
        "windows",
        "one random window of 24 × 3 × 56 × 92, in batches of 32",
        (
            reader("windrow", "windrow", sys.executable, None),
            reader("NumPy copy out of memory", "numpy", pythons["peers"], 0.6),
            reader("zarr-python, the same store", "zarr", pythons["peers"], 10.0),
            reader("xbatcher on xarray, the same store", "xbatcher", pythons["peers"], 10.0),
            last,
        ),
    )
