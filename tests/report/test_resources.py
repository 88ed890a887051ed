"""The ledger as tables of a report."""

from pathlib import Path

from windrow.report.resources import read_resources, resources_of
from windrow.work.ledger import Entry, Ledger

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def write(path: Path, seconds: float, memory: str, cpu: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEAD}{seconds}\t0:00:01\t{memory}\t-\t-\t-\t-\t-\t-\t{cpu}\n")


def test_jobs_of_a_rule_are_added_and_only_those_of_the_experiment_count(tmp_path: Path) -> None:
    found = tmp_path / "results" / "set" / "benchmark"
    write(found / "audit.tsv", 1.5, "-", "-")
    write(found / "extract" / "2007-01.tsv", 3, "100", "2")
    write(found / "extract" / "2007-02.tsv", 5, "300.5", "4")
    write(found / "train" / "cnn.tsv", 600, "2000", "1100")
    write(found / "train" / "other.tsv", 700, "9000", "7200")
    write(found / "verify" / "cnn-test.tsv", 7, "80", "6")
    write(found / "verify" / "cnn-validation.tsv", 7, "80", "6")
    write(found / "report" / "cnn-test.tsv", 9, "80", "6")
    write(tmp_path / "results" / "inventory" / "era5" / "benchmark" / "inventory" / "2007-01.tsv", 4, "70", "3")
    resources = read_resources(found, experiment="cnn", split="test", archive="era5")
    assert resources is not None
    assert resources.columns == ("jobs", "wall time", "CPU hours", "GPU hours", "peak memory")
    rules = {name: [value for _, value in cells] for name, cells in resources.rules}
    assert list(rules) == ["inventory", "audit", "extract", "train", "verify"]
    assert rules["extract"] == [2, 8.0, 6.0, 0.0, 300.5]
    assert rules["train"] == [1, 600.0, 1100.0, 0.0, 2000.0]
    assert rules["verify"][0] == 1
    texts = {
        name: [text.replace("\N{NO-BREAK SPACE}", " ") for text, _ in cells] for name, cells in resources.rules
    }
    assert texts["train"] == ["1", "10 min", "0.306", "–", "2,000 MB"]
    assert texts["inventory"] == ["1", "4.0 s", "0.001", "–", "70 MB"]


def test_every_experiment_has_a_row_and_so_have_the_shared_work_and_the_whole() -> None:
    entries = (
        Entry("audit", seconds=2, cpu_seconds=1),
        Entry("train", "cnn", "cnn", 7200, 14400, 28800, 14400, 2000),
        Entry("verify", "cnn-test", "cnn", 20, 30, memory_mb=100),
        Entry("train", "other", "other", 3600, 3600, 3600),
        Entry("compare", "test", seconds=5),
    )
    resources = resources_of(Ledger(entries, "why"), experiment="cnn", split="test")
    assert resources is not None
    assert resources.columns[-1] == "core hours reserved"
    rows = {name: [value for _, value in cells] for name, cells in resources.experiments}
    assert list(rows) == ["for all experiments", "cnn", "other", "together"]
    assert rows["cnn"] == [2, 7220, 14430, 14400, 2000, 28800]
    assert rows["together"] == [4, 10822, 18031, 14400, 2000, 32400]
    assert dict(resources.experiments)["cnn"][3][0] == "4.000"
    assert resources.note == "why"


def test_without_files_there_are_no_resources(tmp_path: Path) -> None:
    assert read_resources(tmp_path / "none", experiment="cnn", split="test", archive="era5") is None
