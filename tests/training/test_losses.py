from typing import Any

import numpy as np
import pytest
import torch

from windrow.training.losses import (
    Weights,
    combined,
    gradient_difference,
    huber,
    mae,
    mse,
    spectral,
    wave_rings,
)
from windrow.training_settings import LossTerm

SHAPE = (2, 3, 2, 4, 5)  # window, lead, variable, y, x


def of_mean_one(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32) / np.mean(values)


def weights(leads: int = 3, variables: int = 2, ny: int = 4, nx: int = 5) -> Weights:
    return Weights(torch.ones(leads), torch.ones(variables), torch.ones(ny, nx))


UNEVEN = Weights(of_mean_one(3.0, 2.0, 1.0), of_mean_one(1.0, 4.0), of_mean_one(*range(1, 21)).reshape(4, 5))


@pytest.fixture
def fields() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(3)
    return torch.randn(SHAPE, generator=random), torch.randn(SHAPE, generator=random)


def mean(values: np.ndarray, its: Weights) -> np.ndarray:
    """The weighted mean by its definition, per window."""
    factor = (
        its.leads.numpy()[:, None, None, None]
        * its.variables.numpy()[:, None, None]
        * np.broadcast_to(its.points.numpy(), SHAPE[-2:])
    )
    return np.array([np.average(one, weights=factor) for one in values])


@pytest.mark.parametrize("its", [weights(), UNEVEN], ids=["even", "uneven"])
def test_losses_of_points_are_weighted_means(fields: tuple[torch.Tensor, torch.Tensor], its: Weights) -> None:
    forecast, truth = fields
    error = (forecast - truth).numpy()
    small = np.abs(error) < 0.7
    expected: dict[Any, np.ndarray] = {
        mse: error**2,
        mae: np.abs(error),
        lambda *given: huber(*given, delta=0.7): np.where(small, 0.5 * error**2, 0.7 * (np.abs(error) - 0.35)),
    }
    assert 0 < small.mean() < 1
    for loss, values in expected.items():
        np.testing.assert_allclose(loss(forecast, truth, its).numpy(), mean(values, its), rtol=1e-5)


def test_huber_is_continuous_where_it_turns() -> None:
    error = torch.tensor([0.5, 1.0, 2.0 - 1e-6, 2.0, 3.0, -3.0]).reshape(6, 1, 1, 1, 1).requires_grad_()
    found = huber(error, torch.zeros(6, 1, 1, 1, 1), weights(1, 1, 1, 1), delta=2.0)
    torch.testing.assert_close(found, torch.tensor([0.125, 0.5, 2.0, 2.0, 4.0, 4.0]))
    found.sum().backward()
    assert error.grad is not None
    torch.testing.assert_close(error.grad.flatten(), torch.tensor([0.5, 1.0, 2.0, 2.0, 2.0, -2.0]))


def test_a_shorter_forecast_is_weighed_by_its_own_leads(fields: tuple[torch.Tensor, torch.Tensor]) -> None:
    forecast, truth = (part[:, :2] for part in fields)
    error = ((forecast - truth) ** 2).numpy().mean(axis=(-2, -1))  # leads count 3 : 2, variables 1 : 4
    expected = (3 * error[:, 0] + 2 * error[:, 1]) @ np.array([1, 4]) / 25
    its = Weights(UNEVEN.leads, UNEVEN.variables, torch.ones(4, 5))
    np.testing.assert_allclose(mse(forecast, truth, its).numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("loss", [mse, mae, huber, spectral, gradient_difference])
def test_a_perfect_forecast_has_no_loss(loss: Any, fields: tuple[torch.Tensor, torch.Tensor]) -> None:
    assert loss(fields[0], fields[0].clone(), UNEVEN).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("loss", [mse, mae, huber, spectral, gradient_difference])
def test_mixed_precision_does_not_round_a_loss(loss: Any, fields: tuple[torch.Tensor, torch.Tensor]) -> None:
    expected = loss(*fields, UNEVEN)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss(*fields, UNEVEN)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)


def test_the_gradient_difference_of_ramps_is_the_difference_of_their_slopes() -> None:
    y, x = torch.meshgrid(torch.arange(4.0), torch.arange(5.0), indexing="ij")
    forecast = (3 * x - 2 * y).expand(1, 1, 1, 4, 5)
    truth = (1 * x + 7 * y).expand(1, 1, 1, 4, 5)
    # sizes alone count: |3| - |1| along x and |-2| - |7| along y
    assert gradient_difference(forecast, truth, weights(1, 1)).tolist() == [2.0 + 5.0]
    assert gradient_difference(-truth + 100, truth, weights(1, 1)).tolist() == [0.0]


def test_the_gradient_difference_is_a_mean_over_leads_and_variables(
    fields: tuple[torch.Tensor, torch.Tensor],
) -> None:
    forecast, truth = (part.numpy() for part in fields)
    along = [
        np.abs(np.abs(np.diff(forecast, axis=axis)) - np.abs(np.diff(truth, axis=axis))).mean(axis=(-2, -1))
        for axis in (-2, -1)
    ]
    expected = np.einsum("nlv,l,v->n", sum(along), [3, 2, 1], [1, 4]) / 30
    np.testing.assert_allclose(gradient_difference(*fields, UNEVEN).numpy(), expected, rtol=1e-5)


