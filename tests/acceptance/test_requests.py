"""What the rules ask for, beside what `make run` took; each part skips until that has run."""

import csv
import json
from pathlib import Path

import pytest

from windrow.config import Config
from windrow.configfile import read_config
from windrow.naming import dataset_name
from windrow.work.needs import SNAKEMAKE_MB, least_minutes, need

ROOT = Path(__file__).parents[2]
SHORT = 2.0  # seconds: in less Snakemake sees no more than the start of a job


def measured(config: Config) -> list[tuple[str, str, dict[str, float]]]:
    """Rule, job and the columns of each benchmark file."""
    results = ROOT / "results"
    dataset = results / dataset_name(config.dataset) / "benchmark"
    places = {path: path.relative_to(dataset) for path in sorted(dataset.rglob("*.tsv"))}
    inventories = results / "inventory" / config.source.name / "benchmark"
    places |= {path: path.relative_to(inventories) for path in sorted(inventories.rglob("*.tsv"))}
    found = []
    for path, place in places.items():
        with path.open(newline="") as stream:
            lines = list(csv.DictReader(stream, delimiter="\t"))
        columns = {
            name: float(value) for name, value in lines[-1].items() if name not in ("h:m:s",) and value != "-"
        }
        found.append((place.with_suffix("").parts[0], place.stem if len(place.parts) > 1 else "", columns))
    return found


def wildcards_of(rule: str, job: str) -> dict[str, str]:
    first, _, second = job.rpartition("-")
    if rule in ("inventory", "extract", "statistics_month"):
        return {"year": first, "month": second}
    if rule in ("forecast", "verify", "report"):
        return {"experiment": first, "split": second}
    name = {"shards": "year", "train": "experiment", "export": "experiment", "compare": "split"}.get(rule)
    return {name: job} if name else {}


def on_gpu(config: Config, wildcards: dict[str, str]) -> bool:
    history = ROOT / "results" / dataset_name(config.dataset) / wildcards.get("experiment", "") / "history.json"
    return history.is_file() and json.loads(history.read_text()).get("device") == "cuda"


@pytest.mark.parametrize("name", ["sample.yaml", "era5-uk.yaml", "architectures.yaml"])
def test_requests_hold_what_was_measured_and_not_three_times_as_much(name: str) -> None:
    config = read_config(ROOT / "config" / name)
    jobs = [job for job in measured(config) if job[0] != "train" or job[1] in config.experiments]
    if not any(rule == "train" for rule, *_ in jobs):
        pytest.skip(f"{name} has not been run here")
    for rule, job, took in jobs:
        wildcards = wildcards_of(rule, job)
        if wildcards.get("experiment", next(iter(config.experiments))) not in config.experiments:
            continue  # of an experiment that the file had before
        asked = need(rule, config, gpu=on_gpu(config, wildcards), **wildcards)
        told = f"{rule} {job}: {took} and {asked}"
        memory = took["max_rss"] + SNAKEMAKE_MB
        assert memory <= asked.memory_mb, told
        assert took["s"] < SHORT or asked.memory_mb <= 3 * memory, told
        # on a machine that did other work as well, a job took no longer than its CPU time
        seconds = took["s"] if took["mean_load"] >= 50 else took["cpu_time"]
        assert seconds <= 60 * asked.minutes, told
        assert asked.minutes == least_minutes(rule) or 60 * asked.minutes <= 3 * max(
            took["s"], took["cpu_time"]
        ), told
