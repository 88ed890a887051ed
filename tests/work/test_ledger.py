"""The ledger, from benchmark files, logs and what SLURM tells."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from windrow.errors import UserError
from windrow.work.accounting import Accounting, Allocation
from windrow.work.ledger import Entry, Ledger, as_csv, read_csv, read_ledger, total, totals_by
from windrow.work.ledger_text import ledger_text

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


class Project:
    """The files that a run leaves."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.benchmarks = root / "results" / "set" / "benchmark"

    def measure(self, name: str, seconds: float, cpu: str = "-", memory: str = "-", written: str = "-") -> None:
        path = self.root / "results" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{HEAD}{seconds}\t0:00:01\t{memory}\t-\t-\t-\t-\t{written}\t-\t{cpu}\n")

    def log(self, name: str, text: str) -> None:
        path = self.root / "logs" / f"{name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def history(self, experiment: str, **told: object) -> None:
        path = self.root / "results" / "set" / experiment / "history.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(told))

    def read(self, *allocations: Allocation) -> dict[str, Entry]:
        def ask(jobs: Iterable[str]) -> Accounting:
            wanted = set(jobs)
            return Accounting({one.job: one for one in allocations if one.job in wanted})

        found = read_ledger(self.benchmarks, archive="era5", ask=ask).entries
        return {f"{entry.rule} {entry.job}".strip(): entry for entry in found}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def allocation(
    job: str, seconds: float, *, cores: int = 1, cpu: float = 0, gpus: int = 0, **more: float
) -> Allocation:
    runs, memory = int(more.get("runs", 1)), more.get("memory", 0.0)
    return Allocation(job, runs, "COMPLETED", seconds, cpu, cores * seconds, gpus * seconds, memory)


def test_each_benchmark_file_is_a_job_of_its_rule_and_experiment(project: Project) -> None:
    project.measure("set/benchmark/audit", 1.5)
    project.measure("set/benchmark/extract/2007-01", 3, "2", "100", "11")
    project.measure("set/benchmark/forecast/cnn-test", 7)
    project.measure("inventory/era5/benchmark/inventory/2007-01", 4)
    project.measure("inventory/other/benchmark/inventory/2007-01", 400)
    found = project.read()
    assert set(found) == {"audit", "extract 2007-01", "forecast cnn-test", "inventory 2007-01"}
    month = found["extract 2007-01"]
    assert (month.seconds, month.cpu_seconds, month.memory_mb, month.written_mb) == (3, 2, 100, 11)
    assert (month.experiment, found["forecast cnn-test"].experiment) == ("", "cnn")


def test_a_group_shares_its_allocation_by_wall_time(project: Project) -> None:
    project.measure("set/benchmark/extract/2007-01", 30, "10", "100")
    project.measure("set/benchmark/extract/2007-02", 10, "10", "200")
    for month in ("2007-01", "2007-02"):
        project.log(f"set/extract/{month}", "windrow: SLURM job 8 on n1\n")
    found = project.read(allocation("8", 60, cores=2, cpu=80, memory=999))
    first, second = found["extract 2007-01"], found["extract 2007-02"]
    assert (first.core_seconds, second.core_seconds) == (90, 30)
    assert (first.cpu_seconds, second.cpu_seconds) == (60, 20)
    assert (first.seconds, second.seconds) == (45, 15)
    assert (first.memory_mb, second.memory_mb) == (100, 200)  # the step's is that of both together


def test_runs_that_left_no_benchmark_are_in_slurms_accounts(project: Project) -> None:
    project.measure("set/benchmark/train/cnn", 100, "90", "500")
    project.log("set/train/cnn", "windrow: SLURM job 12 on n[1-2]\nwindrow: SLURM job 12 on n[1-2]\n")
    project.log("set/verify/cnn-test", "windrow: SLURM job 13 on n1\nwindrow verify: no such thing\n")
    project.log("set/statics", "windrow: SLURM job 14 on n1\n")
    found = project.read(
        allocation("12", 700, cores=8, cpu=5000, gpus=2, runs=3, memory=800), allocation("13", 20, cores=2)
    )
    train = found["train cnn"]
    assert (train.seconds, train.gpu_seconds, train.core_seconds, train.runs) == (700, 1400, 5600, 3)
    assert train.memory_mb == 800
    assert found["verify cnn-test"].core_seconds == 40
    assert "statics" not in found  # SLURM knows nothing of it


