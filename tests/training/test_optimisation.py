from typing import Any

import numpy as np
import pytest
import torch

from windrow.training.optimisation import build_optimizer, build_schedule, rate_of
from windrow.training_settings import Training


def rates(steps: int, **settings: Any) -> list[float]:
    """The learning rate of each step, as the schedule sets it."""
    options = Training.model_validate(settings)
    optimizer = build_optimizer(options, [torch.nn.Parameter(torch.zeros(1))])
    schedule = build_schedule(options, optimizer, steps)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_a_constant_rate_is_constant() -> None:
    assert rates(5, learning_rate=0.2) == pytest.approx([0.2] * 5)


def test_a_linear_rate_falls_to_the_final_one() -> None:
    found = rates(5, learning_rate=1.0, schedule="linear", final_rate=0.2)
    assert found == pytest.approx([1.0, 0.84, 0.68, 0.52, 0.36])
    assert rate_of(Training(schedule="linear", final_rate=0.2), 5)(5) == pytest.approx(0.2)


def test_a_cosine_rate_is_halfway_in_the_middle() -> None:
    found = rates(4, learning_rate=2.0, schedule="cosine", final_rate=0.5)
    # 0.5 + 0.5 * (1 + cos(pi * step / 4)) / 2, twice
    assert found == pytest.approx([2.0, 1 + 0.5 * (1 + 0.5**0.5), 1.5, 1 + 0.5 * (1 - 0.5**0.5)])


def test_the_rate_rises_over_the_warm_up_and_then_falls() -> None:
    found = rates(8, learning_rate=1.0, schedule="linear", final_rate=0.0, warmup_steps=3)
    assert found == pytest.approx([0.25, 0.5, 0.75, 1.0, 0.8, 0.6, 0.4, 0.2])


@pytest.mark.parametrize("schedule", ["constant", "cosine", "linear"])
def test_a_training_shorter_than_its_warm_up_has_a_rate(schedule: str) -> None:
    found = rates(3, learning_rate=1.0, schedule=schedule, warmup_steps=9)
    assert found == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize("schedule", ["constant", "cosine", "linear"])
def test_steps_beyond_the_last_keep_the_last_rate(schedule: Any) -> None:
    rate = rate_of(Training(schedule=schedule, final_rate=0.1), 10)
    assert rate(10) == rate(11) == rate(1000)


def adam(
    weights: np.ndarray,
    gradients: list[np.ndarray],
    *,
    lr: float,
    betas: tuple[float, float],
    decay: float,
    decoupled: bool,
) -> np.ndarray:
    """Kingma and Ba (2015), algorithm 1; Loshchilov and Hutter (2019), algorithm 2."""
    first = second = np.zeros_like(weights)
    for step, gradient in enumerate(gradients, 1):
        if decoupled:
            weights = weights * (1 - lr * decay)
        else:
            gradient = gradient + decay * weights
        first = betas[0] * first + (1 - betas[0]) * gradient
        second = betas[1] * second + (1 - betas[1]) * gradient**2
        corrected = first / (1 - betas[0] ** step), second / (1 - betas[1] ** step)
        weights = weights - lr * corrected[0] / (np.sqrt(corrected[1]) + 1e-8)
    return weights


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
@pytest.mark.parametrize("precision", ["32", "16-mixed"])
def test_steps_are_those_of_the_papers(optimizer: str, precision: str) -> None:
    settings = {"optimizer": optimizer, "precision": precision, "learning_rate": 0.1, "betas": (0.8, 0.95)}
    random = np.random.default_rng(1)
    begin, gradients = random.normal(size=4), [random.normal(size=4) for _ in range(5)]
    weights = torch.nn.Parameter(torch.tensor(begin))
    made = build_optimizer(Training.model_validate(settings | {"weight_decay": 0.3}), [weights])
    assert made.defaults["fused"] == (precision == "32")
    for gradient in gradients:
        weights.grad = torch.tensor(gradient)
        made.step()
    expected = adam(begin, gradients, lr=0.1, betas=(0.8, 0.95), decay=0.3, decoupled=optimizer == "adamw")
    np.testing.assert_allclose(weights.detach().numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_a_fused_optimiser_makes_no_step_where_infinity_was_found(optimizer: str) -> None:
    """What the training relies on when a gradient is not finite: weights, moments and count stay as they are."""
    settings = Training.model_validate({"optimizer": optimizer, "weight_decay": 0.1})
    weights, again = (torch.nn.Parameter(torch.tensor([1.0, -2.0])) for _ in range(2))
    one, other = build_optimizer(settings, [weights]), build_optimizer(settings, [again])
    for gradient, bad in (([0.5, 1.0], 0.0), ([float("nan"), float("inf")], 1.0), ([1.0, -1.0], 0.0)):
        weights.grad = torch.tensor(gradient)
        one.grad_scale, one.found_inf = None, torch.tensor(bad)  # type: ignore[attr-defined]
        before = weights.detach().clone()
        one.step()
        assert torch.equal(weights.detach(), before) == bool(bad)
        if not bad:
            again.grad = torch.tensor(gradient)
            other.step()
    assert torch.equal(weights, again)
    for name, value in one.state[weights].items():
        assert torch.equal(value, other.state[again][name])
