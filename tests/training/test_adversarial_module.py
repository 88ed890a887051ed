"""SAVP trained by the step itself, on a tiny dataset."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.test_fit import assert_equal
from tests.training.test_resume import windrow
from windrow import cli, cuts
from windrow.configfile import validate
from windrow.errors import UserError
from windrow.models.savp import SAVPNetwork
from windrow.training.adversarial import AdversarialLosses, Videos
from windrow.training.adversarial_module import AdversarialModule, frozen, twice
from windrow.training.resume import ResumePoints
from windrow.training.strategies import Given

SMALL = {
    "name": "savp",
    "features": 2,
    "encoder_features": 2,
    "discriminator_features": 1,
    "latent": 2,
    "transforms": 2,
    "kernel": 3,
    "cell_kernel": 3,
    "scales": 1,
}


def content_with(tiny: Any, **training: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(json.dumps(tiny.content))
    content["sequences"]["stride"] = 48
    content["experiments"]["savp"] = {
        "targets": ["2t"],
        "model": SMALL,
        "strategy": {"name": "sequence", "scheduled_sampling": 5.0},
        "training": {"epochs": 2, "batch_size": 8, "adversarial": {}} | training,
    }
    return content


def options(tiny: Any, output: Path, **training: Any) -> list[str]:
    config = type(tiny)(tiny.path, content_with(tiny, **training)).config
    settings = cuts.settings_of("train", config, experiment="savp")
    inputs = {
        "shards": "shards",
        "statistics": "statistics.json",
        "climatology": "climatology.nc",
        "statics": "statics.nc",
    }
    given = [word for name, file in inputs.items() for word in (f"--{name}", str(tiny.path / file))]
    outputs = {"work": "work", "model": "model.ckpt", "history": "history.json"}
    made = [word for name, file in outputs.items() for word in (f"--{name}", str(output / file))]
    return ["train", "--settings", settings, *given, *made]


def trained(output: Path) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = torch.load(output / "model.ckpt", weights_only=True)["weights"]
    return weights


def history(output: Path) -> list[dict[str, Any]]:
    epochs: list[dict[str, Any]] = json.loads((output / "history.json").read_text())["epochs"]
    return epochs


@pytest.fixture(scope="module")
def whole(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("savp")
    assert cli.main(options(tiny, output)) == 0
    return output


def test_steps_are_counted_once_per_batch(whole: Path) -> None:
    assert [line["step"] for line in history(whole)] == [2, 4]  # 16 windows in batches of 8


def test_a_training_that_ends_in_the_middle_of_an_epoch_goes_on_to_the_same_weights(
    tiny: Any, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ResumePoints.on_train_batch_end

    def asked_to_end(self: Any, trainer: Any, module: Any, outputs: Any, batch: Any, number: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        before(self, trainer, module, outputs, batch, number)

    with monkeypatch.context() as patch:
        patch.setattr(ResumePoints, "on_train_batch_end", asked_to_end)
        assert cli.main(options(tiny, tmp_path)) == 75
    capsys.readouterr()
    assert cli.main(options(tiny, tmp_path)) == 0
    assert "step-000000001.ckpt" in capsys.readouterr().out
    assert_equal(trained(tmp_path), trained(whole))


def test_both_sides_learn(tiny: Any, whole: Path, tmp_path: Path) -> None:
    assert cli.main(options(tiny, tmp_path, learning_rate=1e-12)) == 0
    begun, ended = trained(tmp_path), trained(whole)
    for part in ("down", "encoder", "discriminators.gan", "discriminators.vae_gan"):
        name = next(name for name in ended if f"network.{part}." in name and begun[name].ndim > 3)
        assert (begun[name] - ended[name]).abs().max() > 1e-4, name


def test_reconstruction_is_that_of_the_forecast_from_the_posterior(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Videos] = []

    def certain(self: SAVPNetwork, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = 2 * torch.ones(len(frames), frames.shape[1] - 1, self.noise_features)
        return mean, -60 * torch.ones_like(mean)

    def forecast_thrice(self: Any, batch: Any, _: int) -> torch.Tensor:
        given = self.model.normalised(batch.fields, batch.rows)
        for _ in range(2):
            _, videos, named, _ = self._forecast_twice(batch)
            assert torch.equal(named.tensor, videos.posterior)
            found.append(videos)
        noise = 2 * torch.ones(len(batch.rows), 9, 2)
        expected = self.model.unroll(self.model.given(given, batch.calendar, noise=noise))[0].tensor
        torch.testing.assert_close(videos.posterior, expected)
        assert torch.equal(videos.truth, given.tensor[:, 6:])
        self.train_totals.add(torch.zeros(1))  # an epoch without a loss counts as diverged
        return torch.zeros(())

    monkeypatch.setattr(SAVPNetwork, "posterior", certain)
    monkeypatch.setattr(AdversarialModule, "training_step", forecast_thrice)
    monkeypatch.setattr(AdversarialModule, "_taught", lambda *_: None)
    assert cli.main(options(tiny, tmp_path, epochs=1)) == 0
    torch.testing.assert_close(found[0].posterior, found[1].posterior)
    assert not torch.allclose(found[0].prior, found[1].prior)


def test_without_adversarial_terms_the_discriminators_stay_as_they_are(tiny: Any, tmp_path: Path) -> None:
    for name, rate in (("begun", 1e-12), ("ended", 1e-3)):
        assert cli.main(options(tiny, tmp_path / name, adversarial=None, learning_rate=rate)) == 0
    begun, ended = trained(tmp_path / "begun"), trained(tmp_path / "ended")
    for name, value in ended.items():
        if "discriminators" in name:
            assert torch.equal(value, begun[name]), name
    assert any("encoder" in name and not torch.allclose(ended[name], begun[name]) for name in ended)


def test_a_step_that_is_not_finite_names_its_windows(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(self: Any, videos: Videos) -> dict[str, torch.Tensor]:
        return {"gan": torch.full((len(videos.truth),), torch.nan)}

    monkeypatch.setattr(AdversarialLosses, "generator", broken)
    assert cli.main(options(tiny, tmp_path)) == 2
    told = capsys.readouterr().err
    assert "diverged in epoch 1, step 0" in told
    assert "windows from 2007-01-" in told


@pytest.mark.slow
def test_two_processes_train_together(tiny: Any, tmp_path: Path) -> None:
    code, output = windrow(options(tiny, tmp_path / "two", devices=2, accelerator="cpu"), tmp_path)
    assert code == 0, output
    assert [line["step"] for line in history(tmp_path / "two")] == [1, 2]  # 16 windows in batches of 8 on each


def test_accumulated_gradients_are_refused(tiny: Any) -> None:
    with pytest.raises(UserError, match=r"training\.accumulate must be 1 for the model savp"):
        validate(content_with(tiny, accumulate=2))


def test_windows_go_behind_themselves_with_other_noise() -> None:
    given = Given(torch.rand(2, 3), torch.rand(2, 4), leads=5, noise=torch.zeros(2, 1))
    found = twice(given, torch.ones(2, 1))
    assert torch.equal(found.inputs[:2], given.inputs)
    assert torch.equal(found.inputs[2:], given.inputs)
    assert torch.equal(found.forcings[2:], given.forcings)
    assert found.noise is not None
    assert found.noise.flatten().tolist() == [0, 0, 1, 1]
    assert (found.truth, found.taught, found.leads) == (None, None, 5)


def test_frozen_weights_have_no_gradient_until_an_error_as_well() -> None:
    layer = torch.nn.Linear(1, 1)
    layer.bias.requires_grad_(False)

    def fail() -> None:
        with frozen(layer.parameters()):
            assert not layer.weight.requires_grad
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert layer.weight.requires_grad
    assert not layer.bias.requires_grad
