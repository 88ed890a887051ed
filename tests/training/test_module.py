import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.training.made import (
    INPUT_STEPS,
    LENGTH,
    NX,
    NY,
    TARGET_STEPS,
    batch,
    module,
    settings,
    surroundings,
)
from windrow.training.module import ForecastModule, not_finite_for_all, taught_share

HELD = {"name": "direct", "increment": True}  # and a silent network: the last field is held


def silenced(made: ForecastModule) -> ForecastModule:
    for weight in made.parameters():
        weight.data.zero_()
    return made


def held_errors(fields: np.ndarray, variable: int) -> np.ndarray:
    """Forecast that holds the last field, minus the truth: (window, lead, y, x), in physical units."""
    return fields[:, INPUT_STEPS - 1 : INPUT_STEPS, variable] - fields[:, INPUT_STEPS:, variable]


def at_epoch(made: ForecastModule, epoch: int, monkeypatch: pytest.MonkeyPatch) -> ForecastModule:
    monkeypatch.setattr(type(made), "current_epoch", epoch)
    return made


def test_the_loss_of_a_batch_is_the_mean_over_its_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    made = at_epoch(silenced(module(HELD)), 0, monkeypatch)
    one = batch(3)
    expected = ((held_errors(one.fields.tensor.numpy(), 0) / 4.0) ** 2).mean()
    assert made.training_step(one, 0).item() == pytest.approx(expected, rel=1e-5)
    assert made.train_totals.means()[0] == pytest.approx(expected, rel=1e-5)


def test_the_loss_is_multiplied_by_the_batchs_share(monkeypatch: pytest.MonkeyPatch) -> None:
    made = at_epoch(silenced(module(HELD)), 0, monkeypatch)
    whole, part = made.training_step(batch(3), 0), made.training_step(batch(3, share=0.2), 0)
    assert part.item() == pytest.approx(3 * 0.2 * whole.item())
    before = made.train_totals.sums.clone()
    assert made.training_step(batch(1, share=0.0), 0).item() == 0
    assert made.train_totals.sums.equal(before)


def test_the_loss_of_departures_weighs_leads_points_and_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """All settings at once, by their definitions in NumPy."""
    table = np.random.default_rng(3).normal(size=(288, 2, NY, NX)).astype(np.float32)
    weights = {"variables": {"tcc": 3.0, "2t": 1.0}, "lead_time": 0.5, "area": True, "diff_variance": True}
    its = settings(
        {"name": "diff_ar", "anomaly": True, "history": 1, "boundary_width": 1},
        training={"loss": [{"name": "mae", "weight": 2.0}], "loss_weights": weights},
    )
    made = at_epoch(silenced(ForecastModule(its, surroundings(its, table=table))), 0, monkeypatch)
    one = batch(2)
    std = np.array([4.0, 0.25])[:, None, None]
    fields = one.fields.tensor.numpy()
    departures = ((fields - table[np.arange(LENGTH)]) / std)[..., 1:-1, 1:-1]
    errors = np.abs(departures[:, INPUT_STEPS - 1 : INPUT_STEPS] - departures[:, INPUT_STEPS:])
    points = np.cos(np.deg2rad([51.0, 52.0]))[:, None] * np.ones((2, NX - 2))
    factors = (
        np.array([1, 0.5, 0.25, 0.125])[:, None, None, None]
        * np.array([1.0, 3.0])[:, None, None]  # both differences are half as large as their variable
        * points
    )
    expected = 2 * np.average(errors, weights=np.broadcast_to(factors, errors.shape))
    assert made.training_step(one, 0).item() == pytest.approx(expected, rel=1e-4)


def test_the_rollout_grows_with_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    rollout = [{"epoch": 0, "steps": 1}, {"epoch": 2, "steps": 3}, {"epoch": 5, "steps": 4}]
    made = silenced(module({"name": "diff_ar"}, training={"rollout": rollout}))
    errors = (held_errors(batch(2).fields.tensor.numpy(), 0) / 4.0) ** 2
    for epoch, leads in ((0, 1), (1, 1), (2, 3), (4, 3), (5, 4), (50, 4)):
        at_epoch(made, epoch, monkeypatch)
        assert made.leads_of_epoch() == leads
        expected = errors[:, :leads].mean()
        assert made.training_step(batch(2), 0).item() == pytest.approx(expected, rel=1e-5)


def test_without_a_rollout_all_leads_count() -> None:
    assert module("diff_ar").leads_of_epoch() is None


def test_validation_goes_all_the_way_and_tells_errors_in_physical_units(monkeypatch: pytest.MonkeyPatch) -> None:
    training = {"rollout": [{"epoch": 0, "steps": 1}]}
    made = silenced(module({"name": "diff_ar"}, targets=["tcc", "2t"], training=training))
    at_epoch(made, 0, monkeypatch).eval()
    first, second = batch(3, seed=1), batch(2, seed=2)
    for one in (first, second):
        made.validation_step(one, 0)
    fields = np.concatenate([one.fields.tensor.numpy() for one in (first, second)])
    loss, rmse = made.validation_totals.means()
    errors = [held_errors(fields, variable) for variable in (1, 0)]
    expected = np.stack([np.sqrt((error**2).mean(axis=(0, 2, 3))) for error in errors], axis=1)
    np.testing.assert_allclose(rmse.numpy(), expected, rtol=1e-5)
    in_deviations = [(error / std) ** 2 for error, std in zip(errors, (0.25, 4.0), strict=True)]
    assert loss == pytest.approx(np.mean(in_deviations), rel=1e-5)


