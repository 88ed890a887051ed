"""SAVP: its sizes, its masks, its noise, its posterior, and where gradients go."""

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

from windrow.models import GridSize, build
from windrow.models.discriminators import VideoDiscriminator
from windrow.models.gaussian import divergence_from_unit, draw
from windrow.models.savp import SAVPNetwork
from windrow.models.savp_layers import Down, NormedConvLSTMCell
from windrow.models.settings import SAVP

SMALL = {"features": 4, "encoder_features": 4, "discriminator_features": 2, "latent": 3, "transforms": 2}


def savp(ny: int = 8, nx: int = 12, *, inputs: int = 3, outputs: int = 2, **settings: int) -> SAVPNetwork:
    torch.manual_seed(0)
    chosen = SAVP(name="savp", **(SMALL | settings))
    network = build(chosen, inputs=inputs, outputs=outputs, grid=GridSize(ny, nx))
    assert isinstance(network, SAVPNetwork)
    return network


def unrolled(network: SAVPNetwork, fields: Tensor, noise: Tensor | None = None) -> Tensor:
    """Outputs (batch, step, outputs, y, x) of known fields (batch, step, inputs, y, x)."""
    state = network.initial_state(fields[:, 0])
    outputs = []
    for step in range(fields.shape[1]):
        output, state = network(fields[:, step], state, None if noise is None else noise[:, step])
        outputs.append(output)
    return torch.stack(outputs, dim=1)


def counted(parameters: object) -> int:
    return sum(parameter.numel() for parameter in parameters)  # type: ignore[attr-defined]


def test_parameters_of_the_default_settings_are_those_of_the_layers() -> None:
    latent, outputs, inputs = 16, 3, 5
    network = build(SAVP(name="savp"), inputs=inputs, outputs=outputs, grid=GridSize(56, 92))
    assert isinstance(network, SAVPNetwork)
    norm = {width: 2 * width for width in (32, 64, 128, 256)}  # factor and offset of each feature

    def shifted_norm(width: int) -> int:
        return norm[width] + latent * width

    def cell(width: int) -> int:
        return 25 * 2 * width * 4 * width + shifted_norm(4 * width) + norm[width]

    generator = (
        (2 * latent) * (4 * latent) + 4 * latent  # LSTM of z
        + 25 * (inputs + outputs) * 32 + shifted_norm(32) + cell(32)  # down to 28 x 46
        + 9 * 32 * 64 + shifted_norm(64) + cell(64)  # down to 14 x 23
        + 9 * 64 * 32 + shifted_norm(32) + cell(32)  # up to 28 x 46
        + 9 * (32 + 32) * 32 + shifted_norm(32)  # up to 56 x 92
        + (64 * 14 * 23) * (4 * 25) + 4 * 25  # kernels
        + 9 * 32 * 64 + norm[64]  # before masks and synthesis
        + 9 * 32 * outputs + outputs  # synthesis
        + 9 * (32 + 7 * outputs) * 7 + 7  # masks
    )  # fmt: skip
    encoder = (
        16 * 2 * outputs * 64 + 64
        + 16 * 64 * 128 + norm[128]
        + 16 * 128 * 256 + norm[256]
        + 256 * 2 * latent + 2 * latent
    )  # fmt: skip
    discriminator = (
        27 * outputs * 32 + 32
        + 48 * 32 * 64 + 64 + 27 * 64 * 64 + 64
        + 48 * 64 * 128 + 128 + 27 * 128 * 128 + 128
        + 48 * 128 * 256 + 256 + 27 * 256 * 256 + 256
        + 256 + 1
    )  # fmt: skip
    assert (generator, encoder, discriminator) == (3_388_633, 670_560, 4_390_593)
    assert counted(network.encoder.parameters()) == encoder
    assert counted(network.generator_parameters()) == generator + encoder
    assert counted(network.discriminator_parameters()) == 2 * discriminator
    assert counted(network.parameters()) == generator + encoder + 2 * discriminator


@pytest.mark.parametrize("scales", [1, 2, 3])
@pytest.mark.parametrize("points", [(1, 1), (5, 6), (8, 8), (9, 13)])
def test_any_grid_is_kept(points: tuple[int, int], scales: int) -> None:
    network = savp(*points, scales=scales)
    fields, videos = torch.randn(2, 2, 3, *points), torch.randn(2, 3, 2, *points)
    before = network.initial_state(fields[:, 0])
    output, after = network(fields[:, 0], before, torch.randn(2, 3))
    assert output.shape == (2, 2, *points)
    assert [part.shape for part in after] == [part.shape for part in before]
    assert [part.shape for part in network.posterior(videos)] == [(2, 2, 3)] * 2
    scores, features = network.discriminators["gan"](videos)
    assert len(features) == 7
    assert scores.shape[0] == features[-1].shape[0] == 2