def test_failed_attempts_are_found_by_the_logs_that_snakemake_keeps(project: Project) -> None:
    project.measure("set/benchmark/forecast/cnn-test", 100)
    project.log("set/forecast/cnn-test", "windrow: SLURM job 100 on n1\n")
    for name in (
        "rule_forecast/set_cnn_test/9",
        "rule_forecast/set_cnn_test/100",
        "rule_forecast/other_cnn_test/8",
    ):
        path = project.root / ".snakemake" / "slurm_logs" / f"{name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = project.read(allocation("9", 40), allocation("100", 110), allocation("8", 1000))["forecast cnn-test"]
    assert (found.slurm_job, found.seconds, found.core_seconds, found.runs) == ("9 100", 150, 150, 2)


def test_a_trainings_gpus_are_from_its_history_where_slurm_does_not_count_them(project: Project) -> None:
    for name, device in (("cnn", "cuda"), ("small", "cpu")):
        project.measure(f"set/benchmark/train/{name}", 100)
        project.history(name, device=device, processes=4)
    project.measure("set/benchmark/train/gone", 100)
    found = project.read()
    assert [found[f"train {name}"].gpu_seconds for name in ("cnn", "small", "gone")] == [400, 0, 0]


def test_a_csv_file_gives_the_same_entries_back(tmp_path: Path) -> None:
    entries = (
        Entry("extract", "2007-01", "", 3.25, 2.5, 8.0, 0.0, 100.5, 1.0, 11.0, 2, "COMPLETED", "8", 4.0, 3.0),
        Entry("audit"),
    )
    path = tmp_path / "ledger.csv"
    path.write_text(as_csv(entries))
    assert path.read_text().splitlines()[1].startswith("extract,2007-01,,3.25,2.5,8.0,")
    assert read_csv(path) == entries


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "rule,job\nextract\n", as_csv([Entry("x")]).replace("0.0", "much")]
)
def test_what_is_no_ledger_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ledger.csv"
    path.write_text(text)
    with pytest.raises(UserError, match="is no ledger; write one with `windrow ledger --csv`"):
        read_csv(path)


def test_a_ledger_that_is_not_there_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not there; write it with `windrow ledger --csv`"):
        read_csv(tmp_path / "none.csv")


ENTRIES = (
    Entry("audit", "", "", 2, 1, memory_mb=50),
    Entry("train", "cnn", "cnn", 7200, 14400, 28800, 14400, 2000, state="COMPLETED", runs=3),
    Entry("train", "old", "old", 3600, 3600, 3600, 0, 1000, state="TIMEOUT"),
)


def test_totals_add_times_and_take_the_largest_memory() -> None:
    train = {one.name: one for one in totals_by(ENTRIES, lambda entry: entry.rule)}["train"]
    assert (train.jobs, train.seconds, train.cpu_seconds, train.memory_mb) == (2, 10800, 18000, 2000)
    assert total("", ENTRIES).gpu_seconds == 14400


def test_the_text_has_a_table_per_rule_and_one_per_experiment() -> None:
    text = ledger_text(Ledger(ENTRIES, "there is no sacct on this machine"))
    rows = [line.split("  ") for line in text.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert ["train", "2", "3.0 h", "5.0", "4.0", "2.1 GB", "–", "9.0"] in cells
    assert ["all experiments", "1", "2.0 s", "0.0003", "–", "52 MB", "–", "–"] in cells
    assert [row[0] for row in cells if row and row[0] in {"cnn", "old"}] == ["cnn", "old"]
    assert "Last ended badly: train old." in text
    assert "Runs that had to be repeated within their jobs of SLURM: 2." in text
    assert "Without SLURM's accounting: there is no sacct on this machine." in text