def test_the_boundary_counts_neither_in_the_loss_nor_in_the_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    made = at_epoch(silenced(module({"name": "diff_ar", "boundary_width": 1})), 0, monkeypatch)
    one = batch(2)
    made.eval().validation_step(one, 0)
    errors = held_errors(one.fields.tensor.numpy(), 0)[..., 1:-1, 1:-1]
    loss, rmse = made.validation_totals.means()
    np.testing.assert_allclose(rmse[:, 0].numpy(), np.sqrt((errors**2).mean(axis=(0, 2, 3))), rtol=1e-5)
    assert loss == pytest.approx(((errors / 4) ** 2).mean(), rel=1e-5)


def test_a_divergence_is_added_with_its_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    class Diverging(nn.Module):
        def forward(self, given: Any) -> Any:
            return inner(given)._replace(divergence=torch.tensor([3.0, 5.0]))

    made = at_epoch(silenced(module({"name": "diff_ar"}, training={"kl_weight": 0.5})), 0, monkeypatch)
    plain = made.training_step(batch(2), 0).item()
    inner = made.model.strategy.forward
    monkeypatch.setattr(made.model.strategy, "forward", Diverging().forward)
    assert made.training_step(batch(2), 0).item() == pytest.approx(plain + 0.5 * 4.0)
    assert made.train_totals.means()[0] == pytest.approx(plain)  # which has no divergence


def test_the_share_of_taught_windows_falls_as_bengio_has_it() -> None:
    assert taught_share(10.0, 0) == pytest.approx(10 / 11)
    assert taught_share(10.0, 20) == pytest.approx(10 / (10 + math.e**2))
    assert taught_share(1.0, 10**9) == pytest.approx(0)


@pytest.mark.parametrize(("step", "share"), [(0, 0.999), (6908, 0.5), (10**6, 0.0)])
def test_windows_are_taught_while_training_and_never_in_validation(
    step: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = module({"name": "sequence", "scheduled_sampling": 1000.0})  # 1000 ln 1000 = 6908
    monkeypatch.setattr(type(made), "global_step", step)
    found = made._taught(5000)
    assert found is not None
    assert found.shape == (5000, TARGET_STEPS - 1)
    assert found.float().mean().item() == pytest.approx(share, abs=0.02)
    assert made.eval()._taught(5000) is None
    assert module("sequence")._taught(3) is None


def test_mixed_precision_does_not_round_the_losses_of_a_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    made = at_epoch(silenced(module({"name": "diff_ar"})), 0, monkeypatch).eval()
    made.validation_step(batch(2), 0)
    expected = made.validation_totals.sums.clone()
    made.validation_totals.reset()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        made.validation_step(batch(2), 0)
    torch.testing.assert_close(made.validation_totals.sums, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_has_no_finite_gradient(value: float) -> None:
    """The gradient of |x| is finite at infinity; with several ranks all must see that one of them has to end."""
    weight = torch.tensor([1.0, value], requires_grad=True)
    not_finite_for_all(weight.abs().sum()).backward()
    assert weight.grad is not None
    assert weight.grad.isnan().all()


def test_a_finite_loss_is_left_as_it_is() -> None:
    weight = torch.tensor([1.0, 0.1], requires_grad=True)
    loss = (weight**3).sum()
    found = not_finite_for_all(loss)
    assert found.equal(loss)
    (expected,) = torch.autograd.grad(loss, weight, retain_graph=True)
    (gradient,) = torch.autograd.grad(found, weight)
    assert gradient.equal(expected)


def test_the_schedule_runs_over_the_steps_of_all_epochs() -> None:
    made = module("direct", training={"epochs": 3, "schedule": "linear", "final_rate": 0.0, "learning_rate": 1.0})
    made.steps_per_epoch = 5
    found: Any = made.configure_optimizers()
    assert found["lr_scheduler"]["interval"] == "step"
    rate = found["lr_scheduler"]["scheduler"].lr_lambdas[0]
    assert rate(0) == 1.0
    assert rate(12) == pytest.approx(0.2)
    assert rate(15) == 0.0
    trained = {id(weight) for group in found["optimizer"].param_groups for weight in group["params"]}
    assert trained == {id(weight) for weight in made.parameters()}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch warns of its own modules
def test_a_compiled_network_has_the_same_weights_and_gives_the_same_loss_and_gradient(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The network is captured as one graph; to make machine code of it would take a compiler and a minute."""
    compiled = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda its: compiled(its, backend="eager", fullgraph=True))
    found: list[tuple[Tensor, Tensor]] = []
    names = []
    for choice in (False, True):
        made = at_epoch(module("direct", training={"compile": choice}), 0, monkeypatch)
        loss = made.training_step(batch(2), 0)
        loss.backward()
        gradients = [weight.grad.flatten() for weight in made.parameters() if weight.grad is not None]
        found.append((loss.detach(), torch.cat(gradients)))
        names.append(list(made.model.state_dict()))
    torch.testing.assert_close(found[0], found[1])
    assert names[0] == names[1]
    network: Any = made.model.strategy.network
    assert network._compiled_call_impl is not None