def test_masks_sum_to_one_and_compose_the_output() -> None:
    network = savp()
    seen: list[Tensor] = []
    network.masks.register_forward_hook(lambda _module, _inputs, masks: seen.append(masks))
    unrolled(network, torch.randn(2, 3, 3, 8, 12), torch.randn(2, 3, 3))
    assert len(seen) == 3
    for masks in seen:
        assert masks.shape == (2, 2 + 3, 8, 12)
        assert masks.min() >= 0
        torch.testing.assert_close(masks.sum(1), torch.ones(2, 8, 12))


def test_all_fields_alike_are_composed_to_the_same_field() -> None:
    network = savp()
    with torch.no_grad():
        for parameter in network.synthesis.parameters():
            parameter.zero_()
        network.synthesis.bias.fill_(1.5)
    # transforms, the last, the first and the synthesized field are all 1.5, so whatever the masks, the output is
    found = unrolled(network, torch.full((1, 3, 3, 8, 12), 1.5), torch.randn(1, 3, 3))
    torch.testing.assert_close(found, torch.full((1, 3, 2, 8, 12), 1.5))


def test_masks_choose_among_the_last_the_first_and_the_synthesized_field() -> None:
    network = savp()
    fields = torch.randn(1, 2, 3, 8, 12)
    expected = [fields[:, 1, :2], fields[:, 0, :2], torch.full((1, 2, 8, 12), 0.25)]
    with torch.no_grad():
        for parameter in (*network.synthesis.parameters(), *network.masks.parameters()):
            parameter.zero_()
        network.synthesis.bias.fill_(0.25)
        for place, field in enumerate(expected, start=2):  # behind the two transforms
            network.masks[0].bias.copy_(100 * functional.one_hot(torch.tensor(place), 5))
            torch.testing.assert_close(unrolled(network, fields)[:, 1], field)


def test_the_first_field_is_remembered() -> None:
    network = savp()
    fields = torch.randn(1, 2, 3, 8, 12)
    state = network.initial_state(fields[:, 0])
    assert torch.equal(state[0], fields[:, 0, :2])
    _, state = network(fields[:, 1], state)
    assert torch.equal(state[0], fields[:, 0, :2])


def test_noise_changes_the_forecast_and_its_absence_is_the_mean_of_the_prior() -> None:
    network = savp()
    fields = torch.randn(2, 2, 3, 8, 12)
    quiet = unrolled(network, fields)
    assert torch.equal(quiet, unrolled(network, fields, torch.zeros(2, 2, 3)))
    noisy = unrolled(network, fields, torch.randn(2, 2, 3))
    assert ((noisy - quiet).abs().flatten(2).max(dim=2).values > 1e-3).all()  # at both steps of both samples


def test_noise_of_the_first_step_is_felt_in_the_second() -> None:
    network = savp()
    fields = torch.randn(1, 2, 3, 8, 12)
    noise = torch.zeros(1, 2, 3)
    noise[:, 0] = 2
    assert (unrolled(network, fields, noise) - unrolled(network, fields))[:, 1].abs().max() > 1e-4


def test_known_steps_are_encoded_as_if_they_came_one_by_one() -> None:
    network = savp()
    fields, noise = torch.randn(2, 3, 3, 8, 12), torch.randn(2, 3, 3)
    output, _ = network.encode(fields, noise)
    torch.testing.assert_close(output, unrolled(network, fields, noise)[:, -1])


def test_a_convolution_and_the_mean_of_2x2_points_are_one() -> None:
    torch.manual_seed(0)
    layer = Down(3, 4, 2, kernel=5)
    x, z = torch.randn(2, 3, 8, 12), torch.randn(2, 2)
    pooled = functional.avg_pool2d(functional.conv2d(x, layer.convolution.weight, padding=2), 2)
    expected = functional.relu(functional.instance_norm(pooled) + layer.norm.shift(z)[:, :, None, None])
    torch.testing.assert_close(layer(x, z), expected)


def test_a_cell_is_that_of_the_paper_with_normalised_gates_and_cell() -> None:
    torch.manual_seed(0)
    layer = NormedConvLSTMCell(2, 3, kernel=3)
    x, hidden, cell, z = (
        torch.randn(2, 2, 4, 5),
        torch.randn(2, 2, 4, 5),
        torch.randn(2, 2, 4, 5),
        torch.randn(2, 3),
    )
    gates = functional.conv2d(torch.cat([x, hidden], 1), layer.gates.weight, padding=1)
    gates = functional.instance_norm(gates) + (z @ layer.gates_norm.shift.weight.T)[:, :, None, None]
    into, forget, out, new = gates.split(2, dim=1)
    expected_cell = functional.instance_norm((forget + 1).sigmoid() * cell + into.sigmoid() * new.tanh())
    found, found_cell = layer(x, hidden, cell, z)
    torch.testing.assert_close(found_cell, expected_cell)
    torch.testing.assert_close(found, out.sigmoid() * expected_cell.tanh())


