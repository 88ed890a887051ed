"""What the figures were taken on."""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from environments import versions
from tables import size

OURS = ("windrow", "numpy", "eccodes", "gribjumplib", "netCDF4", "zarr", "mpich")
PEERS = ("cfgrib", "xarray", "dask", "netCDF4", "eccodes", "pygribjump", "zarr", "xbatcher", "numpy")
ANEMOI = ("anemoi-datasets", "zarr", "numpy")


def described(work: Path, environments: dict[str, Path]) -> str:
    """The machine, the software and the day, as a list in Markdown."""
    lines = [*computer(work, OURS), f"peers: {_listed(environments['peers'], PEERS)}"]
    if "anemoi" in environments:
        lines.append(f"in an environment of its own: {_listed(environments['anemoi'], ANEMOI)}")
    if found := cdo_version():
        lines.append(f"CDO {found}")
    return as_list([*lines, today()])


def computer(work: Path, packages: tuple[str, ...]) -> list[str]:
    """The machine, and the versions of Python and of these packages."""
    return [
        f"{_cpu()}, {len(os.sched_getaffinity(0))} cores, {size(_memory())} of memory; {platform.system()} "
        f"{platform.release()}; scratch on {_file_system(work)}",
        f"Python {platform.python_version()}; {_listed(sys.executable, packages)}",
    ]


def today() -> str:
    """The day, and how busy the machine is."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{dt.date.today().isoformat()}; load when the benchmark began (1, 5, 15 min): {load}"


def as_list(lines: list[str]) -> str:
    """A list in Markdown."""
    return "\n".join(f"- {line}" for line in lines)


def cdo_version() -> str | None:
    """The version of CDO, if there is one on the path."""
    if shutil.which("cdo") is None:
        return None
    done = subprocess.run(["cdo", "--version"], capture_output=True, text=True)
    found = re.search(r"version (\S+)", done.stdout + done.stderr)
    return found[1] if found else "of an unknown version"


def _listed(python: Path | str, names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions(python, names).items())


def _cpu() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1].strip() if found else platform.machine()


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _file_system(path: Path) -> str:
    done = subprocess.run(["findmnt", "-n", "-o", "FSTYPE", "-T", str(path)], capture_output=True, text=True)
    return done.stdout.strip() or "an unknown file system"
