"""The variational autoencoder: its size, its grids, its noise, its divergence."""

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from windrow.models import GridSize, build
from windrow.models.settings import VAE
from windrow.models.vae import VAENetwork


def vae(ny: int = 8, nx: int = 12, *, inputs: int = 3, outputs: int = 2) -> VAENetwork:
    torch.manual_seed(0)
    settings = VAE(name="vae", features=4, latent=5)
    network = build(settings, inputs=inputs, outputs=outputs, grid=GridSize(ny, nx))
    assert isinstance(network, VAENetwork)
    return network


def one_by_one(network: VAENetwork, fields: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
    state = network.initial_state(fields[:, 0])
    for step in range(fields.shape[1]):
        output, state = network(fields[:, step], state, None if noise is None else noise[:, step])
    return output, network.divergence(state)


def test_parameters_of_the_default_settings_are_those_of_the_layers() -> None:
    network = build(VAE(name="vae"), inputs=5, outputs=3, grid=GridSize(56, 92))
    convolution, numbers = 9 * 8 * 8 + 8, 8 * 14 * 23
    encoder = 9 * 5 * 8 + 8 + 2 * convolution + numbers * 32 + 32
    decoder = 16 * numbers + numbers + 2 * convolution + 9 * 8 * 3 + 3
    assert encoder + decoder == 129_179
    assert sum(parameter.numel() for parameter in network.parameters()) == encoder + decoder


@pytest.mark.parametrize("points", [(1, 1), (5, 6), (8, 8), (9, 13)])
def test_any_grid_is_kept(points: tuple[int, int]) -> None:
    network = vae(*points)
    x = torch.randn(2, 3, *points)
    output, state = network(x, network.initial_state(x), torch.randn(2, 5))
    assert output.shape == (2, 2, *points)
    assert network.divergence(state).shape == (2,)


def test_the_divergence_is_that_of_torch_distributions_summed_over_steps() -> None:
    network = vae()
    fields = torch.randn(2, 3, 3, 8, 12)
    moments = network.encoder(fields.flatten(0, 1)).view(2, 3, 10)
    posterior = Normal(moments[..., :5], (moments[..., 5:] / 2).exp())
    expected = kl_divergence(posterior, Normal(0.0, 1.0)).sum((1, 2))
    torch.testing.assert_close(one_by_one(network, fields, None)[1], expected)


def test_noise_changes_the_forecast_and_its_absence_is_the_mean() -> None:
    network = vae()
    x = torch.randn(2, 3, 8, 12)
    state = network.initial_state(x)
    quiet, _ = network(x, state)
    assert torch.equal(quiet, network(x, state, torch.zeros(2, 5))[0])
    assert (network(x, state, torch.randn(2, 5))[0] - quiet).abs().max() > 1e-3


def test_known_steps_are_encoded_at_once_as_if_they_came_one_by_one() -> None:
    network = vae()
    fields, noise = torch.randn(2, 3, 3, 8, 12), torch.randn(2, 3, 5)
    for given in (noise, None):
        output, state = network.encode(fields, given)
        expected, divergence = one_by_one(network, fields, given)
        torch.testing.assert_close(output, expected)
        torch.testing.assert_close(network.divergence(state), divergence)


def test_gradients_of_forecast_and_divergence_reach_all_weights() -> None:
    network = vae()
    x = torch.randn(4, 3, 8, 12)
    output, state = network(x, network.initial_state(x), torch.randn(4, 5))
    (output.square().mean() + network.divergence(state).mean()).backward()
    assert [name for name, one in network.named_parameters() if one.grad is None or not one.grad.any()] == []


def test_an_extreme_field_has_a_finite_divergence() -> None:
    network = vae()
    x = torch.full((1, 3, 8, 12), 1e4)
    _, state = network(x, network.initial_state(x))
    assert torch.isfinite(network.divergence(state)).all()
