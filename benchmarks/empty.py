"""A project of empty files, whose stages make empty files: what is left is Snakemake's own work."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from measuring import Command

HERE = Path(__file__).parent
ROOT = HERE.parent
PARTS = ("Snakefile", "workflow", "profiles", "config", "src", "envs")

STAGE = """\
#!/bin/sh
# Makes the files that a stage is asked for, unless they are there: those are what it reads.
stage=$1
make() {
    case $1 in *.zarr) mkdir -p "$1" ;; *) [ -e "$1" ] || : > "$1" ;; esac
}
while [ $# -gt 1 ]; do
    case $stage$1 in
        train--work | *--shards | *--extracted | *--archive* | *--settings) ;;
        *--output | *--statistics | *--climatology | *--model | *--history | *--report | *--table)
            case $2 in --*) ;; *) make "$2" ;; esac ;;
    esac
    if [ "$stage$1" = shards_layout--shards ]; then
        for array in data time variable latitude longitude; do
            mkdir -p "$2/$array/c" && make "$2/$array/zarr.json" && make "$2/$array/c/0"
        done
        rm "$2/data/c/0" && make "$2/zarr.json"
    fi
    shift
done
"""

JOB = """\
while read -r path; do
    mkdir -p "${path%/*}"
    case $path in *.zarr) mkdir -p "$path" ;; *) : > "$path" ;; esac
done"""

SUBMIT = """\
#!{python}
# Submits what it is given to the real sbatch, with an empty job in the place of Snakemake's.
import json, os, re, subprocess, sys, time
wrapped = next(place for place, word in enumerate(sys.argv) if word.startswith("--wrap"))
text = sys.argv[wrapped].partition("=")[2] or sys.argv[wrapped + 1]
targets = text.partition("--target-jobs")[2].partition(" --")[0]
outputs = json.load(open({outputs!r}))
paths = [path for job in re.findall(r"[a-z_]+:[^\\s'\\"]*", targets) for path in outputs[job]]
listed = os.path.join({listed!r}, str(os.getpid()))
open(listed, "w").writelines(path + "\\n" for path in paths)
sys.argv[wrapped:] = ["--wrap", {job!r} + " < " + listed]
begun = time.time()
done = subprocess.run([{sbatch!r}, *sys.argv[1:]])
open({times!r}, "a").write(f"{{begun}} {{time.time() - begun}} {{len(paths)}}\\n")
sys.exit(done.returncode)
"""


@dataclass(frozen=True)
class Case:
    """A config and how the files of its archive are named: every hour's, or every day's."""

    config: str
    archive: str
    first: int
    last: int
    every_hours: int
    names: tuple[str, ...]

    def files(self) -> Iterator[str]:
        """All names below the archive's root."""
        time, step = dt.datetime(self.first, 1, 1), dt.timedelta(hours=self.every_hours)
        while time.year <= self.last:
            for name in self.names:
                yield f"{time:%Y/%m/}{time.strftime(name)}"
            time += step


CASES = (
    Case("gmd2022", "era5-gmd", 2007, 2019, 1, ("%Y%m%d%H_sf.grb", "%Y%m%d%H_ml.grb")),
    Case("global15", "era5-global15", 1980, 2019, 24, ("%Y%m%d.grb",)),
)


def make_archive(case: Case, root: Path) -> int:
    """Make the empty files that are not there; how many the archive has."""
    count, made = 0, set()
    for name in case.files():
        path = root / name
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        path.touch()
        count += 1
    return count


@dataclass(frozen=True)
class Project:
    """A copy of the workflow with an archive of empty files and a `windrow` that makes empty files."""

    path: Path
    case: Case

    @classmethod
    def create(cls, path: Path, case: Case, archives: Path) -> Project:
        """Copy the workflow as it is now."""
        path.mkdir(parents=True, exist_ok=True)
        for name in PARTS:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(
                    source, path / name, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
                )
            else:
                shutil.copy(source, path / name)
        (path / "data").mkdir(exist_ok=True)
        link = path / "data" / case.archive
        link.unlink(missing_ok=True)
        link.symlink_to(archives / case.archive)
        binaries = path / "bin"
        binaries.mkdir(exist_ok=True)
        _write_program(binaries / "windrow", STAGE)
        return cls(path, case)

    def command(self, *options: str | Path) -> Command:
        """Snakemake in the project."""
        binaries = f"{self.path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = [f"PATH={binaries}", f"PYTHONPATH={self.path / 'src'}"]
        snakemake = [sys.executable, "-m", "snakemake", "--configfile", f"config/{self.case.config}.yaml"]
        return ["env", "-C", self.path, *environment, *snakemake, *options]

    def forget(self) -> None:
        """Remove what a run made, and Snakemake's memory of it."""
        for name in ("results", "logs", ".snakemake"):
            shutil.rmtree(self.path / name, ignore_errors=True)

    def prepare_submissions(self, dry_run: str, sbatch: Path) -> Path:
        """Let empty jobs be submitted; where the time of each submission will be written."""
        outputs, times, listed = self.path / "outputs.json", self.path / "submissions.txt", self.path / "listed"
        outputs.write_text(json.dumps(outputs_of(dry_run)), encoding="utf-8")
        times.unlink(missing_ok=True)
        listed.mkdir(exist_ok=True)
        places = {name: str(path) for name, path in (("outputs", outputs), ("times", times), ("listed", listed))}
        _write_program(
            self.path / "bin" / "sbatch",
            SUBMIT.format(python=sys.executable, sbatch=str(sbatch), job=JOB, **places),
        )
        return times


def _write_program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def blocks(dry_run: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The jobs that a dry-run lists: the rule, and what stands behind each of its words."""
    for found in re.finditer(r"^ *(?:local)?rule (\w+):\n((?: +\w[\w ]*:.*\n)+)", dry_run, flags=re.M):
        yield found[1], dict(re.findall(r"^ +(\w[\w ]*): (.*)$", found[2], flags=re.M))


def outputs_of(dry_run: str) -> dict[str, list[str]]:
    """Outputs and benchmark file of each job, by its name within Snakemake: `extract:year=2007,month=01`."""
    found = {}
    for rule, words in blocks(dry_run):
        wildcards = words.get("wildcards", "").replace(", ", ",")
        made = [words[word] for word in ("output", "benchmark") if word in words]
        found[f"{rule}:{wildcards}"] = ", ".join(made).split(", ")
    return found


def queue_entries(dry_run: str) -> tuple[int, int]:
    """Groups, and jobs that are submitted by themselves."""
    groups = re.findall(r"^(?:\[.*\] )?[Gg]roup job ", dry_run, flags=re.M)
    return len(groups), len(re.findall(r"^rule (?!all)\w+:", dry_run, flags=re.M))
