from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from windrow.models import GridSize, build
from windrow.models.listing import count_parameters
from windrow.models.recurrent import Recurrent
from windrow.models.settings import SETTINGS, ConvLSTM, ModelSettings, WeatherBenchCNN

GRID = GridSize(5, 6)
SMALL: dict[str, dict[str, Any]] = {
    "convlstm": {"features": 2},
    "weatherbench_cnn": {"features": 2},
    "unet": {"features": 2},
    "halfunet": {"features": 2},
    "segformer": {"features": [4, 8], "heads": [1, 2], "expansion": [2, 2], "reduction": [2, 1], "layers": 1}
    | {"stem_features": 4, "decoder_features": 8, "downsampling": 1},
    "graphlam": {"features": 4, "layers": 1},
    "hilam": {"features": 4, "layers": 1},
    "hilamparallel": {"features": 4, "layers": 1},
    "vae": {"features": 2, "latent": 3},
    "savp": {"features": 4, "encoder_features": 4, "discriminator_features": 2, "latent": 3},
}
BUILT_IN = sorted(set(SETTINGS) - {"mfai"})  # has a test of its own, which needs mfai


def small(name: str) -> ModelSettings:
    return SETTINGS[name].model_validate({"name": name} | SMALL[name])


def network_of(name: str, *, inputs: int = 3, outputs: int = 2, grid: GridSize = GRID) -> nn.Module:
    torch.manual_seed(0)
    return build(small(name), inputs=inputs, outputs=outputs, grid=grid)


def predicted(network: nn.Module, x: Tensor) -> Tensor:
    found: Tensor
    if isinstance(network, Recurrent):
        found, _ = network.encode(x[:, None])
    else:
        found = network(x)
    return found


def test_convlstm_has_its_published_number_of_parameters() -> None:
    assert count_parameters(ConvLSTM(name="convlstm"), inputs=3, outputs=3, grid=GridSize(56, 92)) == 429_251


def test_weatherbench_cnn_has_the_parameters_of_five_5x5_convolutions() -> None:
    expected = 25 * 36 * 64 + 64 + 3 * (25 * 64 * 64 + 64) + 25 * 64 * 12 + 12
    settings = WeatherBenchCNN(name="weatherbench_cnn")
    assert count_parameters(settings, inputs=36, outputs=12, grid=GRID) == expected


def test_every_network_has_a_docstring_a_strategy_and_its_own_name() -> None:
    for name, kind in SETTINGS.items():
        assert kind.model_fields["name"].annotation.__args__ == (name,)  # type: ignore[union-attr]
        assert kind.__doc__
        assert set(kind.strategies) <= {"sequence", "direct", "diff_ar", "scaled_ar"}


@pytest.mark.parametrize("name", BUILT_IN)
def test_networks_keep_the_grid(name: str) -> None:
    x = torch.randn(2, 3, 5, 6, generator=torch.Generator().manual_seed(1))
    assert predicted(network_of(name), x).shape == (2, 2, 5, 6)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_seed_decides_the_weights_and_a_state_dict_carries_all_of_them(name: str) -> None:
    one, other = network_of(name), network_of(name)
    for key, value in one.state_dict().items():
        torch.testing.assert_close(other.state_dict()[key], value, rtol=0, atol=0)
    torch.manual_seed(1)
    loaded = build(small(name), inputs=3, outputs=2, grid=GRID)
    loaded.load_state_dict(one.state_dict(), strict=True)
    x = torch.randn(1, 3, 5, 6)
    torch.testing.assert_close(predicted(loaded.eval(), x), predicted(one.eval(), x))


@pytest.mark.parametrize("name", BUILT_IN)
def test_networks_see_every_input_and_train_in_bfloat16(name: str) -> None:
    x = torch.randn(4, 3, 16, 20, generator=torch.Generator().manual_seed(1)).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        found = predicted(network_of(name, grid=GridSize(16, 20)), x)
    found.float().square().sum().backward()
    assert x.grad is not None
    assert bool((x.grad.abs().amax(dim=(0, 2, 3)) > 0).all())


def test_each_gate_of_the_convlstm_is_squashed_once() -> None:
    torch.manual_seed(0)
    network = build(ConvLSTM(name="convlstm", features=2, kernel=3), inputs=1, outputs=1, grid=GridSize(4, 5))
    x, hidden, cell = torch.randn(2, 1, 4, 5), torch.randn(2, 2, 4, 5), torch.randn(2, 2, 4, 5)
    weights = dict(network.named_parameters())
    gates = functional.conv2d(torch.cat([x, hidden], 1), weights["gates.weight"], weights["gates.bias"], padding=1)
    into, forget, out, new = gates.split(2, dim=1)
    expected_cell = forget.sigmoid() * cell + into.sigmoid() * new.tanh()
    expected_hidden = out.sigmoid() * expected_cell.tanh()
    found, (found_hidden, found_cell) = network(x, (hidden, cell))
    torch.testing.assert_close(found_cell, expected_cell)
    torch.testing.assert_close(found_hidden, expected_hidden)
    torch.testing.assert_close(
        found, functional.conv2d(expected_hidden, weights["output.weight"], weights["output.bias"])
    )


@pytest.mark.parametrize("points", [(1, 1), (7, 3)])
def test_the_convolutions_keep_grids_that_are_smaller_than_their_kernels(points: tuple[int, int]) -> None:
    network = network_of("weatherbench_cnn", grid=GridSize(*points))
    assert network(torch.zeros(4, 3, *points)).shape == (4, 2, *points)
