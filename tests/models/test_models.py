import pytest
import torch
from torch.nn import functional

from windrow.config import ConvLSTM, WeatherBenchCNN
from windrow.models import CLASSES, build


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_convlstm_has_its_published_number_of_parameters() -> None:
    assert parameters(build(ConvLSTM(name="convlstm"), inputs=3, outputs=3)) == 429_251


def test_weatherbench_cnn_has_the_parameters_of_five_5x5_convolutions() -> None:
    expected = 25 * 36 * 64 + 64 + 3 * (25 * 64 * 64 + 64) + 25 * 64 * 12 + 12
    network = build(WeatherBenchCNN(name="weatherbench_cnn"), inputs=36, outputs=12)
    assert parameters(network) == expected


def test_every_network_of_the_registry_can_be_imported() -> None:
    for name in CLASSES:
        kind = {"convlstm": ConvLSTM, "weatherbench_cnn": WeatherBenchCNN}[name]
        assert build(kind(name=name), inputs=1, outputs=1)


def test_each_gate_of_the_convlstm_is_squashed_once() -> None:
    torch.manual_seed(0)
    network = build(ConvLSTM(name="convlstm", features=2, kernel=3), inputs=1, outputs=1)
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
def test_networks_keep_the_grid(points: tuple[int, int]) -> None:
    network = build(WeatherBenchCNN(name="weatherbench_cnn", features=2), inputs=2, outputs=3)
    assert network(torch.zeros(4, 2, *points)).shape == (4, 3, *points)
