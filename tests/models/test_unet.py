import pytest
import torch
from torch import nn

from windrow.models import GridSize, build
from windrow.models.channels_last import crop_like, pad_to_multiple
from windrow.models.listing import count_parameters
from windrow.models.settings import UNet


def small(*, seed: int = 0, **settings: object) -> nn.Module:
    torch.manual_seed(seed)
    kind = UNet.model_validate({"name": "unet", "features": 4, "scales": 2} | settings)
    return build(kind, inputs=3, outputs=2, grid=GridSize(9, 11))


def fields(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def test_unet_has_its_published_number_of_parameters() -> None:
    assert count_parameters(UNet(name="unet"), inputs=21, outputs=17, grid=GridSize(256, 256)) == 31_049_041


def test_both_normalisations_have_the_same_number_of_parameters() -> None:
    batch, group = (
        count_parameters(UNet(name="unet", norm=norm), inputs=3, outputs=3, grid=GridSize(8, 8))  # type: ignore[arg-type]
        for norm in ("batch", "group")
    )
    assert batch == group


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize("points", [(1, 1), (5, 6), (33, 17)])
def test_any_grid_is_kept_and_a_single_window_can_be_trained_on(norm: str, points: tuple[int, int]) -> None:
    network = small(norm=norm, scales=4)
    found = network(fields(1, 3, *points))
    assert found.shape == (1, 2, *points)
    found.square().sum().backward()
    assert all(one.grad is not None and bool(one.grad.isfinite().all()) for one in network.parameters())


def test_gradients_reach_every_parameter() -> None:
    network = small()
    network(fields(2, 3, 16, 20)).square().sum().backward()
    dead = [name for name, one in network.named_parameters() if one.grad is None or not one.grad.any()]
    assert dead == []


def test_a_shift_of_the_input_by_the_stride_shifts_the_output_far_from_the_edge() -> None:
    network = small(scales=1).eval()  # stride 2; a point sees 11 points or fewer to each side
    x = fields(1, 3, 40, 40)
    shifted = network(x.roll((2, -2), dims=(2, 3)))
    expected = network(x).roll((2, -2), dims=(2, 3))
    inner = (..., slice(14, 26), slice(14, 26))
    torch.testing.assert_close(shifted[inner], expected[inner])
    assert not torch.allclose(network(x.roll(1, dims=3))[inner], network(x).roll(1, dims=3)[inner])


def test_the_finest_structure_goes_through_the_skip_connections() -> None:
    network = small().eval()
    x = fields(1, 3, 16, 16)
    before = network(x)
    for up in network.up:  # type: ignore[union-attr]
        nn.init.zeros_(up.weight)
        nn.init.zeros_(up.bias)
    without_coarse = network(x)
    assert not torch.allclose(without_coarse, before)
    assert float(without_coarse.detach().var()) > 0, (
        "the encoder's features reach the output past the coarse scales"
    )
    for block in network.decoder:  # type: ignore[union-attr]
        half = block[0].weight.shape[1] // 2
        nn.init.zeros_(block[0].weight[:, half:])  # what was skipped stands behind what comes from below
    without_both = network(x)
    constant = without_both[..., 8:9, 8:9].expand_as(without_both)
    inner = (..., slice(4, 12), slice(4, 12))
    torch.testing.assert_close(without_both[inner], constant[inner])


def test_padding_repeats_the_edge_and_cropping_takes_it_away() -> None:
    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    padded = pad_to_multiple(x, 4)
    assert padded[0, 0].tolist() == [[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]
    assert torch.equal(crop_like(padded, x), x)
    assert pad_to_multiple(x, 2, least=8).shape == (1, 1, 2, 8)
    assert pad_to_multiple(x, 1).is_contiguous(memory_format=torch.channels_last)


def test_weights_lie_in_channels_last_order() -> None:
    network = small()
    assert all(
        one.is_contiguous(memory_format=torch.channels_last) for one in network.parameters() if one.ndim == 4
    )


def test_the_network_can_be_exported() -> None:
    network = small().eval()
    x = fields(2, 3, 9, 11)
    exported = torch.export.export(network, (x,)).module()
    torch.testing.assert_close(exported(x), network(x))
