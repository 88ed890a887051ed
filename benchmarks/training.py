"""Training beside bare PyTorch: one command writes the data, times loops in turn and prints the tables.

`.venv/bin/python benchmarks/training.py --work /scratch/benchmark --readme`

It measures the processor and, where there is one, a CUDA device; it needs 1 GB below `--work`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from machine import as_list, computer, today
from measuring import FailedError, run
from rounds import clear, in_directory, tell
from tables import duration, put_between
from training_tables import (
    Model,
    convolutions_table,
    loader_table,
    loops_table,
    models_table,
    names_table,
    processes_table,
    with_published,
)

HERE = Path(__file__).parent
README = HERE / "README.md"
LOOPS = HERE / "loops"
ROWS = ("loops", "names", "convlstm", "processes", "models")
PACKAGES = ("windrow", "torch", "pytorch-lightning", "numpy")
EXPERIMENTS = ("convlstm", "weatherbench_cnn")
BATCH = {"cpu": 4, "cuda": 32}
WAYS = {"cpu": (("32", False),), "cuda": (("32", False), ("bf16-mixed", False), ("bf16-mixed", True))}
OPTIONAL = {"mfai"}


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="scratch directory, kept; default: a temporary one, removed")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS, help="default: all")
    parser.add_argument("--models", nargs="+", help="networks of the row `models`; default: all of the registry")
    parser.add_argument("--devices", nargs="+", choices=("cpu", "cuda"), help="default: all that there are")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of one process")
    parser.add_argument("--quick", action="store_true", help="tiny fields: to see that it works, no figures")
    parser.add_argument(
        "--readme", action="store_true", help="write the tables into benchmarks/README.md if all went well"
    )
    args = parser.parse_args()
    if args.readme and (args.quick or args.models or set(args.rows) != set(ROWS)):
        parser.error("--readme needs all rows and networks, and --quick gives no figures")
    known = ask("import json; from windrow.models.settings import SETTINGS; print(json.dumps(list(SETTINGS)))")
    if unknown := set(args.models or ()) - set(known):
        parser.error(f"no network {', '.join(sorted(unknown))} among {', '.join(known)}")
    args.models = args.models or known
    args.devices = args.devices or ask(
        "import json, torch; print(json.dumps(['cpu'] + ['cuda'] * torch.cuda.is_available()))"
    )
    return args


def ask(code: str) -> Any:
    """What a line of Python prints as JSON, from a process of its own: torch is too large for this one."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def installed(package: str) -> bool:
    """Whether the package is there."""
    return find_spec(package) is not None


