"""What a cluster allows: from SLURM itself where it is there, else from the variables of the profile."""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

TIMEOUT_S = 30
UNLIMITED = {"infinite", "unlimited"}


@dataclass(frozen=True)
class Partition:
    """Limits of a partition, and what its largest node has; None where that is not known."""

    name: str
    minutes: int | None = None
    nodes: int | None = None
    cpus: int | None = None
    memory_mb: int | None = None
    gpus: int | None = None


@dataclass(frozen=True)
class Site:
    """Its partitions, and how many jobs one may have; `told_by` says where this is from."""

    partitions: dict[str, Partition]
    told_by: str
    array_size: int | None = None
    submitted: int | None = None


def site_of(profile: Path | None, *, on_cluster: bool) -> Site:
    """The limits that apply, by the best source there is; none for work on this machine."""
    if not on_cluster:
        return Site({}, "")
    listed = _output("sinfo", "--noheader", "--format=%R|%l|%D|%c|%m|%G")
    if listed:
        site = Site(parse_partitions(listed), "SLURM")
        site = replace(site, array_size=parse_array_size(_output("scontrol", "show", "config")))
        allowed = _output(
            "sacctmgr",
            "--noheader",
            "--parsable2",
            "show",
            "associations",
            f"user={getpass.getuser()}",
            "format=MaxSubmitJobs",
        )
        return replace(site, submitted=parse_submitted(allowed))
    return site_of_profile(_variables(profile))


def _output(*command: str) -> str:
    """What a command prints; nothing where it is not there or fails."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode else done.stdout


def parse_partitions(listed: str) -> dict[str, Partition]:
    """The partitions that `sinfo --format=%R|%l|%D|%c|%m|%G` prints: a line per kind of node."""
    found: dict[str, Partition] = {}
    for line in filter(None, map(str.strip, listed.splitlines())):
        name, limit, nodes, cpus, memory, gres = line.split("|")
        known = found.get(name, Partition(name, parse_minutes(limit), 0, 0, 0, 0))
        found[name] = Partition(
            name,
            known.minutes,
            (known.nodes or 0) + int(nodes),
            max(known.cpus or 0, _leading_number(cpus)),
            max(known.memory_mb or 0, _leading_number(memory)),
            max(known.gpus or 0, count_gpus(gres)),
        )
    return found


def _leading_number(text: str) -> int:
    """`48+`, where the nodes differ, is at least 48."""
    found = re.match(r"\d+", text)
    return int(found[0]) if found else 0


def count_gpus(gres: str) -> int:
    """GPUs of `gpu:2`, `gpu:a100:4(S:0-1)` or `gpu:a100:2,gpu:v100:1`; of a job or of a node."""
    return sum(int(number or 1) for number in re.findall(r"\bgpu(?::[A-Za-z_]\w*)?(?::(\d+))?", gres))


def parse_minutes(limit: str) -> int | None:
    """A time limit as SLURM writes it: `1-00:00:00`, `12:00:00`, `30:00`, `infinite`."""
    if limit.lower() in UNLIMITED:
        return None
    days, _, clock = limit.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    hours, minutes = (parts[-3], parts[-2]) if len(parts) == 3 else (0, parts[0])
    return 1440 * int(days or 0) + 60 * hours + minutes


def parse_array_size(config: str) -> int | None:
    """`MaxArraySize` of `scontrol show config`; the largest index is one less."""
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", config, flags=re.M)
    return int(found[1]) - 1 if found else None


def parse_submitted(allowed: str) -> int | None:
    """The lowest `MaxSubmitJobs` of the user's associations, if there is any."""
    numbers = [int(line) for line in allowed.split() if line.isdigit()]
    return min(numbers, default=None)


def site_of_profile(variables: dict[str, Any]) -> Site:
    """What the block of variables at the head of a profile says."""
    hours = variables.get("hours")
    minutes = round(60 * hours) if isinstance(hours, int | float) else None
    found: dict[str, Partition] = {}
    for kind in ("cpu", "mem", "gpu"):
        name = variables.get(kind)
        if isinstance(name, str):
            gpus = variables.get("gpus_per_node", 0) if kind == "gpu" else 0
            known = found.get(name, Partition(name))
            found[name] = Partition(name, minutes, gpus=max(known.gpus or 0, gpus if isinstance(gpus, int) else 0))
    return Site(found, "the profile's variables" if found else "")


def _variables(profile: Path | None) -> dict[str, Any]:
    """The block `__variables__` of a profile, as it stands there."""
    if profile is None:
        return {}
    path = profile if profile.is_file() else profile / "config.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return {}
    variables = content.get("__variables__") if isinstance(content, dict) else None
    return variables if isinstance(variables, dict) else {}
