import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional

from windrow.models import GridSize, build
from windrow.models.halfunet import GhostModule
from windrow.models.listing import count_parameters
from windrow.models.settings import HalfUNet


def small(**settings: object) -> nn.Module:
    torch.manual_seed(0)
    kind = HalfUNet.model_validate({"name": "halfunet", "features": 4, "scales": 2} | settings)
    return build(kind, inputs=3, outputs=2, grid=GridSize(9, 11))


def fields(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("features", "ghost", "expected"),
    [(64, False, 420_224), (32, False, 108_736), (128, False, 1_651_456), (128, True, 835_264)],
)
def test_halfunet_has_its_published_number_of_parameters(features: int, ghost: bool, expected: int) -> None:
    settings = HalfUNet(name="halfunet", features=features, ghost=ghost)
    assert count_parameters(settings, inputs=21, outputs=17, grid=GridSize(256, 256)) == expected


@pytest.mark.parametrize("ghost", [False, True])
@pytest.mark.parametrize("points", [(1, 1), (5, 6), (33, 17)])
def test_any_grid_is_kept_and_a_single_window_can_be_trained_on(ghost: bool, points: tuple[int, int]) -> None:
    network = small(ghost=ghost, scales=4)
    found = network(fields(1, 3, *points))
    assert found.shape == (1, 2, *points)
    found.square().sum().backward()
    assert all(one.grad is not None and bool(one.grad.isfinite().all()) for one in network.parameters())


@pytest.mark.parametrize("ghost", [False, True])
@pytest.mark.parametrize("norm", ["batch", "group"])
def test_gradients_reach_every_parameter(ghost: bool, norm: str) -> None:
    network = small(ghost=ghost, norm=norm)
    network(fields(2, 3, 16, 20)).square().sum().backward()
    dead = [name for name, one in network.named_parameters() if one.grad is None or not one.grad.any()]
    assert dead == []


def test_the_cheap_half_of_a_ghost_module_is_one_filter_for_each_feature_of_the_other_half() -> None:
    torch.manual_seed(0)
    module = GhostModule(3, 6).eval()  # new statistics of batch normalisation: mean 0, variance 1
    x = fields(1, 3, 7, 8)
    with torch.no_grad():
        module.cheap.weight.zero_()
        for feature, factor in enumerate((1.0, 2.0, 0.5)):
            module.cheap.weight[feature, 0, 1, 1] = factor
        found = module(x)
        dear = functional.conv2d(x, module.convolution.weight, padding=1)
    scaled = dear.clamp(min=0) / (1 + 1e-5) ** 0.5
    torch.testing.assert_close(found[:, :3], scaled)
    torch.testing.assert_close(found[:, 3:], scaled * torch.tensor([1.0, 2.0, 0.5])[:, None, None])


def test_what_all_scales_see_of_a_constant_field_is_added_up() -> None:
    network = small(scales=2).eval()
    constant = [
        nn.Sequential(nn.Conv2d(before, 4, 1, bias=False), nn.Identity()) for before in (3, 4, 4)
    ]  # scale s multiplies what it gets by s + 1
    for scale, (block, before) in enumerate(zip(constant, (3, 4, 4), strict=True)):
        nn.init.zeros_(block[0].weight)  # type: ignore[arg-type]
        for feature in range(min(before, 4)):
            block[0].weight.data[feature, feature] = scale + 1.0  # type: ignore[index, union-attr]
    network.encoder = nn.ModuleList(constant)
    network.decoder = nn.Identity()
    nn.init.ones_(network.output.weight)  # type: ignore[union-attr, arg-type]
    found = network(torch.tensor([1.0, 10.0, 100.0])[None, :, None, None].expand(1, 3, 8, 12))
    torch.testing.assert_close(found, torch.full((1, 2, 8, 12), 111.0 * (1 + 2 + 2 * 3)))


def test_an_odd_number_of_features_has_no_ghost_half() -> None:
    with pytest.raises(ValidationError, match="features must be even with ghost, not 5"):
        HalfUNet(name="halfunet", features=5, ghost=True)
    assert HalfUNet(name="halfunet", features=5)


@pytest.mark.parametrize("ghost", [False, True])
def test_the_network_can_be_exported(ghost: bool) -> None:
    network = small(ghost=ghost).eval()
    x = fields(2, 3, 9, 11)
    torch.testing.assert_close(torch.export.export(network, (x,)).module()(x), network(x))
