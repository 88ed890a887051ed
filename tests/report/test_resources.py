"""Snakemake's benchmark files."""

from pathlib import Path

from windrow.report.resources import read_benchmarks, resource_rows

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def write(path: Path, seconds: float, memory: str, cpu: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEAD}{seconds}\t0:00:01\t{memory}\t-\t-\t-\t-\t-\t-\t{cpu}\n")


def test_jobs_of_a_rule_are_added_and_only_those_of_the_experiment_count(tmp_path: Path) -> None:
    write(tmp_path / "audit.tsv", 1.5, "-", "-")
    write(tmp_path / "extract" / "2007-01.tsv", 3, "100", "2")
    write(tmp_path / "extract" / "2007-02.tsv", 5, "300.5", "4")
    write(tmp_path / "train" / "cnn.tsv", 600, "2000", "1100")
    write(tmp_path / "train" / "other.tsv", 700, "9000", "1100")
    write(tmp_path / "verify" / "cnn-test.tsv", 7, "80", "6")
    write(tmp_path / "verify" / "cnn-validation.tsv", 7, "80", "6")
    write(tmp_path / "report" / "cnn-test.tsv", 9, "80", "6")
    found = {rule.name: rule for rule in read_benchmarks(tmp_path, experiment="cnn", split="test")}
    assert list(found) == ["audit", "extract", "train", "verify"]
    assert (found["extract"].jobs, found["extract"].seconds, found["extract"].memory_mb) == (2, 8.0, 300.5)
    assert found["extract"].cpu_seconds == 6.0
    assert found["train"].memory_mb == 2000
    assert found["verify"].jobs == 1
    rows = dict(resource_rows(list(found.values())))
    assert [text.replace("\N{NO-BREAK SPACE}", " ") for text, _ in rows["train"]] == [
        "1",
        "10 min",
        "1,100.0 s",
        "2,000 MB",
    ]


def test_without_files_there_are_no_rules(tmp_path: Path) -> None:
    assert read_benchmarks(tmp_path / "none", experiment="cnn", split="test") == []
