from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from windrow.models import GridSize, build
from windrow.models.graph.mesh import LEAST_NODES
from windrow.models.graph.mesh import REFINEMENT as MESH_REFINEMENT
from windrow.models.settings import SETTINGS
from windrow.models.weatherbench_cnn import LAYERS
from windrow.work.cost import Cost
from windrow.work.graphs import REFINEMENT
from windrow.work.networks import CNN_LAYERS, cost

NY, NX = 33, 49
NETWORKS: list[tuple[str, dict[str, Any], int, int]] = [
    ("convlstm", {"features": 16, "kernel": 3}, 8, 3),
    ("weatherbench_cnn", {"features": 24, "kernel": 3}, 36, 12),
    ("unet", {"features": 16, "scales": 2}, 9, 3),
    ("halfunet", {"features": 32, "scales": 3}, 6, 3),
    ("halfunet", {"features": 32, "scales": 3, "ghost": True}, 6, 3),
    ("segformer", {"downsampling": 1}, 6, 3),
    ("graphlam", {"features": 16, "layers": 2, "hidden_layers": 2}, 9, 3),
    ("hilam", {"features": 16, "layers": 2}, 6, 3),
    ("hilamparallel", {"features": 16, "layers": 4}, 6, 3),
    ("vae", {"features": 32}, 3, 3),
    ("savp", {"features": 16, "discriminator_features": 8}, 5, 3),
]


def cost_of(name: str, *, inputs: int, outputs: int, ny: int = NY, nx: int = NX, **settings: Any) -> Cost:
    model = SETTINGS[name].model_validate({"name": name, **settings})
    return cost(model, inputs=inputs, outputs=outputs, ny=ny, nx=nx)


def call_of(network: nn.Module, x: Tensor) -> Callable[[], object]:
    """A call in the middle of a forecast, where a network that keeps a state has one."""
    if not hasattr(network, "initial_state"):
        return lambda: network(x)
    _, state = network(x, network.initial_state(x))
    known = tuple(part.detach().requires_grad_() for part in state)
    return lambda: network(x, known)


def operations(network: nn.Module, inputs: int, batch: int) -> int:
    """Of a forward call."""
    call = call_of(network, torch.randn(batch, inputs, NY, NX))
    with FlopCounterMode(display=False) as counter:
        call()
    found: int = counter.get_total_flops()
    return found


def numbers_kept(network: nn.Module, inputs: int, batch: int) -> float:
    """How many numbers autograd keeps of one call, parameters and constants left out."""
    own = {part.untyped_storage().data_ptr() for part in (*network.parameters(), *network.buffers())}
    call = call_of(network, torch.randn(batch, inputs, NY, NX))
    storages: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        made = call()  # alive while its memory is counted: else an address could be counted twice
    del made
    return sum(size for place, size in storages.items() if place not in own) / 4


@pytest.mark.parametrize(("name", "settings", "inputs", "outputs"), NETWORKS)
def test_the_cost_of_a_call_is_that_of_the_network_itself(
    name: str, settings: dict[str, Any], inputs: int, outputs: int
) -> None:
    torch.manual_seed(1)
    model = SETTINGS[name].model_validate({"name": name, **settings})
    network = build(model, inputs=inputs, outputs=outputs, grid=GridSize(NY, NX))
    found = cost_of(name, inputs=inputs, outputs=outputs, **settings)
    assert found.parameters == pytest.approx(sum(part.numel() for part in network.parameters()), rel=0.05)
    once, twice = (operations(network, inputs, batch) for batch in (1, 2))
    assert found.flop == pytest.approx(twice - once, rel=0.1)
    one, two = (numbers_kept(network, inputs, batch) for batch in (1, 2))
    assert 0.9 <= found.kept / (two - one) <= 1.25
    if found.fixed:
        assert found.fixed == pytest.approx(2 * one - two, rel=0.1)


@pytest.mark.parametrize(
    ("name", "settings", "published", "tolerance"),
    [
        ("halfunet", {}, 420_224, 0.0),
        ("halfunet", {"features": 32}, 108_736, 0.0),
        ("halfunet", {"features": 128}, 1_651_456, 0.0),
        ("halfunet", {"features": 128, "ghost": True}, 835_264, 0.0),
        ("unet", {}, 31_049_041, 0.0),
        ("segformer", {}, 10_254_833, 0.001),
        ("graphlam", {}, 212_625, 0.01),
        ("hilam", {}, 1_959_633, 0.01),
    ],
)
def test_networks_of_py4cast_have_the_published_number_of_parameters(
    name: str, settings: dict[str, Any], published: int, tolerance: float
) -> None:
    found = cost_of(name, inputs=21, outputs=17, ny=256, nx=256, **settings)
    assert found.parameters == pytest.approx(published, rel=max(tolerance, 5e-4))


def test_the_papers_convlstm_has_the_published_number_of_parameters() -> None:
    assert cost_of("convlstm", inputs=3, outputs=3).parameters == 429_251


def test_a_network_of_others_is_taken_for_a_large_one() -> None:
    model = SETTINGS["mfai"].model_validate({"name": "mfai", "architecture": "half_unet.HalfUNet"})
    unet = cost_of("unet", inputs=6, outputs=3)
    assert cost(model, inputs=6, outputs=3, ny=NY, nx=NX) == unet


def test_what_is_copied_from_the_networks_is_still_so() -> None:
    assert CNN_LAYERS == LAYERS
    assert REFINEMENT == MESH_REFINEMENT
    assert LEAST_NODES == 4
