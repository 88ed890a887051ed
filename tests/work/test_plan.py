"""What a run would take, worked out by hand for a small one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from windrow.cli import main
from windrow.configfile import read_config
from windrow.naming import dataset_name
from windrow.work.estimates import Estimate, Rate, estimator, measured_rates, rates, wildcards_of, with_model
from windrow.work.fitting import misfits
from windrow.work.ledger import Entry, as_csv
from windrow.work.needs import need
from windrow.work.plan import START_S, Plan, plan_of
from windrow.work.plan_text import plan_text
from windrow.work.site import (
    Partition,
    Site,
    count_gpus,
    parse_array_size,
    parse_minutes,
    parse_partitions,
    parse_submitted,
    site_of,
    site_of_profile,
)
from windrow.work.submissions import read_submissions

SECONDS = {"extract": 100.0, "statistics": 20.0, "shards": 50.0, "train": 7200.0, "all": 0.0}


def job(rule: str, name: str, *after: str, threads: int = 1, **resources: int | str) -> dict[str, Any]:
    return {
        "rule": rule,
        "wildcards": {"dataset": "set", "experiment": name},
        "threads": threads,
        "resources": resources,
        "output": [name],
        "input": ["archive", *after],
    }


def alone(found: dict[str, Any], *, here: bool = False, group: str = "", threads: int = 0) -> dict[str, Any]:
    return together(found, here=here, group=group, threads=threads or found["threads"], **found["resources"])


def together(*jobs: dict[str, Any], here: bool = False, group: str = "", threads: int, **resources: Any) -> Any:
    return {"group": group, "here": here, "threads": threads, "resources": resources, "jobs": list(jobs)}


def found_by_snakemake(executor: str = "slurm", **more: Any) -> dict[str, Any]:
    """Two groups of two months, statistics, shards as ranks, a training on two nodes, and the target."""
    here = executor == "local"
    months = [job("extract", f"m{number}") for number in range(4)]
    train = job(
        "train", "t", "st", "sh", threads=8, nodes=2, tasks_per_node=4, gres="gpu:4", slurm_partition="gpu"
    )
    train["resources"] |= {"runtime": 60, "mem_mb": 8000}
    shards = job("shards", "sh", *(f"m{number}" for number in range(4)), tasks=4, nodes=1, slurm_partition="mem")
    return {
        "executor": executor,
        "cores": 4,
        "at_once": 100,
        "arrays": "",
        "array_limit": 1000,
        "submissions": [
            together(
                *months[:2], group="month", here=here, threads=2, slurm_partition="cpu", runtime=30, mem_mb=900
            ),
            together(
                *months[2:], group="month", here=here, threads=1, slurm_partition="cpu", runtime=30, mem_mb=900
            ),
            alone(job("statistics", "st", "m0", "m1", slurm_partition="cpu", runtime=10, mem_mb=500), here=here),
            alone(shards, here=here),
            alone(train, here=here),
            alone(job("all", "a", "t"), here=True),
        ],
    } | more


def estimate(rule: str, wildcards: Mapping[str, str], threads: int, gpu: bool | None) -> Estimate:
    return Estimate(SECONDS[rule], SECONDS[rule] * threads, 500, 1e9, measured=rule == "extract")


@pytest.fixture
def plan() -> Plan:
    return plan_of(read_submissions(found_by_snakemake()), estimate)


def test_jobs_and_queue_entries_are_counted_and_targets_are_neither(plan: Plan) -> None:
    rows = {row.rule: row for row in plan.rows}
    assert {name: (row.jobs, row.entries) for name, row in rows.items()} == {
        "extract": (4, 2),
        "statistics": (1, 1),
        "shards": (1, 1),
        "train": (1, 1),
    }
    assert list(rows) == ["extract", "shards", "statistics", "train"]  # as they follow each other
    assert (plan.entries, plan.starts) == (5, 5)


def test_an_array_is_one_entry_and_as_many_jobs_as_it_has() -> None:
    jobs = [alone(job("extract", f"m{number}")) for number in range(5)]
    found = found_by_snakemake(submissions=jobs, arrays="train, extract", array_limit=3)
    plan = plan_of(read_submissions(found), estimate)
    assert (plan.entries, plan.starts, plan.rows[0].entries) == (2, 5, 2)
    assert [part.array for part in plan.submissions.parts] == [1, 1, 1, 2, 2]
    single = plan_of(read_submissions(found | {"submissions": jobs[:1]}), estimate)
    assert single.submissions.parts[0].array == 0


def test_hardware_is_what_slurm_is_asked_for(plan: Plan) -> None:
    rows = {row.rule: row.hardware[0] for row in plan.rows}
    train = rows["train"]
    assert (train.partition, train.nodes, train.tasks, train.cpus_per_task, train.gpus) == ("gpu", 2, 8, 8, 8)
    assert (train.gpus_per_node, train.cpus_per_node, train.memory_mb, train.minutes) == (4, 32, 8000, 60)
    assert (rows["shards"].nodes, rows["shards"].tasks, rows["shards"].gpus) == (1, 4, 0)


def test_the_longest_way_goes_through_the_slower_group(plan: Plan) -> None:
    # the second group has one core for its two months of 100 s
    assert plan.seconds == (START_S + 200) + (START_S + 50) + (START_S + 7200)
    assert plan.chain == ("extract", "shards", "train")


def test_on_one_machine_the_jobs_share_its_cores() -> None:
    found = found_by_snakemake("local", cores=1)
    plan = plan_of(read_submissions(found), estimate)
    assert plan.seconds == 4 * 100 + 20 + 50 + 8 * 7200
    assert plan.entries == 0


def test_gpu_hours_are_wall_time_times_gpus(plan: Plan) -> None:
    train = plan.rows[-1]
    assert train.gpu_seconds == 8 * 7200
    assert train.cpu_seconds == 8 * 7200
    assert plan.written == 7e9


def site(**gpu: Any) -> Site:
    partitions = {name: Partition(name, 120, 4, 64, 16000, 0) for name in ("cpu", "mem")}
    return Site(partitions | {"gpu": Partition("gpu", **({"minutes": 120, "gpus": 4} | gpu))}, "SLURM")


def test_a_training_longer_than_its_time_limit_is_told_to_go_on(plan: Plan) -> None:
    assert misfits(plan, site(), free_bytes=10**12) == [
        "train will take 2.0 h and asks for 60 min: it goes on in 2 jobs, one after another"
    ]


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"minutes": 30}, "train asks for 60 min; the limit of the partition gpu is 30 min"),
        ({"gpus": 2}, "train asks for 4 GPUs on a node of the partition gpu, which has 2"),
        ({"nodes": 1}, "train asks for 2 nodes of the partition gpu, which has 1"),
        ({"cpus": 16}, "train asks for 32 cores on a node of the partition gpu, which has 16"),
        ({"memory_mb": 4000}, "train asks for 8000 MB on a node of the partition gpu, which has 4000 MB"),
    ],
)
def test_a_request_beyond_a_partition_is_told(plan: Plan, limits: dict[str, int], sentence: str) -> None:
    assert sentence in misfits(plan, site(**limits), free_bytes=10**12)


def test_what_would_be_ended_not_be_stored_or_not_be_taken_is_told(plan: Plan) -> None:
    small = Site(
        {"cpu": Partition("cpu"), "gpu": Partition("gpu")}, "the profile's variables", array_size=10, submitted=3
    )
    found = misfits(plan, small, free_bytes=10**9)
    assert (
        "shards asks for the partition mem, which is not among those of the profile's variables: cpu, gpu" in found
    )
    assert "7.0 GB will be written, and 1.0 GB are free; make room or move the results" in found
    assert "up to 5 jobs are submitted at once, 3 are allowed; lower `jobs` in the profile" in found
    few = found_by_snakemake(at_once=2)
    assert not [
        one for one in misfits(plan_of(read_submissions(few), estimate), small, free_bytes=0) if "up to" in one
    ]


def test_a_job_that_would_be_ended_and_an_array_that_is_too_long_are_told() -> None:
    jobs = [alone(job("extract", f"m{number}", runtime=1, mem_mb=370)) for number in range(5)]
    found = plan_of(read_submissions(found_by_snakemake(submissions=jobs, arrays="all")), estimate)
    assert misfits(found, Site({}, "", array_size=4), free_bytes=10**12) == [
        "extract will take 100 s and asks for 60 s: it would be ended (5 times)",
        "extract asks for 370 MB; the model of the work says 500 MB (5 times)",
        "an array has 5 jobs, 4 are allowed; lower `slurm-array-limit` in the profile",
    ]


def test_the_text_has_a_row_per_rule_and_says_where_its_hours_are_from(plan: Plan) -> None:
    text = plan_text(plan, site(), [], free_bytes=10**12, results="results")
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line}
    assert rows["train"] == [
        *(
            "train",
            "1",
            "1",
            "gpu",
            "2×8×8",
            "8",
            "8.0",
            "GB",
            "60",
            "min",
            "~2.0",
            "h",
            "~16.0",
            "~16.0",
            "1.0",
            "GB",
        )
    ]
    assert rows["extract"][:6] == ["extract", "4", "2", "cpu", "1×1×2", "–"]
    assert rows["together"][1:3] == ["7", "5"]
    assert "Hours with ~ follow from the model of the work, the others from a ledger." in text
    assert "The longest way, without waiting in the queue: extract → shards → train." in text
    assert "4 small jobs go in 2 groups of up to 2." in text
    assert "All of it fits; the limits are those of SLURM." in text
    assert "What would not fit:\n  a reason" in plan_text(
        plan, site(), ["a reason"], free_bytes=1, results="results"
    )


def test_without_jobs_nothing_is_to_be_done() -> None:
    nothing = plan_of(read_submissions(found_by_snakemake(submissions=[])), estimate)
    assert plan_text(nothing, site(), [], free_bytes=1, results="results") == "Nothing is to be done.\n"


LISTED = """\
cpu|infinite|1|4|2000|(null)
cpu|infinite|1|8+|4000+|gpu:2
mem|1:00:00|1|4|2000|(null)
gpu|2-00:00:00|3|64|500000|gpu:a100:4(S:0-1)
"""


def test_partitions_are_those_that_sinfo_lists() -> None:
    assert parse_partitions(LISTED) == {
        "cpu": Partition("cpu", None, 2, 8, 4000, 2),
        "mem": Partition("mem", 60, 1, 4, 2000, 0),
        "gpu": Partition("gpu", 2880, 3, 64, 500000, 4),
    }


@pytest.mark.parametrize(
    ("limit", "minutes"), [("30:00", 30), ("12:00:00", 720), ("1-02:03:00", 1563), ("infinite", None), ("45", 45)]
)
def test_time_limits_are_read_as_slurm_writes_them(limit: str, minutes: int | None) -> None:
    assert parse_minutes(limit) == minutes


@pytest.mark.parametrize(
    ("gres", "gpus"),
    [
        *[
            ("gpu:2", 2),
            ("gpu", 1),
            ("gpu:a100:4(S:0-1)", 4),
            ("gpu:a100:2,gpu:v100:1", 3),
            ("(null)", 0),
            ("", 0),
        ],
        ("gres:gpu:3", 3),
    ],
)
def test_gpus_are_counted_in_all_notations(gres: str, gpus: int) -> None:
    assert count_gpus(gres) == gpus


def test_limits_of_arrays_and_jobs_are_read() -> None:
    assert parse_array_size("MaxJobCount             = 10000\nMaxArraySize            = 1001\n") == 1000
    assert parse_array_size("") is None
    assert parse_submitted("50\n\n200\n") == 50
    assert parse_submitted("\n") is None


def test_without_slurm_the_limits_are_the_profiles_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "config.yaml").write_text(
        "__use_yte__: true\n__variables__:\n  cpu: small\n  mem: small\n  gpu: accel\n  gpus_per_node: 4\n  hours: 24\n"
        "cores: ?hours\n"
    )
    found = site_of(tmp_path, on_cluster=True)
    assert found.told_by == "the profile's variables"
    assert found.partitions == {
        "small": Partition("small", 1440, gpus=0),
        "accel": Partition("accel", 1440, gpus=4),
    }
    assert site_of(tmp_path, on_cluster=False) == Site({}, "")
    assert site_of(tmp_path / "none", on_cluster=True) == Site({}, "")
    assert site_of_profile({"cpu": 3}) == Site({}, "")


def test_rates_are_those_of_finished_jobs_and_apart_for_gpus() -> None:
    entries = [
        Entry("train", "a", "a", 100, 400, modelled_seconds=200, modelled_cpu_seconds=800),
        Entry("train", "b", "b", 20, 10, gpu_seconds=20, modelled_seconds=200, modelled_cpu_seconds=100),
        Entry("train", "c", "c", 5, 5, state="TIMEOUT", modelled_seconds=200, modelled_cpu_seconds=200),
        Entry("extract", "2007-01", "", 30, 20, state="COMPLETED", modelled_seconds=10, modelled_cpu_seconds=10),
        Entry("extract", "2007-02", "", 50, 20, modelled_seconds=30, modelled_cpu_seconds=30),
        Entry("extract", "2007-03", "", 900, 20, slurm_job="7 9", modelled_seconds=30, modelled_cpu_seconds=30),
        Entry("audit", "", "", 30, 20),
    ]
    assert rates(entries) == {
        ("train", False): Rate(0.5, 0.5),
        ("train", True): Rate(0.1, 0.1),
        ("extract", False): Rate(2.0, 1.0),
    }


CONFIG = read_config(Path(__file__).parents[2] / "config" / "sample.yaml")
MONTH = {"dataset": "set", "year": "2008", "month": "01"}


def test_an_earlier_run_of_another_dataset_scales_the_model(tmp_path: Path) -> None:
    ledger = tmp_path / "other" / "ledger.csv"
    ledger.parent.mkdir()
    entry = Entry("extract", "2019-03", "", 60.0, 30.0, modelled_seconds=20.0, modelled_cpu_seconds=20.0)
    ledger.write_text(as_csv([entry]))
    for ledgers in ([], [ledger]):
        found = estimator(CONFIG, measured_rates(CONFIG, tmp_path, ledgers))("extract", MONTH, 1, False)
        modelled = need("extract", CONFIG, year="2008", month="01")
        assert found.seconds == pytest.approx(3 * modelled.seconds)
        assert found.cpu_seconds == pytest.approx(1.5 * modelled.cpu_seconds)
        assert (found.written, found.measured) == (modelled.bytes_written, True)


def test_a_datasets_own_run_counts_before_those_of_others(tmp_path: Path) -> None:
    benchmark = tmp_path / dataset_name(CONFIG.dataset) / "benchmark" / "extract" / "2007-01.tsv"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text("s\tmax_rss\tio_in\tio_out\tcpu_time\n12.5\t1\t1\t1\t12.0\n")
    (benchmark.parents[2] / "ledger.csv").write_text(
        as_csv([Entry("extract", "x", "", 900.0, 900.0, modelled_seconds=1.0, modelled_cpu_seconds=1.0)])
    )
    found = estimator(CONFIG, measured_rates(CONFIG, tmp_path, []))("extract", MONTH, 1, False)
    assert (found.seconds, found.cpu_seconds) == (pytest.approx(12.5), pytest.approx(12.0))  # the months are alike


def test_what_was_measured_without_gpus_says_nothing_of_gpus() -> None:
    train = {"dataset": "set", "experiment": "convlstm"}
    measured = {("train", False): Rate(10.0, 10.0)}
    on_gpu = estimator(CONFIG, measured)("train", train, 8, True)
    assert not on_gpu.measured
    assert on_gpu.seconds == need("train", CONFIG, threads=8, gpu=True, experiment="convlstm").seconds
    assert estimator(CONFIG, measured)("train", train, 8, None).measured
    assert (
        estimator(CONFIG, {("train", True): Rate(2.0, 2.0)})("train", train, 8, None).seconds == 2 * on_gpu.seconds
    )


def test_what_the_config_has_no_more_has_no_estimate() -> None:
    gone = estimator(CONFIG, {})("train", {"dataset": "set", "experiment": "gone"}, 8, False)
    assert gone == Estimate(0.0, 0.0, 0, 0.0, measured=False)
    assert with_model([Entry("train", "gone", "gone", 10.0)], CONFIG)[0].modelled_seconds == 0


def test_wildcards_are_found_from_the_name_of_a_job() -> None:
    assert wildcards_of(Entry("extract", "2007-01")) == {"year": "2007", "month": "01"}
    assert wildcards_of(Entry("shards", "2007")) == {"year": "2007"}
    assert wildcards_of(Entry("verify", "cnn_2-test")) == {"experiment": "cnn_2", "split": "test"}
    assert wildcards_of(Entry("compare", "test")) == {"split": "test"}
    assert wildcards_of(Entry("train", "cnn")) == {"experiment": "cnn"}
    assert wildcards_of(Entry("audit", "")) == {}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--configfile", "none.yaml"], "cannot read the config none.yaml"),
        (["--configfile", "{root}/config/sample.yaml"], "there is no Snakefile here"),
    ],
)
def test_bad_input_is_told_in_one_sentence(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = Path(__file__).parents[2]
    monkeypatch.chdir(tmp_path)
    assert main(["plan", *(one.format(root=root) for one in arguments)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"windrow plan: {sentence}")
    assert told.count("\n") == 1


def test_a_profile_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    assert main(["plan", "--configfile", "config/sample.yaml", "--profile", "profiles/none"]) == 2
    assert "there is no profile profiles/none" in capsys.readouterr().err


def test_a_dataset_that_never_ran_has_no_ledger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = Path(__file__).parents[2] / "config" / "sample.yaml"
    assert main(["ledger", "--configfile", str(config), "--results", str(tmp_path)]) == 2
    assert "was measured; run `snakemake --configfile" in capsys.readouterr().err
