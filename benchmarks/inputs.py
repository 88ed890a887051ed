"""What the rows read: the archive, many months, and the store of anemoi-datasets."""

from __future__ import annotations

import calendar
import json
import sys
from collections.abc import Callable
from pathlib import Path

from measuring import run
from ours import FIRST_YEAR, VARIABLES
from rounds import clear, tell

HERE = Path(__file__).parent
ANEMOI_STEPS = 720  # the package writes these itself


def once(root: Path, what: str, make: Callable[[], None]) -> Path:
    """A directory that is there already, or is made now; one that is half done is made anew."""
    marker = root / "complete"
    if not marker.exists():
        tell(f"making {what}")
        clear([root])
        root.mkdir(parents=True)
        make()
        marker.touch()
    return root


def archive(work: Path, days: int, *, step: float = 0.25, one_file_per: str = "day") -> Path:
    """The first days of April 2007 on a global grid."""
    root = work / f"archive-{days}-{step}-{one_file_per}"
    options = ["--first=2007-04-01", f"--days={days}", f"--step={step}", f"--one-file-per={one_file_per}"]
    writer = [sys.executable, HERE / "archive.py", root, *options]
    return once(root, f"{days} days of GRIB at {step}°", lambda: _alone(writer, work, "archive"))


def months(work: Path, source: Path, count: int) -> list[Path]:
    """Months from January 2007 on that hold the fields of an extracted month again and again; always made anew."""
    root = work / "months"
    tell(f"making {count} extracted months")
    clear([root])
    copier = [sys.executable, HERE / "replicate.py", source, root]
    copier += [f"--first-year={FIRST_YEAR}", f"--months={count}"]
    _alone(copier, work, "months")
    return sorted(root.glob("*/*.nc"))


def hours(paths: list[Path]) -> int:
    """Hours of whole months `YYYY/MM.nc`, by the calendar."""
    return sum(24 * calendar.monthrange(int(path.parent.name), int(path.stem))[1] for path in paths)


def anemoi_store(work: Path, python: Path, paths: list[Path]) -> Path:
    """The same months as anemoi-datasets stores them.

    Raises
    ------
    FailedError
        If the package cannot write it.
    """
    root = work / f"anemoi-{len(paths)}"
    store, recipe = root / "store.zarr", root / "recipe.yaml"

    def make() -> None:
        last = f"{FIRST_YEAR}-01-{ANEMOI_STEPS // 24:02d}T23:00:00"
        dates = {"start": f"{FIRST_YEAR}-01-01T00:00:00", "end": last, "frequency": "1h"}
        source = {"netcdf": {"path": str(paths[0]), "param": VARIABLES}}
        recipe.write_text(json.dumps({"dates": dates, "input": source}))
        _alone([python.with_name("anemoi-datasets"), "create", recipe, store], work, "anemoi-create")
        extend = [python, HERE / "peers" / "extend_anemoi.py", store]
        _alone([*extend, f"--first-year={FIRST_YEAR}", f"--months={len(paths)}"], work, "anemoi-extend")

    once(root, "the store of anemoi-datasets", make)
    return store


def _alone(command: list[str | Path], work: Path, name: str) -> None:
    run([[command]], work / "logs" / name)
