"""Dry-runs of the paper's experiment and of the SLURM profile."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PARTITIONS = {
    "inventory": "cpu",
    "audit": "cpu",
    "extract": "cpu",
    "statics": "cpu",
    "statistics_month": "cpu",
    "statistics": "mem",
    "shards_layout": "cpu",
    "shards": "mem",
    "damping": "cpu",
    "train": "gpu",
    "forecast": "gpu",
    "export": "cpu",
    "verify": "mem",
    "report": "cpu",
    "compare": "cpu",
}


def counts(output: str) -> dict[str, int]:
    table = output.partition("Job stats:")[2].partition("total")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, flags=re.M)}


@pytest.fixture
def gmd(new_project: Any) -> Any:
    """The paper's experiment with an archive of empty files: one per hour and kind, of one day of each month."""
    project = new_project()
    project.config = yaml.safe_load((ROOT / "config" / "gmd2022.yaml").read_text())
    project.write_config()
    for year in range(2007, 2020):
        for month in range(1, 13):
            directory = project.path / "data" / "era5-gmd" / f"{year}" / f"{month:02d}"
            directory.mkdir(parents=True)
            for hour in range(24):
                for kind in ("sf", "ml"):
                    (directory / f"{year}{month:02d}01{hour:02d}_{kind}.grb").touch()
    return project


GMD_JOBS = {
    "inventory": 13 * 12,
    "audit": 1,
    "extract": 13 * 12,
    "statics": 1,
    "statistics_month": 11 * 12,
    "statistics": 1,
    "shards_layout": 1,
    "shards": 13,
    "damping": 1,
    "train": 3,
    "forecast": 3,
    "verify": 3,
    "report": 3,
    "compare": 1,
    "all": 1,
}


def test_the_papers_experiment_plans_every_month_year_and_experiment(gmd: Any) -> None:
    output = gmd.run("--dry-run")
    assert counts(output) == GMD_JOBS
    assert "Y2007to2019M01to12-92_56-38.40N00.00E-2t_tcc_t850" in output


def test_the_papers_experiment_plans_the_same_on_slurm_in_few_queue_entries(gmd: Any) -> None:
    output = gmd.run("--profile", "profiles/slurm", "--dry-run")
    assert counts(output) == GMD_JOBS
    groups = len(re.findall(r"^\[[^]]*\] Group job month ", output, flags=re.M))
    assert groups == 13
    single = len(re.findall(r"^rule (?!all)\w+:", output, flags=re.M))
    assert groups + single < 60


def test_every_rule_goes_to_the_partition_of_its_kind_of_work(new_project: Any) -> None:
    project = new_project()
    project.config["export"] = {"onnx": True}
    project.write_config()
    output = project.run("--profile", "profiles/slurm", "--dry-run", "--forceall")
    found: dict[str, set[str]] = {}
    for rule, body in re.findall(
        r"^ *(?:local)?rule (\w+):\n(.*?)(?=^ *(?:\[|rule|group))", output + "[", re.M | re.S
    ):
        if partition := re.search(r"slurm_partition=(\w+)", body):
            found.setdefault(rule, set()).add(partition[1])
    found.pop("all", None)
    assert found == {rule: {partition} for rule, partition in PARTITIONS.items()}


def test_trainings_and_forecasts_ask_slurm_for_the_devices_and_nodes_of_the_training(new_project: Any) -> None:
    project = new_project()
    training = project.config["experiments"]["cnn"]["training"]
    training |= {"devices": 2, "nodes": 3}
    project.config["experiments"]["convlstm"]["training"]["accelerator"] = "cpu"
    project.write_config()
    output = project.run("--profile", "profiles/slurm", "--dry-run", "--forceall")
    names = ("nodes", "devices", "tasks", "gres", "mpi", "launcher")
    asked = {
        (rule, experiment): tuple((re.search(rf" {name}=([^,\n]*)", body) or " -")[1] for name in names)
        for rule, body in re.findall(r"^ *rule (train|forecast):\n(.*?)^ *(?=\[)", output, flags=re.M | re.S)
        for experiment in re.findall(r"experiment=(\w+)", body)
    }
    assert asked == {
        (rule, name): found
        for rule in ("train", "forecast")
        for name, found in {
            "cnn": ("3", "2", "6", "gpu:2", "srun", "srun"),
            "convlstm": ("1", "1", "1", "-", "", "srun"),
        }.items()
    }
    assert output.count("slurm_extra=--signal=USR1@180") == 2


def test_beside_a_profile_that_is_given_the_cores_of_this_machine_do_not_count(new_project: Any) -> None:
    project = new_project()
    command = [sys.executable, "-m", "snakemake", "--configfile", "config.yaml", "--dry-run"]
    options = {"cwd": project.path, "env": project.environment, "text": True, "check": True, "timeout": 120}
    done = subprocess.run([*command, "--profile", "profiles/slurm"], stdout=subprocess.PIPE, **options)
    assert set(re.findall(r"^ *threads: (\d+)$", done.stdout, flags=re.M)) >= {"8"}


def test_the_shards_are_written_by_ranks_on_slurm_and_by_one_process_elsewhere(new_project: Any) -> None:
    project = new_project()
    on_slurm = project.run("--profile", "profiles/slurm", "--dry-run", "--printshellcmds", "--forceall")
    started = re.findall(r"^ *(\S.*?) shards +--settings .* --ranks +(\d+) ", on_slurm, flags=re.M)
    assert started == [("MPIR_CVAR_NOLOCAL=1 srun --mpi=pmi2 -n 4 python -m mpi4py -m windrow", "4")] * 3
    here = project.run("--dry-run", "--printshellcmds", "--forceall")
    started = re.findall(r"^ *(\S.*?) shards +--settings .* --ranks +(\d+) ", here, flags=re.M)
    assert started == [("windrow", "1")] * 3
