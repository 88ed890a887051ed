"""A training that is killed, asked to end or damaged goes on at its step, to the same weights bit for bit."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.test_fit import assert_equal, options, weights
from tests.warm import trainings
from windrow import cli

PLACE = "import sys, os, signal; from windrow.training import resume\n"
AT_STEP = """
before = resume.ResumePoints.on_train_batch_end
def noted(self, trainer, module, outputs, batch, number):
    if (trainer.current_epoch, number) == {place} and trainer.global_rank == {rank}:
        os.kill(os.getpid(), signal.{signal})
    before(self, trainer, module, outputs, batch, number)
resume.ResumePoints.on_train_batch_end = noted
"""
RUN = "from windrow import cli; sys.exit(cli.main(sys.argv[1:]))"


def windrow(arguments: list[str], tmp_path: Path, *, before: str = "", limit_s: float = 120) -> tuple[int, str]:
    """Run a step in a process group of its own; with several ranks the script starts itself again."""
    script = tmp_path / "train.py"
    script.write_text(PLACE + before + RUN)
    done = trainings().run([str(script), *arguments], timeout=limit_s, merged=True)
    return done.returncode, done.stdout


def windrow_from_cold(arguments: list[str], tmp_path: Path, *, before: str, limit_s: float = 120) -> str:
    """The same in an interpreter of its own, none of whose memory is shared."""
    script = tmp_path / "train.py"
    script.write_text(PLACE + before + RUN)
    started: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run([sys.executable, str(script), *arguments], timeout=limit_s, check=False, **started)
    assert done.returncode == 0, done.stdout
    return str(done.stdout)


def ended_at(place: tuple[int, int], name: str, *, rank: int = 0) -> str:
    return AT_STEP.format(place=place, rank=rank, signal=name)


def trained_in_two(
    tiny: Any,
    tmp_path: Path,
    experiment: str,
    place: tuple[int, int],
    name: str,
    capsys: pytest.CaptureFixture[str],
    **settings: Any,
) -> str:
    arguments = options(tiny, tmp_path / "killed", experiment, **settings)
    code, output = windrow(arguments, tmp_path, before=ended_at(place, name))
    assert code == (75 if name in ("SIGTERM", "SIGUSR1", "SIGINT") else -9), output
    assert not (tmp_path / "killed" / "model.ckpt").exists()
    capsys.readouterr()
    assert cli.main(arguments) == 0
    return capsys.readouterr().out


SETTINGS = {"epochs": 3, "schedule": "cosine", "ema": 0.9, "optimizer": "adamw", "accumulate": 2}


@pytest.mark.slow
@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGUSR1", "SIGINT"])
def test_a_signal_in_the_middle_of_an_epoch_saves_and_the_rerun_goes_on_at_that_step(
    tiny: Any, tmp_path: Path, signal_name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(options(tiny, tmp_path / "whole", "cnn", **SETTINGS)) == 0
    output = trained_in_two(tiny, tmp_path, "cnn", (1, 3), signal_name, capsys, **SETTINGS)
    assert "resuming from" in output
    assert "step-000000006.ckpt" in output  # 8 batches, 4 steps an epoch; batch 3 of the second ends step 6
    assert_equal(weights(tmp_path / "whole"), weights(tmp_path / "killed"))
    one, other = (json.loads((tmp_path / name / "history.json").read_text()) for name in ("whole", "killed"))
    for line in (*one["epochs"], *other["epochs"]):
        del line["seconds"]
    assert one == other


@pytest.mark.slow
@pytest.mark.parametrize("experiment", ["cnn", "convlstm"])
def test_killed_at_a_random_step_it_resumes_to_the_same_weights(
    tiny: Any, tmp_path: Path, experiment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings: dict[str, Any] = {"epochs": 3, "schedule": "cosine", "checkpoint_minutes": 1e-9}
    place = (random.Random(os.urandom(8)).randrange(3), random.Random(os.urandom(8)).randrange(1, 7))
    assert cli.main(options(tiny, tmp_path / "whole", experiment, **settings)) == 0
    output = trained_in_two(tiny, tmp_path, experiment, place, "SIGKILL", capsys, **settings)
    assert "resuming from" in output, place
    assert_equal(weights(tmp_path / "whole"), weights(tmp_path / "killed"))


@pytest.mark.slow
def test_two_processes_resume_in_the_middle_of_an_epoch_whichever_is_asked_to_end(
    tiny: Any, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"epochs": 2, "devices": 2, "accelerator": "cpu", "schedule": "linear"}
    assert windrow(options(tiny, tmp_path / "whole", "cnn", **settings), tmp_path)[0] == 0
    arguments = options(tiny, tmp_path / "killed", "cnn", **settings)
    code, output = windrow(arguments, tmp_path, before=ended_at((1, 1), "SIGUSR1", rank=1))
    assert code == 75, output
    code, output = windrow(arguments, tmp_path)
    assert code == 0, output
    assert "resuming from" in output
    assert_equal(weights(tmp_path / "whole"), weights(tmp_path / "killed"))


@pytest.mark.slow
def test_two_processes_take_the_steps_that_one_takes_with_the_same_windows(tiny: Any, tmp_path: Path) -> None:
    common = {"epochs": 2, "accelerator": "cpu", "stride": 13}
    one = options(tiny, tmp_path / "one", "cnn", batch_size=8, **common)
    two = options(tiny, tmp_path / "two", "cnn", batch_size=4, devices=2, **common)
    assert cli.main(one) == 0
    code, output = windrow(two, tmp_path)
    assert code == 0, output
    assert_equal(weights(tmp_path / "one"), weights(tmp_path / "two"), atol=2e-5)
    histories = [json.loads((tmp_path / name / "history.json").read_text()) for name in ("one", "two")]
    for line, other in zip(*(history["epochs"] for history in histories), strict=True):
        assert line["train_loss"] == pytest.approx(other["train_loss"], rel=1e-4)
        assert line["validation_loss"] == pytest.approx(other["validation_loss"], rel=1e-4)
        assert line["validation_rmse"]["2t"] == pytest.approx(other["validation_rmse"]["2t"], rel=1e-4)


@pytest.mark.slow
def test_a_damaged_last_checkpoint_falls_back_to_the_one_before(
    tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"epochs": 3, "schedule": "cosine"}
    assert cli.main(options(tiny, tmp_path / "whole", "cnn", **settings)) == 0
    arguments = options(tiny, tmp_path / "killed", "cnn", **settings)
    assert windrow(arguments, tmp_path, before=ended_at((2, 2), "SIGTERM"))[0] == 75
    older, newer = sorted((tmp_path / "killed").glob("work/*/step-*.ckpt"))
    content = bytearray(newer.read_bytes())
    content[len(content) // 2] ^= 1
    newer.write_bytes(content)
    assert cli.main(arguments) == 0
    told = capsys.readouterr()
    assert f"warning: {newer} is damaged or gone; going back to the checkpoint before it" in told.err
    assert f"resuming from {older}" in told.out
    assert_equal(weights(tmp_path / "whole"), weights(tmp_path / "killed"))


@pytest.mark.slow
def test_memory_does_not_grow_over_epochs(tiny: Any, tmp_path: Path) -> None:
    measured = """
