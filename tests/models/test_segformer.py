from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from windrow.models import GridSize, build
from windrow.models.listing import count_parameters
from windrow.models.segformer import Attention
from windrow.models.settings import Segformer

SMALL: dict[str, Any] = {
    "features": (4, 8),
    "heads": (1, 2),
    "expansion": (2, 2),
    "reduction": (2, 1),
    "layers": 1,
    "stem_features": 4,
    "decoder_features": 8,
}


def small(**settings: Any) -> nn.Module:
    torch.manual_seed(0)
    return build(Segformer(name="segformer", **SMALL | settings), inputs=3, outputs=2, grid=GridSize(9, 11))


def fields(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def test_segformer_has_its_published_number_of_parameters() -> None:
    settings = Segformer(name="segformer")
    assert count_parameters(settings, inputs=21, outputs=17, grid=GridSize(256, 256)) == 10_254_833


def test_a_finer_first_scale_costs_no_parameters() -> None:
    coarse, fine = (
        count_parameters(Segformer(name="segformer", downsampling=n), inputs=3, outputs=3, grid=GridSize(8, 8))
        for n in (2, 1)
    )
    assert coarse == fine


@pytest.mark.parametrize("downsampling", [1, 2, 3])
@pytest.mark.parametrize("points", [(1, 1), (5, 6), (33, 17)])
def test_any_grid_is_kept_and_a_single_window_can_be_trained_on(
    downsampling: int, points: tuple[int, int]
) -> None:
    network = small(downsampling=downsampling)
    found = network(fields(1, 3, *points))
    assert found.shape == (1, 2, *points)
    found.square().sum().backward()
    assert all(one.grad is not None and bool(one.grad.isfinite().all()) for one in network.parameters())


def test_gradients_reach_every_parameter() -> None:
    network = small()
    network(fields(2, 3, 32, 40)).square().sum().backward()
    dead = [name for name, one in network.named_parameters() if one.grad is None or not one.grad.any()]
    assert dead == []


def test_attention_is_the_softmax_of_the_scaled_products_of_each_head() -> None:
    torch.manual_seed(0)
    attention = Attention(4, heads=2, reduction=2)
    x = fields(1, 4, 6, 4)  # (batch, y, x, features)
    points = x.reshape(24, 4)
    coarse = attention.key_value(x.permute(0, 3, 1, 2)).reshape(8, 6).T  # (point, key and value of both heads)
    query = points @ attention.query.weight.T
    heads = []
    for head in range(2):
        key, value = coarse[:, 4 * head : 4 * head + 2], coarse[:, 4 * head + 2 : 4 * head + 4]
        weights = torch.softmax(query[:, 2 * head : 2 * head + 2] @ key.T / 2**0.5, dim=-1)  # 24 to 6 points
        heads.append(weights @ value)
    expected = torch.cat(heads, dim=-1) @ attention.output.weight.T
    torch.testing.assert_close(attention(x), expected.reshape(1, 4, 6, 4))


def test_every_point_sees_every_other_point() -> None:
    network = small().eval()
    x = fields(1, 3, 128, 160).requires_grad_()
    network(x)[0, 0, 0, 0].backward()
    assert x.grad is not None
    assert bool(x.grad[..., -8:, -8:].any()), "no chain of convolutions of this network reaches that far"
    convolutions_only = small().eval()
    for block in convolutions_only.blocks:  # type: ignore[union-attr]
        nn.init.zeros_(block[0].attention.output.weight)
    x.grad = None
    convolutions_only(x)[0, 0, 0, 0].backward()
    assert not bool(x.grad[..., -8:, -8:].any())  # type: ignore[index]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"heads": (1,)}, "heads needs 2 numbers, one for each scale in features, not 1"),
        ({"reduction": (1, 1, 1)}, "reduction needs 2 numbers"),
        ({"expansion": ()}, "expansion"),
        ({"heads": (3, 2)}, "features: 4 cannot be divided among 3 heads"),
        ({"features": (0, 8)}, "greater than 0"),
    ],
)
def test_scales_that_do_not_fit_together_are_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        Segformer(name="segformer", **SMALL | settings)


def test_the_network_can_be_exported() -> None:
    network = small().eval()
    x = fields(2, 3, 9, 11)
    torch.testing.assert_close(torch.export.export(network, (x,)).module()(x), network(x))
