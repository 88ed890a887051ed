import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.made import STATISTICS, settings, shards, surroundings
from windrow.shards.layout import block_path
from windrow.training.run import Run, blocks_of_windows, fingerprint


@pytest.mark.parametrize(
    ("firsts", "length", "expected"),
    [
        ([0], 10, [0]),
        ([1], 10, [0, 1]),
        ([9], 1, [0]),
        ([8], 24, [0, 1, 2, 3]),
        ([40, 5], 10, [0, 1, 4]),
    ],
)
def test_all_blocks_that_a_window_touches_are_named(firsts: list[int], length: int, expected: list[int]) -> None:
    assert blocks_of_windows({"train": np.array(firsts)}, length=length, block_steps=10) == expected


NAMED = {"name": "diff_ar", "anomaly": True}
INPUTS = {"statics": ["z"]}


@pytest.fixture
def named(tmp_path: Path) -> Callable[..., str]:
    """The fingerprint of a training on windows that run from block 0 into block 1."""
    reader = shards(tmp_path / "shards", settings("direct"))

    def name(first: int = 20, training: dict[str, Any] | None = None, **other: Any) -> str:
        its = settings(NAMED, inputs=INPUTS, training=training or {})
        around = surroundings(its, table=np.ones((288, 2, 4, 5), dtype=np.float32))
        windows = {"train": np.array([first]), "validation": np.array([21])}
        return fingerprint(its, replace(around, **other), reader, windows)

    return name


def test_the_name_stays_while_nothing_changes(named: Callable[..., str]) -> None:
    assert named() == named()
    assert len(named()) == 16


@pytest.mark.parametrize("training", [{"workers": 3}, {"checkpoint_minutes": 0.5}])
def test_the_name_stays_with_settings_that_change_no_weight(
    named: Callable[..., str], training: dict[str, Any]
) -> None:
    assert named(training=training) == named()


@pytest.mark.parametrize(
    "change",
    [
        {"first": 19},
        {"training": {"learning_rate": 0.1}},
        {"training": {"seed": 1}},
        {"training": {"loss": "mae"}},
        {"training": {"devices": 2}},
        {"statistics": STATISTICS | {"split_hash": "other"}},
        {"statics": torch.zeros(1, 4, 5)},
        {"latitude": torch.zeros(4, 5)},
        {"longitude": torch.zeros(4, 5)},
        {"table": torch.zeros(288, 2, 4, 5)},
    ],
)
def test_the_name_changes_with_all_that_the_weights_depend_on(
    named: Callable[..., str], change: dict[str, Any]
) -> None:
    assert named(**change) != named()


def test_a_loss_has_one_name_however_it_is_written(named: Callable[..., str]) -> None:
    assert named(training={"loss": "mae"}) == named(training={"loss": [{"name": "mae"}]})


def test_the_name_changes_when_the_last_block_of_a_window_is_rewritten(
    named: Callable[..., str], tmp_path: Path
) -> None:
    before = named()
    os.utime(block_path(tmp_path / "shards", 1), ns=(1, 1))
    assert named() != before


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "work", "0123456789abcdef")


def saved(run: Run, *steps: int) -> None:
    for step in steps:
        run.checkpoints.write_last(step, lambda path: torch.save({}, path))


def curves(run: Run, name: str) -> Path:
    path = run.tensorboard / name / "events"
    path.parent.mkdir(parents=True)
    path.write_text("curves")
    return path


def test_a_training_that_was_never_begun_has_nothing_to_go_on_from(run: Run) -> None:
    assert run.begin(first=True) is None
    assert run.begin(first=False) is None


def test_an_unfinished_training_goes_on_with_its_curves(run: Run) -> None:
    saved(run, 5, 10)
    run.checkpoints.write_best(0, {})
    kept = curves(run, run.name)
    expected = run.checkpoints.directory / "step-000000010.ckpt"
    assert run.begin(first=False) == run.begin(first=True) == expected
    assert kept.exists()


def test_what_other_trainings_left_is_removed_but_for_their_curves(run: Run) -> None:
    other = Run(run.work, "f" * 16)
    saved(other, 5)
    kept = curves(run, other.name)
    foreign = run.work / "notes"
    foreign.mkdir()
    run.begin(first=False)
    assert other.checkpoints.directory.exists()  # the first process alone tidies up
    run.begin(first=True)
    assert not other.checkpoints.directory.exists()
    assert kept.exists()
    assert foreign.exists()


def test_a_training_whose_best_weights_are_damaged_begins_anew_once(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(run, 5, 10)
    run.checkpoints.write_best(0, {})
    (best,) = run.checkpoints.directory.glob("best-*")
    best.write_bytes(b"")
    gone = curves(run, run.name)
    assert run.begin(first=False) is None
    assert capsys.readouterr().err == ""
    assert run.begin(first=True) is None
    assert f"warning: {best} is damaged or gone; the training begins anew" in capsys.readouterr().err
    assert not gone.exists()
    # interrupted again before there are new best weights, it goes on
    saved(run, 3)
    assert run.begin(first=True) == run.checkpoints.directory / "step-000000003.ckpt"
    assert capsys.readouterr().err == ""


def test_a_training_without_a_whole_checkpoint_begins_anew_without_its_curves(run: Run) -> None:
    saved(run, 5)
    run.checkpoints.write_best(0, {})
    (run.checkpoints.directory / "step-000000005.ckpt").unlink()
    gone = curves(run, run.name)
    assert run.begin(first=True) is None
    assert not gone.exists()
    assert not run.checkpoints.directory.exists()


def test_a_finished_training_leaves_its_curves_alone(run: Run) -> None:
    saved(run, 5)
    run.not_finite.write_bytes(b"of an earlier try")
    kept = curves(run, run.name)
    run.finish()
    assert [path.name for path in run.work.iterdir()] == ["tensorboard"]
    assert kept.exists()


def test_curves_go_on_behind_the_last_checkpoint(run: Run) -> None:
    saved(run, 5, 10)
    assert run.logger()._kwargs["purge_step"] == 10
    assert Path(run.logger().log_dir) == run.tensorboard / run.name
