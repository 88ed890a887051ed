"""The ledger and the plan of what `make run` has made; they skip until it has run."""

import subprocess
import sys
from pathlib import Path

import pytest

from windrow.configfile import read_config
from windrow.naming import dataset_name

ROOT = Path(__file__).parents[2]
CONFIG = "config/sample.yaml"


@pytest.fixture
def made() -> None:
    dataset = dataset_name(read_config(ROOT / CONFIG).dataset)
    if not (ROOT / "results" / dataset / "benchmark" / "compare").exists():
        pytest.skip(f"{CONFIG} has not been run here")


def windrow(*arguments: str) -> dict[str, list[str]]:
    """The words of each row of the first table that a step prints."""
    command = [sys.executable, "-m", "windrow", *arguments]
    done = subprocess.run(command, cwd=ROOT, timeout=120, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {line.split()[0]: line.split() for line in done.stdout.partition("\n\n")[0].splitlines()[1:]}


@pytest.mark.usefixtures("made")
def test_the_samples_ledger_has_every_job() -> None:
    rows = windrow("ledger", "--configfile", CONFIG)
    jobs = {name: int(row[1]) for name, row in rows.items()}
    assert jobs["together"] == sum(jobs.values()) - jobs["together"]
    assert (jobs["inventory"], jobs["extract"], jobs["shards"], jobs["train"], jobs["verify"]) == (3, 3, 3, 2, 2)


@pytest.mark.usefixtures("made")
def test_a_second_run_of_the_sample_is_planned_by_its_ledger() -> None:
    rows = windrow("plan", "--configfile", CONFIG, "--", "--forceall")
    assert int(rows["together"][1]) == sum(int(row[1]) for name, row in rows.items() if name != "together")
    assert not [cell for cell in rows["train"] if cell.startswith("~")]
