import json
import sys
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.warm import trainings
from windrow import cli, cuts
from windrow.training import fit, trainer
from windrow.training.data import Batch, Windows, window_length
from windrow.training.dealing import Deal, Dealer

SITE = Path(__file__).parent / "plugins"


def options(tiny: Any, output: Path, experiment: str, stride: int = 12, **training: Any) -> list[str]:
    content = json.loads(json.dumps(tiny.content))
    content["sequences"]["stride"] = stride
    content["experiments"][experiment]["training"] |= training
    settings = cuts.settings_of("train", type(tiny)(tiny.path, content).config, experiment=experiment)
    inputs = {
        "shards": "shards",
        "statistics": "statistics.json",
        "climatology": "climatology.nc",
        "statics": "statics.nc",
    }
    given = [word for name, file in inputs.items() for word in (f"--{name}", str(tiny.path / file))]
    outputs = {"work": "work", "model": "model.ckpt", "history": "history.json"}
    made = [word for name, file in outputs.items() for word in (f"--{name}", str(output / file))]
    return ["train", "--settings", settings, "--threads", "1", *given, *made]  # sums depend on their number


def weights(output: Path) -> dict[str, torch.Tensor]:
    content = torch.load(output / "model.ckpt", weights_only=True)
    found: dict[str, torch.Tensor] = content["weights"]
    return found


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], atol: float = 0.0) -> None:
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=atol, equal_nan=True)


def killed_after_epoch(arguments: list[str], epoch: int) -> None:
    """Run the step in a process of its own and kill it when it tells the end of an epoch."""
    started, lines = trainings().piped(["-m", "windrow", *arguments])
    with lines:
        for line in lines:
            if line.startswith(f"epoch {epoch + 1}/"):
                started.kill()
    assert started.wait() == -9


@pytest.mark.slow
@pytest.mark.parametrize("experiment", ["convlstm", "cnn"])
def test_a_killed_training_resumes_to_the_same_weights_bit_for_bit(
    tiny: Any, tmp_path: Path, experiment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"epochs": 4, "schedule": "cosine"}
    assert cli.main(options(tiny, tmp_path / "whole", experiment, **settings)) == 0
    capsys.readouterr()
    arguments = options(tiny, tmp_path / "killed", experiment, **settings)
    killed_after_epoch(arguments, 2)
    assert cli.main(arguments) == 0
    assert "resuming from" in capsys.readouterr().out
    assert_equal(weights(tmp_path / "whole"), weights(tmp_path / "killed"))
    epochs = json.loads((tmp_path / "killed" / "history.json").read_text())["epochs"]
    assert [line["epoch"] for line in epochs] == [0, 1, 2, 3]


def test_the_weights_of_the_best_epoch_are_kept(tiny: Any, tmp_path: Path) -> None:
    assert cli.main(options(tiny, tmp_path, "cnn", epochs=3, learning_rate=0.05)) == 0
    found = history(tmp_path)
    losses = [line["validation_loss"] for line in found["epochs"]]
    assert found["best_epoch"] == losses.index(min(losses))
    assert found["windows"] == {"train": 62, "validation": 62}  # starts 0, 12, … 732 of 744 - 10
    assert not list((tmp_path / "work").glob("*/*.ckpt"))


def test_another_seed_gives_other_weights_and_the_same_seed_the_same(tiny: Any, tmp_path: Path) -> None:
    found = {}
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        assert cli.main(options(tiny, tmp_path / name, "cnn", epochs=1, seed=seed)) == 0
        found[name] = weights(tmp_path / name)
    assert_equal(found["one"], found["again"])
    assert any(not torch.equal(found["one"][name], found["other"][name]) for name in found["one"])


