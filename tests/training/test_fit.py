import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from windrow import cli, stages
from windrow.training.data import EpochSampler


def options(tiny: Any, output: Path, experiment: str, **training: Any) -> list[str]:
    content = json.loads(json.dumps(tiny.content))
    content["experiments"][experiment]["training"] |= training
    settings = stages.settings_of("train", type(tiny)(tiny.path, content).config, experiment=experiment)
    inputs = {"shards": "shards", "statistics": "statistics.json", "climatology": "climatology.nc"}
    given = [word for name, file in inputs.items() for word in (f"--{name}", str(tiny.path / file))]
    outputs = {"work": "work", "model": "model.ckpt", "history": "history.json"}
    made = [word for name, file in outputs.items() for word in (f"--{name}", str(output / file))]
    return ["train", "--settings", settings, *given, *made]


def weights(output: Path) -> dict[str, torch.Tensor]:
    content = torch.load(output / "model.ckpt", weights_only=True)
    found: dict[str, torch.Tensor] = content["weights"]
    return found


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=0, equal_nan=True)


def killed_after_epoch(arguments: list[str], epoch: int) -> None:
    """Run the step in a process of its own and kill it when it tells the end of an epoch."""
    command = [sys.executable, "-m", "windrow.cli", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(f"epoch {epoch + 1}/"):
                process.kill()
        assert process.wait() == -9


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
    history = json.loads((tmp_path / "history.json").read_text())
    losses = [line["validation_loss"] for line in history["epochs"]]
    assert history["best_epoch"] == losses.index(min(losses))
    assert history["windows"] == {"train": 62, "validation": 62}  # starts 0, 12, … 732 of 744 - 10
    assert not list((tmp_path / "work").glob("*/last.ckpt"))


def test_another_seed_gives_other_weights_and_the_same_seed_the_same(tiny: Any, tmp_path: Path) -> None:
    found = {}
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        assert cli.main(options(tiny, tmp_path / name, "cnn", epochs=1, seed=seed)) == 0
        found[name] = weights(tmp_path / name)
    assert_equal(found["one"], found["again"])
    assert any(not torch.equal(found["one"][name], found["other"][name]) for name in found["one"])


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


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_the_ranks_share_the_windows_of_an_epoch_among_them(ranks: int) -> None:
    samplers = [EpochSampler(10, seed=3, shuffle=True, rank=rank, ranks=ranks) for rank in range(ranks)]
    for sampler in samplers:
        sampler.set_epoch(5)
    dealt = [list(sampler) for sampler in samplers]
    assert [len(sampler) for sampler in samplers] == [len(part) for part in dealt]
    assert sorted(number for part in dealt for number in part) == list(range(10))


def test_the_order_changes_with_the_epoch_and_repeats_with_it() -> None:
    sampler = EpochSampler(20, seed=3, shuffle=True)
    orders = []
    for epoch in (0, 1, 0):
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
    assert orders[0] == orders[2] != orders[1]
