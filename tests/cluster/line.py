"""The workflow on the test cluster: projects whose profile has been fitted to it as a user does it."""

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.cluster import Cluster, wait_for
from tests.workflow.conftest import Project
from windrow.testing import write_tiny_archive

HERE = Path(__file__).parent
SITE = {"gpus_per_node": "2", "cores_per_gpu": "2", "cores_per_node": "4", "ranks": "2", "accounting": "false"} | {
    "warn_seconds": "60"
}
MONTHS = ((2007, 1), (2008, 1))
HELD_S = 150
END_S = 20


@dataclass(frozen=True)
class Start:
    """One process of a step of windrow, as it noted itself."""

    stage: str
    output: str
    job: str
    rank: str


@dataclass(frozen=True)
class Held:
    """A process that waits in the midst of its work."""

    job: int
    marker: Path

    def release(self) -> None:
        """Let it go on; one that was killed is forgotten."""
        self.marker.unlink()


@dataclass(frozen=True)
class Run:
    """A Snakemake that has been started."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text()

    def ended(self, within_s: float) -> int:
        """The exit code; one that takes longer is interrupted, then killed, and the test fails."""
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.end()
            raise TimeoutError(f"the workflow did not end within {within_s:g} s:\n{self.output}") from None

    def end(self) -> None:
        for number in (signal.SIGINT, signal.SIGKILL):
            self.process.send_signal(number)
            try:
                self.process.wait(END_S)
            except subprocess.TimeoutExpired:
                continue
            return

    def succeeded(self, within_s: float) -> str:
        assert self.ended(within_s) == 0, self.output
        return self.output

    def failed(self, within_s: float) -> str:
        assert self.ended(within_s) == 1, self.output
        return self.output


class Line(Project):
    """A checkout with an archive of two months and one experiment, run by SLURM or on this machine."""

    @classmethod
    def new(cls, path: Path) -> "Line":
        project = cls.create(path)
        (path / "watched").mkdir()
        write_tiny_archive(path / "archive", months=MONTHS, variables=("2t", "tcc"))
        project.config["dataset"]["period"] = [{"years": "2007-2008", "months": 1}]
        project.config["splits"] = {
            "train": [["2007-01-01", "2007-01-31"]],
            "validation": [["2008-01-01", "2008-01-12"]],
            "test": [["2008-01-18", "2008-01-31"]],
        }
        del project.config["experiments"]["convlstm"]
        project.config["experiments"]["cnn"]["training"] |= {"epochs": 6, "checkpoint_minutes": 1e-6}
        project.write_config()
        project.fit_profile()
        return project

    def copy(self, path: Path) -> "Line":
        """Another checkout with the same files, as old as they are, and the same memory of what was run."""
        shutil.copytree(self.path, path, ignore=shutil.ignore_patterns("watched", "*.log.txt"))
        (path / "watched").mkdir()
        other = Line(path)
        other.config = yaml.safe_load((path / "config.yaml").read_text())
        return other

    def fit_profile(self, **site: str) -> None:
        """Edit the block at the top of the profile."""
        path = self.path / "profiles" / "slurm" / "config.yaml"
        text = path.read_text()
        for name, value in (SITE | site).items():
            text, found = re.subn(rf"^(  {name}: +)\S+", rf"\g<1>{value}", text, count=1, flags=re.M)
            assert found, f"the profile has no {name} to edit"
        path.write_text(text)

    def add_experiment(self, name: str, **training: Any) -> None:
        """The experiment once more, with other settings of its training."""
        cnn = self.config["experiments"]["cnn"]
        self.config["experiments"][name] = cnn | {"training": cnn["training"] | training}
        self.write_config()

    @property
    def environment(self) -> dict[str, str]:
        inherited = super().environment
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)  # a job starts Python three times
        return inherited | {
            "PYTHONPATH": os.pathsep.join([inherited["PYTHONPATH"], str(HERE / "watched")]),
            "WINDROW_WATCHED": str(self.watched),
        }

    @property
    def watched(self) -> Path:
        return self.path / "watched"

    @property
    def results(self) -> Path:
        (found,) = (self.path / "results").glob("Y*")
        return found

    def slurm(self, cluster: Cluster, *arguments: str) -> Run:
        """Start the workflow on the cluster."""
        profile = ("--configfile", "config.yaml", "--profile", "profiles/slurm")
        haste = ("--latency-wait", "5", "--slurm-init-seconds-before-status-checks", "1")
        log = self.path / f"{len(list(self.path.glob('*.log.txt')))}.log.txt"
        with log.open("w") as stream:
            process = subprocess.Popen(
                cluster.command(
                    sys.executable, str(HERE / "impatient.py"), *profile, *haste, *arguments, at=self.path
                ),
                env=self.environment,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        return Run(process, log)

    def starts(self, stage: str = "", output: str = "") -> list[Start]:
        """The processes that steps were started in, of a stage and of an output by the end of its path."""
        lines = (self.watched / "starts").read_text().splitlines()
        found = [Start(*line.split("\t")) for line in lines]
        return [one for one in found if one.stage.startswith(stage) and one.output.endswith(output)]

    def hold(self, stage: str, pattern: str, *, times: int = 1, hungry: bool = False) -> None:
        """Hold steps back that start from now on, before they put an output in its place."""
        part = self.watched / "hold.part"
        part.write_text(f"{stage} {pattern} {times}{' hungry' * hungry}")
        part.rename(self.watched / "hold")

    def hold_none(self) -> None:
        (self.watched / "hold").unlink()

    def held(self, run: Run) -> Held:
        """Wait for a step that has come to the point where it is held."""
        wait_for(lambda: self._markers() or run.process.poll() is not None, HELD_S, "a step that is held")
        assert self._markers(), run.output
        (marker,) = self._markers()
        return Held(int(marker.read_text()), marker)

    def _markers(self) -> list[Path]:
        return [path for path in self.watched.glob("held-*") if path.suffix != ".part"]
