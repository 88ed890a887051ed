"""The workflow on a real SLURM of two nodes; what happens there is told in scenarios.py."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from tests.cluster.line import Line, Start
from tests.cluster.scenarios import Told

pytestmark = pytest.mark.cluster

PARTITIONS = {
    "cpu": {"inventory", "extract", "statistics_month", "audit", "statics", "shards_layout", "damping"}
    | {"report", "compare"},
    "mem": {"statistics", "shards", "verify"},
    "gpu": {"train", "forecast"},
}
CANCELLED, LATE, HUNGRY = "was cancelled", "ran into its time limit", "needed more memory than it had asked for"


def assert_same_shards(one: Line, other: Line) -> None:
    files = shard_files(one)
    assert len(files) == 10 + 5  # the metadata and coordinates of the store, and five blocks
    assert files == shard_files(other)


def shard_files(line: Line) -> dict[str, bytes]:
    root = line.results / "shards"
    paths = [path for path in root.rglob("*") if path.is_file() and "blocks" not in path.relative_to(root).parts]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def assert_same_training(one: Line, other: Line) -> None:
    """Bit for bit: the weights and each loss."""
    weights = [
        torch.load(line.results / "cnn" / "model.ckpt", weights_only=True)["weights"] for line in (one, other)
    ]
    assert weights[0].keys() == weights[1].keys()
    for name in weights[0]:
        torch.testing.assert_close(weights[0][name], weights[1][name], rtol=0, atol=0, equal_nan=True)
    assert losses(one, "cnn") == losses(other, "cnn")


def losses(line: Line, experiment: str) -> list[tuple[float, float]]:
    epochs = json.loads((line.results / experiment / "history.json").read_text())["epochs"]
    return [(epoch["train_loss"], epoch["validation_loss"]) for epoch in epochs]


def forecasts(line: Line, experiment: str) -> Any:
    return xr.load_dataset(line.results / experiment / "test" / "forecasts.zarr", engine="zarr")["2t"].values


def counts(starts: tuple[Start, ...]) -> Counter[str]:
    """How often each output was begun, by the first process of each job step."""
    return Counter(f"{one.stage} {Path(one.output).name}" for one in starts if one.rank in ("", "0"))


def last_lines(output: str) -> str:
    """What stands behind the progress of the jobs: the sentences that say why."""
    return output.rpartition("Exiting because a job execution failed")[2]


def test_the_line_ends_on_the_cluster_with_the_scores_of_this_machine(whole: Told, reference: Any) -> None:
    scores = [
        xr.load_dataset(line.results / "cnn" / "test" / "scores.nc", decode_timedelta=False)
        for line in (whole.line, reference)
    ]
    xr.testing.assert_identical(*scores)
    assert np.isfinite(scores[0].mse).all()
    assert_same_shards(whole.line, reference)
    assert_same_training(whole.line, reference)


def test_every_rule_lands_on_its_partition(whole: Told) -> None:
    partition_of = {str(job.number): job.partition for job in whole.jobs}
    found: dict[str, set[str]] = {}
    for one in whole.starts:
        found.setdefault(partition_of[one.job], set()).add(one.stage)
    assert found == PARTITIONS


def test_small_jobs_share_an_allocation_and_others_have_their_own(whole: Told) -> None:
    stages_of: dict[str, Counter[str]] = {}
    for one in whole.starts:
        stages_of.setdefault(one.job, Counter())[one.stage] += one.rank in ("", "0")
    months = Counter(inventory=2, extract=2, statistics_month=1)
    alone = ["audit", "compare", "damping", "report", "shards", "shards", "shards_layout", "statics", "statistics"]
    assert sorted("+".join(stages) for stages in stages_of.values() if stages != months) == sorted(
        [*alone, "forecast", "train", "verify"]
    )
    assert len(whole.jobs) == len(stages_of) == 13  # queue entries
    assert {job.state for job in whole.jobs} == {"COMPLETED"}


def test_a_rule_is_executed_once(whole: Told) -> None:
    launched = {"train", "forecast"}  # their process becomes srun, which starts the ranks
    per_job = Counter((one.stage, one.output, one.job, one.rank) for one in whole.starts)
    assert set(per_job.values()) == {1}
    executed = Counter((one.stage, one.output) for one in whole.starts if one.rank == "0")
    assert set(executed.values()) == {1}
    assert {one.stage for one in whole.starts if one.rank == ""} <= launched
    assert len(executed) == 17


def test_a_second_workflow_on_the_same_results_is_refused_and_told_who_is_there(whole: Told) -> None:
    code, output = whole.intruder
    assert code == 2, output
    told = output.splitlines()
    (line,) = [line for line in told if "is in use by another workflow" in line]
    assert re.fullmatch(
        r"results/Y\S+ is in use by another workflow \(\S+ on \S+, process \d+, since .+\); "
        r"wait for its end, or end it",
        line,
    )
    assert "Traceback" not in output


def test_two_ranks_on_two_nodes_write_the_bytes_of_one_process(ranks: Told, whole: Told, reference: Any) -> None:
    assert_same_shards(ranks.line, reference)
    assert_same_shards(whole.line, reference)
    on_one_node = [job for job in whole.jobs if job.number in numbers(whole.starts, "shards")]
    assert {job.nodes for job in on_one_node} <= {"n1", "n2"}
    assert {one.rank for one in whole.starts if one.stage == "shards"} == {"0", "1"}


def numbers(starts: tuple[Start, ...], stage: str) -> set[int]:
    return {int(one.job) for one in starts if one.stage == stage}


def test_a_failing_rank_ends_its_job_at_once_with_its_message(ranks: Told) -> None:
    assert "Not a directory" in last_lines(ranks.output)
    assert {job.nodes for job in ranks.jobs} == {"n[1-2]"}
    assert {one.rank for one in ranks.starts} == {"0", "1"}


def test_a_rule_that_fails_is_tried_as_often_as_the_profile_says(ranks: Told) -> None:
    states = Counter(job.state for job in ranks.jobs)
    assert states == {"COMPLETED": 1, "FAILED": 3}  # the other year; `retries: 2`
    failed = numbers(ranks.starts, "shards") - {job.number for job in ranks.jobs if job.state == "COMPLETED"}
    started = Counter((one.job, one.rank) for one in ranks.starts if int(one.job) in failed)
    assert started == {(str(job), rank): 1 for job in failed for rank in ("0", "1")}


@pytest.mark.parametrize(("experiment", "nodes"), [("two", {"n1", "n2"}), ("far", {"n[1-2]"})])
def test_two_processes_train_and_forecast_like_one(
    tasks: Told, reference: Any, experiment: str, nodes: set[str]
) -> None:
    starts = [one for one in tasks.starts if f"/{experiment}/" in one.output and one.rank]
    assert Counter((one.stage, one.rank) for one in starts) == dict.fromkeys(
        [("train", "0"), ("train", "1"), ("forecast", "0"), ("forecast", "1")], 1
    )
    jobs = {int(one.job) for one in starts}
    assert {job.nodes for job in tasks.jobs if job.number in jobs} <= nodes
    np.testing.assert_allclose(losses(tasks.line, experiment), losses(reference, "cnn"), rtol=1e-4)
    np.testing.assert_allclose(forecasts(tasks.line, experiment), forecasts(reference, "cnn"), atol=0.01)


def test_another_experiment_runs_nothing_but_its_training_and_forecast(tasks: Told) -> None:
    assert {one.stage for one in tasks.starts} == {"train", "forecast"}
    assert len(tasks.jobs) == 4


@pytest.mark.parametrize("stage", ["extract", "shards", "train"])
def test_a_lost_job_is_told_with_its_cause_and_log(stage: str, request: pytest.FixtureRequest) -> None:
    told: Told = request.getfixturevalue(f"lost_{stage}")
    sentences = re.findall(r"^windrow: SLURM job (\d+) \((.+)\) (.+); its log is (\S+)$", told.first, flags=re.M)
    assert [cause for _, _, cause, _ in sentences] == [HUNGRY, CANCELLED, LATE]
    assert all(stage in work for _, work, _, _ in sentences)
    for job, _, _, log in sentences:
        assert Path(log).name == f"{job}.log"
        assert Path(log).exists()
    by_number: dict[int, list[str]] = {}
    for job in told.jobs:
        by_number.setdefault(job.number, []).append(job.state)
    states = [by_number[int(job)] for job, *_ in sentences]
    assert states[0][0] == "NODE_FAIL"  # SLURM itself has run it again, under the same number
    assert states[0][-1] in ("OUT_OF_MEMORY", "FAILED")
    assert [one[-1] for one in states[1:]] == ["CANCELLED", "TIMEOUT"]


def test_lost_months_are_extracted_as_if_nothing_had_happened(lost_extract: Told, reference: Any) -> None:
    for month in ("2007/01.nc", "2008/01.nc"):
        one, other = (line.results / "extracted" / month for line in (lost_extract.line, reference))
        xr.testing.assert_identical(*map(xr.load_dataset, (one, other)))


def test_lost_shards_are_the_same_and_their_blocks_are_written_once(lost_shards: Told, reference: Any) -> None:
    assert_same_shards(lost_shards.line, reference)
    assert counts(lost_shards.starts) == {"shards_layout shards": 1, "shards 2007.json": 1, "shards 2008.json": 5}
    (log,) = lost_shards.line.path.glob("logs/Y*/shards/2008.log")
    assert log.read_text().count("kept") == 3


def test_a_lost_training_goes_on_to_the_same_weights(lost_train: Told, reference: Any) -> None:
    assert_same_training(lost_train.line, reference)
    assert sum(one.rank == "0" for one in lost_train.starts) == 5
    assert {one.stage for one in lost_train.starts} == {"train"}
    (log,) = lost_train.line.path.glob("logs/Y*/train/cnn.log")
    assert "resuming from" in log.read_text()
    epochs = re.findall(r"^epoch (\d)/6", log.read_text(), flags=re.M)
    assert epochs == ["5", "6"]  # after four times eight or nine steps, of eight in an epoch


def test_what_slurm_says_when_it_refuses_a_group_or_a_job_is_told_once(refused: Told) -> None:
    told = [line for line in refused.output.splitlines() if line.startswith("windrow: SLURM refused")]
    assert [re.findall(r"nowhere|elsewhere", line)[0] for line in told] == ["nowhere", "elsewhere"], refused.output
    assert all("the block at the top of the profile" in line for line in told)
    assert refused.jobs == ()


def test_an_interrupted_workflow_takes_its_jobs_with_it(stopped: Told) -> None:
    shards = [job for job in stopped.jobs if job.number in numbers(stopped.starts, "shards")]
    assert "CANCELLED" in {job.state for job in shards}


def test_after_a_killed_workflow_its_jobs_are_named_before_others_begin(stopped: Told) -> None:
    code, output = stopped.intruder
    (job,) = [job for job in stopped.jobs if job.number in numbers(stopped.starts, "train")][:1]
    assert code == 2, output
    assert f"SLURM job {job.number} of a workflow that was killed" in output
    assert "scancel --name=" in output


def test_after_both_the_results_are_the_same(stopped: Told, reference: Any) -> None:
    assert_same_shards(stopped.line, reference)
    assert_same_training(stopped.line, reference)
    done_twice = {name: number for name, number in counts(stopped.starts).items() if number > 1}
    assert done_twice.keys() == {"shards 2008.json", "train model.ckpt"}


def test_a_training_of_five_allocations_is_the_uninterrupted_one(chain: Told, reference: Any) -> None:
    assert_same_training(chain.line, reference)
    jobs = [job for job in chain.jobs if job.number in numbers(chain.starts, "train")]
    assert len({job.number for job in jobs}) == 1
    assert sum(one.rank == "0" for one in chain.starts) == 5
    assert len(chain.line.starts("train")) == len(chain.starts)


def test_a_controller_that_is_away_is_waited_for(away: Told, reference: Any) -> None:
    assert_same_training(away.line, reference)
    assert sum(one.rank == "0" for one in away.starts if one.stage == "train") == 1
    assert [job.state for job in away.jobs] == ["COMPLETED"]
