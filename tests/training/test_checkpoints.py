import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from windrow import files
from windrow.training.checkpoints import Checkpoints

WEIGHTS = {"weight": torch.tensor([1.0, 2.0])}


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "work" / "name")


def content(text: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(text)

    return write


def saved(checkpoints: Checkpoints, *steps: int) -> None:
    for step in steps:
        checkpoints.write_last(step, content(f"step {step}"))


def names(checkpoints: Checkpoints) -> list[str]:
    return sorted(path.name for path in checkpoints.directory.iterdir())


def test_without_a_checkpoint_there_is_nothing_to_go_on_from(checkpoints: Checkpoints) -> None:
    assert checkpoints.last() is None
    assert checkpoints.step_of_last() is None
    assert checkpoints.best_is_whole()


def test_the_last_two_are_kept(checkpoints: Checkpoints) -> None:
    saved(checkpoints, 5, 10, 15, 20)
    assert names(checkpoints) == ["checkpoints.json", "step-000000015.ckpt", "step-000000020.ckpt"]
    last = checkpoints.last()
    assert last is not None
    assert last.read_text() == "step 20"
    assert checkpoints.step_of_last() == 20


def test_the_best_weights_are_kept_beside_them(checkpoints: Checkpoints) -> None:
    saved(checkpoints, 5)
    checkpoints.write_best(0, WEIGHTS)
    saved(checkpoints, 10)
    checkpoints.write_best(3, {"weight": torch.tensor([7.0])})
    assert names(checkpoints) == [
        "best-00003.ckpt",
        "checkpoints.json",
        "step-000000005.ckpt",
        "step-000000010.ckpt",
    ]
    assert checkpoints.read_best()["weight"].tolist() == [7.0]
    assert checkpoints.best_is_whole()


def damage(path: Path, how: str) -> None:
    if how == "gone":
        path.unlink()
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        found = bytearray(path.read_bytes())
        found[len(found) // 2] ^= 1
        path.write_bytes(found)


@pytest.mark.parametrize("how", ["gone", "cut", "flipped"])
def test_a_damaged_last_one_falls_back_to_the_one_before_with_a_warning(
    checkpoints: Checkpoints, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(checkpoints, 5, 10)
    path = checkpoints.directory / "step-000000010.ckpt"
    damage(path, how)
    assert checkpoints.last() == checkpoints.directory / "step-000000005.ckpt"
    told = capsys.readouterr().err
    assert told == f"warning: {path} is damaged or gone; going back to the checkpoint before it\n"
    assert checkpoints.last(quiet=True) == checkpoints.directory / "step-000000005.ckpt"
    assert checkpoints.step_of_last() == 5
    assert capsys.readouterr().err == ""
    checkpoints.write_last(10, content("again"))
    last = checkpoints.last()
    assert last is not None
    assert last.read_text() == "again"


def test_where_both_are_damaged_there_is_none(
    checkpoints: Checkpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(checkpoints, 5, 10)
    for step in (5, 10):
        damage(checkpoints.directory / f"step-{step:09d}.ckpt", "cut")
    assert checkpoints.last() is None
    assert capsys.readouterr().err.count("warning") == 2


@pytest.mark.parametrize("how", ["gone", "cut", "flipped"])
def test_damaged_best_weights_are_told(
    checkpoints: Checkpoints, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints.write_best(4, WEIGHTS)
    path = checkpoints.directory / "best-00004.ckpt"
    damage(path, how)
    assert not checkpoints.best_is_whole()
    assert capsys.readouterr().err == f"warning: {path} is damaged or gone; the training begins anew\n"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"last": 5}', "\xff"])
def test_a_damaged_list_begins_anew_with_a_warning(
    checkpoints: Checkpoints, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(checkpoints, 5)
    checkpoints.index.write_text(text, encoding="latin-1")
    assert checkpoints.last() is None
    assert "checkpoints.json is damaged; the training begins anew" in capsys.readouterr().err
    saved(checkpoints, 3)
    assert names(checkpoints) == ["checkpoints.json", "step-000000003.ckpt"]


def test_best_weights_load_without_pickled_code(checkpoints: Checkpoints) -> None:
    checkpoints.write_best(4, WEIGHTS)
    (path,) = checkpoints.directory.glob("best-*")
    assert torch.load(path, weights_only=True)["weight"].equal(WEIGHTS["weight"])


def test_a_writer_that_fails_leaves_the_checkpoints_before_it(checkpoints: Checkpoints) -> None:
    saved(checkpoints, 5, 10)

    def full(path: Path) -> None:
        path.write_text("half")
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        checkpoints.write_last(15, full)
    assert names(checkpoints) == ["checkpoints.json", "step-000000005.ckpt", "step-000000010.ckpt"]
    assert checkpoints.step_of_last() == 10


class Killed(BaseException):
    """What nothing catches: the process ends here."""


def kill_at(monkeypatch: pytest.MonkeyPatch, operation: int, *, after: bool) -> Callable[[], bool]:
    """End the process at this operation on files, before or behind it; tells whether it came so far."""
    done = {"count": 0}

    def ending(function: Any) -> Any:
        def operate(*given: Any, **options: Any) -> Any:
            if done["count"] > operation:
                raise Killed  # nothing is done by a process that has ended, no tidying either
            ends = done["count"] == operation
            done["count"] += 1
            if ends and not after:
                done["count"] += 1
                raise Killed
            found = function(*given, **options)
            if ends:
                done["count"] += 1
                raise Killed
            return found

        return operate

    for name in ("replace", "fsync", "unlink"):
        monkeypatch.setattr(os, name, ending(getattr(os, name)))
    monkeypatch.setattr(Path, "unlink", ending(Path.unlink))
    monkeypatch.setattr(Path, "write_text", ending(Path.write_text))
    monkeypatch.setattr(torch, "save", ending(torch.save))
    monkeypatch.setattr(files.json, "dumps", ending(json.dumps))
    return lambda: done["count"] > operation


def usable(checkpoints: Checkpoints, *, steps: set[int], best: set[float]) -> None:
    """One of these steps, whole and as it was written, and one of these best weights."""
    last = checkpoints.last(quiet=True)
    assert last is not None
    assert checkpoints.step_of_last() in steps
    assert last.read_text() == f"step {checkpoints.step_of_last()}"
    assert checkpoints.best_is_whole()
    assert checkpoints.read_best()["weight"].item() in best


@pytest.mark.parametrize("after", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize(("what", "epoch"), [("last", 0), ("best", 1), ("best", 0)])
def test_a_kill_at_any_moment_leaves_checkpoints_to_go_on_from(
    tmp_path: Path, what: str, epoch: int, after: bool
) -> None:
    """Also where an epoch is repeated after a resume and its best weights differ, as on a GPU."""
    moments = 0
    for operation in range(100):
        checkpoints = Checkpoints(tmp_path / str(operation))
        saved(checkpoints, 5, 10)
        checkpoints.write_best(0, {"weight": torch.tensor([1.0])})
        with pytest.MonkeyPatch.context() as patch:
            came = kill_at(patch, operation, after=after)
            try:
                if what == "last":
                    saved(checkpoints, 15)
                else:
                    checkpoints.write_best(epoch, {"weight": torch.tensor([2.0])})
            except Killed:
                pass
            ended = came()
        usable(checkpoints, steps={10, 15}, best={1.0, 2.0})
        saved(checkpoints, 20)
        checkpoints.write_best(2, {"weight": torch.tensor([3.0])})
        usable(checkpoints, steps={20}, best={3.0})
        assert len([name for name in names(checkpoints) if name.startswith("best")]) == 1
        moments += ended
        if not ended:
            break
    assert 5 < moments < 40


def test_an_epoch_that_is_repeated_twice_has_one_file(checkpoints: Checkpoints) -> None:
    for value in (1.0, 2.0, 3.0):
        checkpoints.write_best(4, {"weight": torch.tensor([value])})
        assert checkpoints.read_best()["weight"].item() == value
        assert len(list(checkpoints.directory.glob("best-*"))) == 1