def test_a_grid_of_one_row_has_a_gradient_along_x_alone() -> None:
    forecast = torch.tensor([0.0, 1.0, 3.0]).reshape(1, 1, 1, 1, 3)
    found = gradient_difference(forecast, torch.zeros(1, 1, 1, 1, 3), weights(1, 1, 1, 3))
    assert found.tolist() == [1.5]


def test_rings_are_numbered_by_wave_numbers_of_the_shorter_side() -> None:
    rings, count = wave_rings(8, 16, torch.device("cpu"))
    assert count == 4
    ring = rings.reshape(8, 9)
    outside = count
    # along x wave 2 of 16 points is as long as wave 1 of 8
    assert ring[0].tolist() == [
        outside,
        outside,
        0,
        1,
        1,
        1,
        2,
        3,
        3,
    ]  # 0, .5, 1, 1.5 -> 2 (even), 2, 2.5 -> 2, ...
    assert ring[:, 0].tolist() == [outside, 0, 1, 2, 3, 2, 1, 0]
    assert ring[4, 8] == outside  # 4 * sqrt(2) lies outside of the largest circle


def wave(number: int, n: int = 32) -> torch.Tensor:
    x = torch.arange(float(n))
    return torch.sin(2 * np.pi * number * (x + 0.5) / n).expand(1, 1, 1, n, n)


def test_the_spectral_loss_is_the_mean_squared_difference_of_log_power() -> None:
    """A field of all waves at twice the amplitude has four times the power in each ring."""
    random = torch.Generator().manual_seed(1)
    truth = torch.randn(1, 1, 1, 32, 32, generator=random)
    found = spectral(2 * truth, truth, weights(1, 1))
    assert found.item() == pytest.approx(np.log(4) ** 2, rel=1e-3)


def test_a_wave_of_twice_the_amplitude_differs_in_its_own_ring_and_the_next_alone() -> None:
    """A Hann window spreads a wave over two rings more; noise keeps the others equal: 3 of 16 differ by log 4."""
    random = torch.Generator().manual_seed(1)
    noise = torch.randn(1, 1, 1, 32, 32, generator=random)
    found = spectral(noise + 10 * wave(6), noise + 5 * wave(6), weights(1, 1)).item()
    assert found * 16 / np.log(4) ** 2 == pytest.approx(3, abs=0.15)


def test_power_where_there_was_another_counts_and_place_does_not() -> None:
    one, shifted, other = wave(5), torch.roll(wave(5), (3, 7), (-2, -1)), wave(9)
    moved = spectral(shifted, one, weights(1, 1))
    changed = spectral(other, one, weights(1, 1))
    assert changed > 100 * moved


def test_the_spectral_loss_agrees_with_numpy(fields: tuple[torch.Tensor, torch.Tensor]) -> None:
    def logs(field: np.ndarray) -> np.ndarray:
        ny, nx = field.shape
        taper = np.hanning(ny + 2)[1:-1, None] * np.hanning(nx + 2)[1:-1]
        spectrum = np.abs(np.fft.rfft2((field - field.mean()) * taper)) ** 2 / field.size
        total = np.hypot(np.fft.fftfreq(ny)[:, None], np.fft.rfftfreq(nx)) * min(ny, nx)
        rings = [spectrum[np.rint(total) == number].sum() for number in range(1, min(ny, nx) // 2 + 1)]
        return np.log(np.array(rings) + 1e-8)

    forecast, truth = (part.numpy().astype(np.float64) for part in fields)
    expected = [
        np.mean(
            [
                [((logs(forecast[n, lead, v]) - logs(truth[n, lead, v])) ** 2).mean() for v in range(2)]
                for lead in range(3)
            ]
        )
        for n in range(2)
    ]
    np.testing.assert_allclose(spectral(*fields, weights()).numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize("ny", [1, 2, 5])
def test_the_spectral_loss_has_a_gradient_even_where_nothing_varies(ny: int) -> None:
    for forecast in (torch.zeros(1, 1, 1, ny, 6), torch.randn(1, 1, 1, ny, 6)):
        forecast.requires_grad_()
        loss = spectral(forecast, torch.zeros(1, 1, 1, ny, 6), weights(1, 1))
        loss.sum().backward()
        assert forecast.grad is not None
        assert torch.isfinite(loss).all()
        assert torch.isfinite(forecast.grad).all()


def test_terms_are_added_with_their_weights(fields: tuple[torch.Tensor, torch.Tensor]) -> None:
    terms = (
        LossTerm(name="mse", weight=0.5),
        LossTerm(name="huber", weight=2.0, delta=0.1),
        LossTerm(name="gradient_difference"),
    )
    expected = (
        0.5 * mse(*fields, UNEVEN) + 2 * huber(*fields, UNEVEN, delta=0.1) + gradient_difference(*fields, UNEVEN)
    )
    torch.testing.assert_close(combined(terms)(*fields, UNEVEN), expected)


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("mse", mse),
        ("mae", mae),
        ("huber", huber),
        ("spectral", spectral),
        ("gradient_difference", gradient_difference),
    ],
)
def test_a_single_term_is_the_loss_of_its_name(
    name: Any, loss: Any, fields: tuple[torch.Tensor, torch.Tensor]
) -> None:
    found = combined((LossTerm(name=name, weight=3.0),))(*fields, UNEVEN)
    torch.testing.assert_close(found, 3 * loss(*fields, UNEVEN))