import resource
from windrow.training import history
before = history.History.on_train_epoch_end
def noted(self, trainer, module):
    before(self, trainer, module)
    pages = int(open("/proc/self/statm").read().split()[1])
    print("resident", pages * resource.getpagesize(), flush=True)
history.History.on_train_epoch_end = noted
"""
    arguments = options(tiny, tmp_path / "out", "convlstm", epochs=30)
    output = windrow_from_cold(arguments, tmp_path, before=measured)
    resident = [int(line.split()[1]) for line in output.splitlines() if line.startswith("resident")]
    assert len(resident) == 30
    assert max(resident[10:]) - resident[9] < 4e6


def test_checkpoints_load_without_pickled_code(tiny: Any, tmp_path: Path) -> None:
    arguments = options(tiny, tmp_path / "killed", "cnn", epochs=2)
    assert windrow(arguments, tmp_path, before=ended_at((1, 2), "SIGTERM"))[0] == 75
    for path in (tmp_path / "killed").glob("work/*/*.ckpt"):
        assert torch.load(path, weights_only=True)


def test_time_between_checkpoints_is_kept(tiny: Any, tmp_path: Path) -> None:
    arguments = options(tiny, tmp_path / "killed", "cnn", epochs=1, checkpoint_minutes=1e-9)
    started = time.monotonic()
    code, output = windrow(arguments, tmp_path, before=ended_at((0, 5), "SIGKILL"))
    assert code == -9, output
    assert time.monotonic() - started < 60
    names = sorted(path.name for path in (tmp_path / "killed").glob("work/*/step-*.ckpt"))
    assert names == ["step-000000004.ckpt", "step-000000005.ckpt"]  # after each step; the last two are kept