def test_the_divergence_is_that_of_torch_distributions() -> None:
    torch.manual_seed(0)
    mean, log_variance = torch.randn(4, 5, 3), torch.randn(4, 5, 3)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(-1)
    torch.testing.assert_close(divergence_from_unit(mean, log_variance), expected)


def test_noise_is_scaled_by_the_deviation() -> None:
    found = draw(torch.tensor([1.0]), torch.tensor([4.0]).log(), torch.tensor([-3.0]))
    torch.testing.assert_close(found, torch.tensor([1.0 - 3 * 2]))


def test_the_posterior_of_a_step_comes_from_its_two_fields_alone() -> None:
    network = savp()
    frames = torch.randn(1, 4, 2, 8, 12)
    mean, log_variance = network.posterior(frames)
    other = frames.clone()
    other[:, 3] += torch.randn(1, 2, 8, 12)
    other_mean, other_log_variance = network.posterior(other)
    torch.testing.assert_close(mean[:, :2], other_mean[:, :2])
    torch.testing.assert_close(log_variance[:, :2], other_log_variance[:, :2])
    assert not torch.allclose(mean[:, 2], other_mean[:, 2])
    assert mean.shape == log_variance.shape == (1, 3, 3)


def test_the_discriminators_spectral_norms_are_one() -> None:
    torch.manual_seed(0)
    discriminator = VideoDiscriminator(2, 2)
    with torch.no_grad():
        for parameter in discriminator.parameters():
            parameter.mul_(3)  # an optimiser's step does not wait for the norm
        for _ in range(40):
            discriminator(torch.randn(1, 2, 2, 8, 8))
    for layer in [*discriminator.layers, discriminator.scores]:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.02)


def without_gradient(network: torch.nn.Module, prefixes: tuple[str, ...]) -> set[str]:
    found = {name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()}
    return {name for name in found if name.startswith(prefixes)}


GENERATOR = ("latent_cell", "down", "up", "cells", "kernels", "heads", "synthesis", "masks")


def test_gradients_of_a_forecast_with_posterior_noise_reach_generator_and_encoder() -> None:
    network = savp()
    frames = torch.randn(2, 4, 3, 8, 12)
    mean, log_variance = network.posterior(frames[:, :, :2])
    forecast = unrolled(network, frames[:, :-1], draw(mean, log_variance, torch.randn_like(mean)))
    (forecast - frames[:, 1:, :2]).abs().mean().backward()
    assert without_gradient(network, (*GENERATOR, "encoder")) == set()
    untouched = {name for name, _ in network.discriminators.named_parameters(prefix="discriminators")}
    assert without_gradient(network, ("discriminators",)) == untouched


@pytest.mark.parametrize("name", ["gan", "vae_gan"])
def test_gradients_of_a_score_reach_its_discriminator_and_the_generator(name: str) -> None:
    network = savp()
    fields = torch.randn(2, 3, 3, 8, 12)
    scores, _ = network.discriminators[name](unrolled(network, fields, torch.randn(2, 3, 3)))
    (scores - 1).square().mean().backward()
    assert without_gradient(network, (*GENERATOR, f"discriminators.{name}.")) == set()


def test_both_lists_of_parameters_are_all_of_them() -> None:
    network = savp()
    generator, opposed = list(network.generator_parameters()), list(network.discriminator_parameters())
    assert {id(one) for one in generator}.isdisjoint({id(one) for one in opposed})
    assert {id(one) for one in (*generator, *opposed)} == {id(one) for one in network.parameters()}


def test_mixed_precision_trains_and_gives_nearly_the_same() -> None:
    network = savp(1, 5)  # the smallest convolutions in three dimensions
    fields, noise = torch.randn(2, 2, 3, 1, 5), torch.randn(2, 2, 3)
    exact = unrolled(network, fields, noise)
    with torch.autocast("cpu", torch.bfloat16):
        found = unrolled(network, fields, noise)
        scores, _ = network.discriminators["gan"](found)
        loss = scores.float().mean() + found.float().mean()
    loss.backward()
    torch.testing.assert_close(found.float(), exact, atol=0.1, rtol=0.1)
    assert all(torch.isfinite(one.grad).all() for one in network.parameters() if one.grad is not None)


def test_an_even_width_of_a_kernel_is_refused() -> None:
    for name in ("kernel", "cell_kernel"):
        with pytest.raises(ValidationError, match="must be odd, not 4"):
            SAVP.model_validate({"name": "savp", name: 4})
