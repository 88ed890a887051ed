from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from windrow.models import GridSize, build, convlstm
from windrow.models.convlstm import ConvLSTMNetwork
from windrow.models.settings import ConvLSTM

INPUTS, FEATURES, BATCH, STEPS, NY, NX = 3, 4, 2, 3, 6, 7
Step = Callable[[Tensor, tuple[Tensor, Tensor]], tuple[Tensor, tuple[Tensor, Tensor]]]


def network_of(*, dtype: torch.dtype = torch.float64) -> ConvLSTMNetwork:
    torch.manual_seed(0)
    settings = ConvLSTM(name="convlstm", features=FEATURES, kernel=3)
    network = build(settings, inputs=INPUTS, outputs=INPUTS, grid=GridSize(NY, NX)).to(dtype)
    assert isinstance(network, ConvLSTMNetwork)
    return network


def fields_of(*, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(BATCH, STEPS, INPUTS, NY, NX, generator=torch.Generator().manual_seed(1), dtype=dtype)


def by_the_paper(network: nn.Module) -> Step:
    """Shi et al. (2015), equation 3 without peepholes: a convolution of its own for each gate and each operand."""
    weights = dict(network.named_parameters())
    weight, bias = weights["gates.weight"], weights["gates.bias"]

    def step(x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        hidden, cell = state

        def convolved(gate: int) -> Tensor:
            rows = slice(gate * FEATURES, (gate + 1) * FEATURES)
            of_x = functional.conv2d(x, weight[rows, :INPUTS], padding=1)
            of_hidden = functional.conv2d(hidden, weight[rows, INPUTS:], padding=1)
            return of_x + of_hidden + bias[rows, None, None]

        i, f, o = (1 / (1 + torch.exp(-convolved(gate))) for gate in range(3))
        cell = f * cell + i * torch.tanh(convolved(3))
        hidden = o * torch.tanh(cell)
        return functional.conv2d(hidden, weights["output.weight"], weights["output.bias"]), (hidden, cell)

    return step


def rolled_out(encode: Callable[[Tensor], tuple[Tensor, tuple[Tensor, Tensor]]], step: Step) -> Tensor:
    """Known fields, then two steps on what was predicted: (batch, 3, inputs, y, x)."""
    output, state = encode(fields_of())
    outputs = [output]
    for _ in range(2):
        output, state = step(output, state)
        outputs.append(output)
    return torch.stack(outputs, dim=1)


def expected_of(network: nn.Module) -> Tensor:
    step = by_the_paper(network)

    def encode(fields: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        zeros = torch.zeros(BATCH, FEATURES, NY, NX, dtype=fields.dtype)
        state = (zeros, zeros)
        for number in range(STEPS):
            output, state = step(fields[:, number], state)
        return output, state

    return rolled_out(encode, step)


def gradients_of(network: nn.Module, found: Tensor) -> list[Tensor]:
    generator = torch.Generator().manual_seed(2)
    loss = (found * torch.randn(found.shape, generator=generator, dtype=found.dtype)).sum()
    return list(torch.autograd.grad(loss, list(network.parameters())))


def assert_as_in_the_paper(network: ConvLSTMNetwork, found: Tensor) -> None:
    expected = expected_of(network)
    torch.testing.assert_close(found, expected)
    of_found, of_expected = gradients_of(network, found), gradients_of(network, expected)
    assert len(of_found) == 4
    assert all(float(gradient.abs().max()) > 0 for gradient in of_expected)
    torch.testing.assert_close(of_found, of_expected)


def test_encoding_and_unrolling_give_the_papers_fields_and_gradients() -> None:
    network = network_of()
    assert_as_in_the_paper(network, rolled_out(network.encode, network))


def test_step_by_step_from_zeros_it_is_the_same() -> None:
    network = network_of()

    def encode(fields: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        state = network.initial_state(fields[:, 0])
        for number in range(STEPS):
            output, state = network(fields[:, number], state)
        return output, state

    assert_as_in_the_paper(network, rolled_out(encode, network))


def test_features_that_fill_up_for_tensor_cores_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convlstm, "FEATURE_MULTIPLES", {"cpu": 8})
    network = network_of()
    shapes = []
    convolve = functional.conv2d

    def noted(x: Tensor, *rest: Tensor, **options: int) -> Tensor:
        shapes.append(x.shape[1])
        return convolve(x, *rest, **options)

    monkeypatch.setattr(functional, "conv2d", noted)
    found = rolled_out(network.encode, network)
    monkeypatch.undo()
    assert {*shapes} >= {8}
    assert INPUTS + FEATURES not in shapes
    assert_as_in_the_paper(network, found)


def test_without_gradient_the_fields_are_the_same() -> None:
    network = network_of()
    with torch.no_grad():
        found = rolled_out(network.encode, network)
    torch.testing.assert_close(found, expected_of(network).detach())


def test_the_gradient_of_fields_and_state_is_that_of_finite_differences() -> None:
    network = network_of()
    state = tuple(torch.randn(1, FEATURES, 3, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    x = torch.randn(1, INPUTS, 3, 3, dtype=torch.float64, requires_grad=True)

    def flat(x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, ...]:
        output, (hidden, cell) = network(x, (hidden, cell))
        return output, hidden, cell

    assert torch.autograd.gradcheck(flat, (x, *state))


def test_in_bfloat16_fields_and_gradients_are_close_to_those_in_single_precision() -> None:
    network = network_of(dtype=torch.float32)
    fields = fields_of(dtype=torch.float32)
    expected, (_, expected_cell) = network.encode(fields)
    with torch.autocast("cpu", torch.bfloat16):
        found, (_, cell) = network.encode(fields)
    assert found.dtype == torch.bfloat16
    assert cell.dtype == torch.float32  # what is added up over many steps stays in single precision
    torch.testing.assert_close(cell, expected_cell, atol=0.02, rtol=0)
    of_found, of_expected = gradients_of(network, found.float()), gradients_of(network, expected)
    for one, other in zip(of_found, of_expected, strict=True):
        assert float((one - other).norm() / other.norm()) < 0.03


def test_weights_and_states_are_laid_out_as_the_convolutions_read_them() -> None:
    network = network_of()
    network.load_state_dict({name: value.contiguous() for name, value in network.state_dict().items()})
    _, state = network.encode(fields_of())
    for tensor in (network.gates.weight, *state, *network.initial_state(fields_of()[:, 0])):
        assert tensor.is_contiguous(memory_format=torch.channels_last)