class Benchmark:
    """One run of everything: each measurement is a process that prints a line of JSON."""

    def __init__(self, args: argparse.Namespace, work: Path) -> None:
        self.args, self.work = args, work
        self.tables: list[str] = []
        self.measured: list[Model] = []
        self.failed: list[str] = []
        self._numbers = itertools.count()

    def told(self, script: str, device: str, *options: object, threads: int = 0, processes: int = 1) -> Any:
        """What a script of `loops` measured, and the peak memory of its process."""
        number = next(self._numbers)
        place = self.work / "runs" / str(number)
        clear([place])
        torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", processes]
        command = [sys.executable, *(torchrun if processes > 1 else []), LOOPS / f"{script}.py"]
        command += ["--work", self.work, "--to", place, "--device", device]
        command += ["--threads", threads or self.args.threads, *options]
        if self.args.quick:
            command += ["--size", "tiny"]
        measured = run([[list(map(str, command))]], self.work / "logs" / f"{script}-{number}")
        clear([place])
        lines = [line for line in measured.output.splitlines() if line.startswith("{")]
        if not lines:
            raise FailedError(f"{script} printed no times")
        found = json.loads(lines[-1])
        if device == "cpu":
            found["peak_bytes"] = measured.peak_bytes
        return found

    def add(self, *tables: str) -> None:
        """Keep tables, and show them."""
        self.tables += tables
        print("\n" + "\n\n".join(tables), flush=True)

    def loops(self) -> None:
        """Lightning against a bare loop, and the loader's part."""
        turns = ("--turns", 3, "--turn", 2) if self.args.quick else ("--size", "sample")
        found = {
            (name, device): self.told("overhead", device, "--experiment", name, *turns)
            for device in self.args.devices
            for name in EXPERIMENTS
        }
        self.add(loops_table(found), loader_table(found))

    def names(self) -> None:
        """The cost of named tensors."""
        options = ("--turns", 3) if self.args.quick else ("--size", "sample")
        self.add(names_table(self.told("names", "cpu", *options)))

    def convlstm(self) -> None:
        """The paper's network against its convolutions."""
        found = {}
        for device in self.args.devices:
            for precision, compiled in WAYS[device]:
                options = ["--batch", BATCH[device], "--precision", precision]
                options += ["--compile"] if compiled else []
                options += ["--turns", 1] if self.args.quick else []
                found[device, precision, compiled] = self.told("convolutions", device, *options)
        self.add(convolutions_table(found))

    def processes(self) -> None:
        """Two processes of one thread, against one of one and of two."""
        found = {}
        for name, batch, steps in (("convlstm", 4, 6), ("weatherbench_cnn", 16, 20)):
            for processes, threads in ((1, 1), (1, 2), (2, 1)):
                options = ["--model", name, "--batch", batch // processes, "--processes", processes]
                options += ["--steps", 2 if self.args.quick else steps, "--seconds", 15]
                found[name, processes, threads] = self.told(
                    "model", "cpu", *options, threads=threads, processes=processes
                )
        self.add(processes_table(found))

    def models(self) -> None:
        """Every network of the registry; one that is missing for another reason than an optional package fails."""
        for device in self.args.devices:
            for name in self.args.models:
                if name in OPTIONAL and not installed(name):
                    self.measured.append(Model(name, device, missing="is not installed"))
                    continue
                self._model(device, name)
        self.add(models_table(self.measured), *with_published(self.measured))

    def _model(self, device: str, name: str) -> None:
        flop = 0.0
        for precision, compiled in WAYS[device]:
            options = ["--model", name, "--batch", BATCH[device], "--precision", precision]
            options += ["--compile"] if compiled else []
            options += ["--steps", 2] if self.args.quick else []
            tell(f"{name} on {device}, {precision}{', compiled' if compiled else ''}")
            try:
                told = self.told("model", device, *options)
            except FailedError as problem:
                tell(f"{name} FAILED: {problem}")
                self.failed.append(name)
                self.measured.append(Model(name, device, precision, compiled, missing="**failed**"))
                continue
            flop = told["flop_per_window"] or flop
            self.measured.append(
                Model(
                    name,
                    device,
                    precision,
                    compiled,
                    strategy=told["strategy"],
                    parameters=told["parameters"],
                    rate=told["windows"] / median(told["seconds"]),
                    flop=flop,
                    peak_speed=told["peak_speed"],
                    peak_bytes=told["peak_bytes"],
                )
            )


def measure(args: argparse.Namespace, work: Path) -> int:
    """Run the rows; 1 if anything failed."""
    work.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    lines = computer(work, PACKAGES)
    if "cuda" in args.devices:
        lines.append(ask("import json, torch; print(json.dumps(torch.cuda.get_device_name()))"))
    machine = as_list([*lines, today()])
    print(machine, flush=True)
    benchmark = Benchmark(args, work)
    complete = True
    for name in args.rows:
        tell(f"{name} …")
        try:
            getattr(benchmark, name)()
        except FailedError as problem:
            tell(f"{name} FAILED: {problem}")
            complete = False
    complete &= not benchmark.failed
    took = f"The whole took {duration(time.monotonic() - begun)}."
    print(f"\n{took}")
    if args.readme and complete:
        content = "\n\n".join([machine, took, *benchmark.tables])
        README.write_text(put_between(README.read_text(encoding="utf-8"), "training", content), encoding="utf-8")
    return 0 if complete else 1


def main() -> int:
    """Run in the given directory or in a temporary one."""
    args = arguments()
    return in_directory(args.work, partial(measure, args))


if __name__ == "__main__":
    sys.exit(main())
