"""What `benchmarks/scale.py` counts and computes; it is never timed here."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
DRY_RUN = """\
[Sat Nov 21 19:56:12 2026] Group job month (jobs in lexicogr. order):

    [Sat Nov 21 19:56:12 2026]
    rule inventory:
        output: results/inventory/era5/2007/06.json
        jobid: 7
        benchmark: results/inventory/era5/benchmark/inventory/2007-06.tsv
        wildcards: archive=era5, year=2007, month=06
        resources: tmpdir=<TBD>, mem_mb=1000
    [Sat Nov 21 19:56:12 2026]
    rule extract:
        input: results/inventory/era5/2007/06.json
        output: results/D/extracted/2007/06.nc
        wildcards: dataset=D, year=2007, month=06
[Sat Nov 21 19:56:12 2026]
rule train:
    output: results/D/e/model.ckpt, results/D/e/history.json
    wildcards: dataset=D, experiment=e
[Sat Nov 21 19:56:12 2026]
localrule all:
    input: results/D/audit.json
"""


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, ModuleType]]:
    before = set(sys.modules)
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield {name: __import__(name) for name in ("empty", "scale", "volumes")}
    finally:
        sys.path.remove(str(BENCHMARKS))
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(BENCHMARKS)):
                del sys.modules[name]


def test_queue_entries_are_groups_and_jobs_outside_of_them(modules: dict[str, ModuleType]) -> None:
    assert modules["empty"].queue_entries(DRY_RUN) == (1, 1)


def test_an_empty_job_makes_the_outputs_that_the_dry_run_lists(modules: dict[str, ModuleType]) -> None:
    found = modules["empty"].outputs_of(DRY_RUN)
    assert found["inventory:archive=era5,year=2007,month=06"] == [
        "results/inventory/era5/2007/06.json",
        "results/inventory/era5/benchmark/inventory/2007-06.tsv",
    ]
    assert found["train:dataset=D,experiment=e"] == ["results/D/e/model.ckpt", "results/D/e/history.json"]


def test_waits_for_jobs_are_not_counted_as_submission(modules: dict[str, ModuleType]) -> None:
    submissions = [(4.0, 0.1), (4.5, 0.1), (30.0, 0.1), (30.25, 0.1)]
    assert modules["scale"].busy_seconds(submissions) == pytest.approx(4.0 + 0.5 + 0.25 + 0.1)


def test_an_archive_has_a_file_for_every_hour_and_kind(modules: dict[str, ModuleType]) -> None:
    case = modules["empty"].Case("c", "a", 2007, 2008, 1, ("%Y%m%d%H_sf.grb", "%Y%m%d%H_ml.grb"))
    names = list(case.files())
    assert len(names) == len(set(names)) == 2 * 24 * (365 + 366)
    assert names[0] == "2007/01/2007010100_sf.grb"
    assert names[-1] == "2008/12/2008123123_ml.grb"


def stage(modules: dict[str, ModuleType], **given: object) -> object:
    values = {"name": "s", "jobs": 100, "memory_mb": 1, "cpu_seconds": 1000.0, "read": 0.0, "written": 0.0}
    return modules["volumes"].Stage(**(values | given))


def test_a_stage_takes_as_many_rounds_as_its_jobs_need(modules: dict[str, ModuleType]) -> None:
    machine = modules["volumes"].Machine(cores=40)
    assert stage(modules).time(1, machine) == (30.0, "cores")  # three rounds of 10 s
    assert stage(modules).time(16, machine) == (10.0, "only 100 processes")


def test_node_hours_are_those_of_nodes_that_are_all_at_work(modules: dict[str, ModuleType]) -> None:
    machine = modules["volumes"].Machine(cores=50, gpus=4)
    assert stage(modules, cpu_seconds=36_000.0).node_hours(machine) == 0.2
    assert stage(modules, cpu_seconds=36_000.0, on_gpus=True).node_hours(machine) == 2.5


def test_a_stage_that_moves_much_waits_for_the_file_system(modules: dict[str, ModuleType]) -> None:
    machine = modules["volumes"].Machine(storage=1e9)
    assert stage(modules, read=6e11, written=4e11).time(16, machine) == (1000.0, "file system")


def test_a_training_whose_shards_fit_into_a_node_reads_them_once(modules: dict[str, ModuleType]) -> None:
    machine = modules["volumes"].Machine(memory=2e9, storage=1e8)
    training = {"jobs": 1, "processes": 512, "on_gpus": True, "read": 1e9, "gathered": 1e12, "cpu_seconds": 40.0}
    assert stage(modules, **training).time(2, machine) == (20.0, "file system")
    smaller = modules["volumes"].Machine(memory=5e8, storage=1e8)
    assert stage(modules, **training).time(2, smaller) == (10_000.0, "file system")


def test_the_pages_of_a_field_are_those_of_its_rows_and_of_its_header(modules: dict[str, ModuleType]) -> None:
    archive = modules["volumes"].Archive(721, 1440)
    assert archive.message_bytes() == 721 * 1440 * 2
    assert archive.pages(56) == 1 + 40  # 56 rows of 2880 bytes are 39.4 pages