def test_epochs_of_shorter_forecasts_gather_what_they_need_and_find_the_same_weights(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []
    gather = Windows.__getitems__

    def gathered(windows: Windows, deal: Deal) -> Batch:
        batch = gather(windows, deal)
        lengths.append(batch.fields.size("time"))
        return batch

    monkeypatch.setattr(Windows, "__getitems__", gathered)
    settings = {"epochs": 3, "rollout": [{"epoch": 0, "steps": 1}, {"epoch": 1, "steps": 2}]}
    assert cli.main(options(tiny, tmp_path / "short", "convlstm", **settings)) == 0
    known, whole = tiny.config.sequences.input_steps, window_length(tiny.config.sequences)
    # training and validation in turn
    assert [length for length, _ in groupby(lengths)] == [known + 1, whole, known + 2, whole, known + 2, whole]
    lengths.clear()
    monkeypatch.setattr(trainer, "Dealer", lambda *given, length=None, **named: Dealer(*given, **named))
    assert cli.main(options(tiny, tmp_path / "whole", "convlstm", **settings)) == 0
    assert set(lengths) == {whole}
    assert_equal(weights(tmp_path / "short"), weights(tmp_path / "whole"))


def test_statistics_of_another_split_are_refused(
    tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = options(tiny, tmp_path, "cnn")
    wrong = tmp_path / "statistics.json"
    content = json.loads((tiny.path / "statistics.json").read_text())
    wrong.write_text(json.dumps(content | {"split_hash": "0" * 16}))
    arguments[arguments.index("--statistics") + 1] = str(wrong)
    assert cli.main(arguments) == 2
    assert "statistics.json is of another training split" in capsys.readouterr().err


def history(output: Path) -> Any:
    return json.loads((output / "history.json").read_text())


def curves(output: Path) -> list[Path]:
    return sorted((output / "work" / "tensorboard").glob("*/events*"))


def run_alone(arguments: list[str], limit_s: float) -> str:
    """Run `windrow` in a process of its own, with those it starts; all of them are killed after the limit."""
    command = [str(Path(sys.executable).with_name("windrow")), *arguments]
    done = trainings().run(command, timeout=limit_s, merged=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.slow
def test_two_processes_with_uneven_windows_validate_as_one_does(
    tiny: Any, tmp_path: Path, fresh: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And an observer that raises in the second process alone is switched off in both."""
    fresh(SITE)
    monkeypatch.setenv("PYTHONPATH", str(SITE))
    settings: dict[str, Any] = {"stride": 15, "epochs": 1, "learning_rate": 1e-12, "accelerator": "cpu"}
    settings["observers"] = ["clumsy", "state_error", "error_map"]
    assert cli.main(options(tiny, tmp_path / "one", "cnn", **settings)) == 0
    output = run_alone(options(tiny, tmp_path / "two", "cnn", devices=2, **settings), limit_s=120)
    assert output.count("epoch 1/1") == 1
    assert_equal(weights(tmp_path / "one"), weights(tmp_path / "two"), atol=1e-9)
    one, two = (history(tmp_path / name) for name in ("one", "two"))
    assert one["windows"] == two["windows"] == {"train": 49, "validation": 49}  # 4 and 3 batches of 8
    losses = [found["epochs"][0]["validation_loss"] for found in (one, two)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert output.count("the observer clumsy raised and is switched off (ValueError: stumbled)") == 1
    assert one["observers"].pop("clumsy") == {"epoch": 0, "processes": 1.0}
    assert set(one["observers"]) == set(two["observers"]) == {"state_error", "error_map"}
    for name in two["observers"]:
        errors = [np.array(found["observers"][name]["rmse"]["2t"]) for found in (one, two)]
        np.testing.assert_allclose(*errors, rtol=2e-3)


@pytest.mark.slow
def test_two_processes_that_diverge_tell_it_once(tiny: Any, tmp_path: Path) -> None:
    arguments = options(tiny, tmp_path, "cnn", devices=2, accelerator="cpu", learning_rate=1e30)
    with pytest.raises(AssertionError) as told:
        run_alone(arguments, limit_s=120)
    assert str(told.value).count("windrow train: the training diverged in epoch 1") == 1


def test_more_processes_than_windows_are_refused(
    tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = options(tiny, tmp_path, "cnn", stride=735, devices=2, accelerator="cpu")
    assert cli.main(arguments) == 2
    assert "train has 1 windows for 2 processes" in capsys.readouterr().err


def test_a_diverged_training_is_refused_and_writes_nothing(
    tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(options(tiny, tmp_path, "cnn", learning_rate=1e30)) == 2
    told = capsys.readouterr().err
    assert "the training diverged in epoch 1, step " in told
    assert "windows from 2007-01-" in told
    assert "lower training.learning_rate or set training.gradient_clip" in told
    assert not (tmp_path / "model.ckpt").exists()
    assert not (tmp_path / "history.json").exists()
    assert not list((tmp_path / "work").glob("*/step-*.ckpt"))


def test_a_training_that_diverges_later_keeps_the_last_good_checkpoint(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = fit.ForecastModule.training_step

    def broken(module: Any, batch: Any, number: int) -> torch.Tensor:
        loss = step(module, batch, number)
        return loss * float("nan") if module.current_epoch == 1 else loss

    monkeypatch.setattr(fit.ForecastModule, "training_step", broken)
    assert cli.main(options(tiny, tmp_path, "cnn", epochs=3)) == 2
    assert "diverged in epoch 2" in capsys.readouterr().err
    (checkpoint,) = (tmp_path / "work").glob("*/step-*.ckpt")
    content = torch.load(checkpoint, weights_only=True)
    assert content["epoch"] == 0
    assert all(torch.isfinite(value).all() for name, value in content["state_dict"].items() if "strategy" in name)
    (kept,) = (tmp_path / "work").glob("not-finite-*.ckpt")
    before = torch.load(kept, weights_only=True)
    assert before["step"] == content["global_step"] == 8
    for name, value in before["weights"].items():
        torch.testing.assert_close(value, content["state_dict"][f"model.{name}"], rtol=0, atol=0, equal_nan=True)


def test_a_training_killed_after_its_last_epoch_only_writes_its_outputs(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = options(tiny, tmp_path, "cnn")

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(fit, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            cli.main(arguments)
    before = weights(tmp_path)
    capsys.readouterr()
    assert cli.main(arguments) == 0
    assert "epoch " not in capsys.readouterr().out
    assert len(history(tmp_path)["epochs"]) == 2
    assert_equal(before, weights(tmp_path))


def test_a_finished_training_that_is_asked_for_again_trains_anew_and_draws_its_curves_once(
    tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = options(tiny, tmp_path, "cnn")
    for _ in range(2):
        assert cli.main(arguments) == 0
        assert capsys.readouterr().out.count("epoch ") == 2
        assert len(curves(tmp_path)) == 1


def test_checkpoints_of_other_settings_are_removed_and_their_curves_kept(tiny: Any, tmp_path: Path) -> None:
    assert cli.main(options(tiny, tmp_path, "cnn", seed=1, epochs=1)) == 0
    other = tmp_path / "work" / "0123456789abcdef" / "last.ckpt"
    other.parent.mkdir()
    other.touch()
    foreign = tmp_path / "work" / "notes" / "last.ckpt"
    foreign.parent.mkdir()
    foreign.touch()
    assert cli.main(options(tiny, tmp_path, "cnn", seed=2, epochs=1)) == 0
    assert not other.parent.exists()
    assert foreign.exists()
    assert len(curves(tmp_path)) == 2


def test_batches_gathered_by_workers_give_the_same_weights(tiny: Any, tmp_path: Path) -> None:
    for workers in (0, 2):
        assert cli.main(options(tiny, tmp_path / str(workers), "cnn", workers=workers)) == 0
    assert_equal(weights(tmp_path / "0"), weights(tmp_path / "2"))
