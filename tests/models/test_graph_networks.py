from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from windrow.errors import UserError
from windrow.models import GridSize, build
from windrow.models.graph.graphs import edge_features, graph_over
from windrow.models.graph.hierarchy import Hidden
from windrow.models.graph.interaction import InteractionNetwork
from windrow.models.graph.links import Links, Nodes
from windrow.models.graph.mesh import Edges
from windrow.models.hilam import Sweeps
from windrow.models.hilamparallel import Exchanges
from windrow.models.settings import GraphLAM, GraphSettings, HiLAM, HiLAMParallel

Array = npt.NDArray[np.float64]
Perceptron = Callable[..., Array]

KINDS: dict[str, type[GraphSettings]] = {"graphlam": GraphLAM, "hilam": HiLAM, "hilamparallel": HiLAMParallel}
GRIDS = [(5, 6), (8, 10), (33, 49), (32, 40), (56, 92)]


def network(name: str, points: tuple[int, int], *, graphs: Path | None = None, **settings: Any) -> nn.Module:
    torch.manual_seed(0)
    chosen = KINDS[name](name=name, **{"features": 4, **settings})
    return build(chosen, inputs=3, outputs=2, grid=GridSize(*points, graphs))


def parameters(of: nn.Module) -> int:
    return sum(parameter.numel() for parameter in of.parameters())


# A perceptron of n inputs has 64 n + 64 weights, 64 * 64 + 64 more, and 2 * 64 in its normalisation.
INTERACTION = (64 * 192 + 4352) + (64 * 128 + 4352)
FRAME = (
    (64 * 21 + 4352) + 2 * (64 * 3 + 4352) + (64 * 2 + 4352) + 2 * INTERACTION + (64 * 64 + 4352) + 4160 + 65 * 17
)
LEVELS_OF_256 = 3 * (64 * 2 + 4352) + (4 + 3 + 3) * (64 * 3 + 4352) + 2 * 3 * INTERACTION


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("graphlam", 212_625),
        ("hilam", 1_959_633),
        ("hilamparallel", FRAME + LEVELS_OF_256 + 4 * (10 * (64 * 192 + 4352) + 4 * (64 * 128 + 4352))),
    ],
)
def test_graph_networks_have_their_published_number_of_parameters(name: str, published: int) -> None:
    with torch.device("meta"):
        found = build(KINDS[name](name=name), inputs=21, outputs=17, grid=GridSize(256, 256))
    assert parameters(found) == published


def test_the_parameters_of_hilam_are_those_of_its_parts() -> None:
    assert FRAME + LEVELS_OF_256 + 4 * 2 * (4 + 3) * INTERACTION == 1_959_633
    assert FRAME + (64 * 3 + 4352) + 4 * INTERACTION == 212_625


@pytest.mark.parametrize("points", GRIDS)
@pytest.mark.parametrize("name", KINDS)
def test_every_parameter_has_an_effect_on_every_grid(name: str, points: tuple[int, int]) -> None:
    made = network(name, points)
    found = made(torch.randn(2, 3, *points))
    assert found.shape == (2, 2, *points)
    found.square().sum().backward()
    for key, parameter in made.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize("name", KINDS)
def test_a_grid_that_is_too_small_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="2 x 2 points is too small for a graph network"):
        network(name, (2, 2))


def test_fields_on_another_grid_are_refused() -> None:
    with pytest.raises(ValueError, match=r"fields of \(10, 8\) points for a network on a grid of \(8, 10\)"):
        network("graphlam", (8, 10))(torch.zeros(1, 3, 10, 8))


@pytest.mark.parametrize("name", KINDS)
def test_the_samples_of_a_batch_do_not_mix(name: str) -> None:
    made, x = network(name, (33, 49)), torch.randn(3, 3, 33, 49)
    together = made(x)
    for sample in range(3):
        torch.testing.assert_close(made(x[sample : sample + 1])[0], together[sample], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_gradients_are_the_same_bit_for_bit(name: str) -> None:
    x = torch.randn(2, 3, 56, 92)
    runs = []
    for _ in range(2):
        made = network(name, (56, 92))
        made(x).square().sum().backward()
        runs.append([parameter.grad for parameter in made.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*runs, strict=True))


@pytest.mark.parametrize("name", KINDS)
def test_weights_alone_are_saved_and_the_graph_comes_from_the_grid(name: str, tmp_path: Path) -> None:
    made = network(name, (33, 49), graphs=tmp_path)
    assert set(made.state_dict()) == {key for key, _ in made.named_parameters()}
    again = network(name, (33, 49), graphs=tmp_path)
    for parameter in again.parameters():
        nn.init.zeros_(parameter)
    again.load_state_dict(made.state_dict(), strict=True)
    x = torch.randn(1, 3, 33, 49)
    assert torch.equal(again(x), made(x))
    assert len(list(tmp_path.iterdir())) == 1


def test_graph_networks_can_be_exported_for_any_batch() -> None:
    made, x = network("hilam", (33, 49), layers=1).eval(), torch.randn(2, 3, 33, 49)
    exported = torch.export.export(made, (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=8)},))
    torch.testing.assert_close(exported.module()(x[:1]), made(x[:1]))


def test_graph_networks_work_in_bfloat16() -> None:
    made, x = network("hilam", (33, 49)), torch.randn(2, 3, 33, 49)
    with torch.autocast("cpu", torch.bfloat16):
        found = made(x)
        found.float().square().sum().backward()
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), made(x), atol=0.1, rtol=0.1)


@pytest.mark.parametrize(("name", "reaches"), [("graphlam", False), ("hilam", True), ("hilamparallel", True)])
def test_two_layers_see_the_whole_domain_through_the_coarsest_mesh_only(name: str, reaches: bool) -> None:
    made = network(name, (56, 92), layers=2)
    x = torch.randn(1, 3, 56, 92, requires_grad=True)
    made(x)[0, :, 0, 0].sum().backward()
    assert x.grad is not None
    assert bool(x.grad[0, :, -1, -1].abs().sum() > 0) is reaches


def by_hand(made: nn.Module) -> Perceptron:
    """The perceptron on concatenated vectors, in NumPy."""
    linear = [part for part in made.modules() if isinstance(part, nn.Linear)]
    (norm,) = (part for part in made.modules() if isinstance(part, nn.LayerNorm))
    weights = [(part.weight.detach().double().numpy(), part.bias.detach().double().numpy()) for part in linear]
    scale, shift = norm.weight.detach().double().numpy(), norm.bias.detach().double().numpy()

    def apply(*inputs: Array) -> Array:
        x = np.concatenate(inputs)
        for number, (weight, bias) in enumerate(weights):
            x = x / (1 + np.exp(-x)) if number else x
            x = weight @ x + bias
        return (x - x.mean()) / np.sqrt(x.var() + norm.eps) * scale + shift

    return apply


def sent_by_hand(
    message: Perceptron, links: Links, senders: Array, receivers: Array, edges: Array
) -> tuple[Array, Array]:
    sums, new = np.zeros_like(receivers), edges.copy()
    for edge, (sender, receiver) in enumerate(zip(links.senders.tolist(), links.receivers.tolist(), strict=True)):
        found = message(edges[edge], senders[sender], receivers[receiver])
        sums[receiver] += found
        new[edge] += found
    return sums, new


def exchanged_by_hand(
    made: InteractionNetwork, links: Links, senders: Array, receivers: Array, edges: Array
) -> tuple[Array, Array]:
    sums, new = sent_by_hand(by_hand(made.message), links, senders, receivers, edges)
    update = by_hand(made.update)
    return np.stack([node + update(node, total) for node, total in zip(receivers, sums, strict=True)]), new


def disturb(made: nn.Module) -> nn.Module:
    """Give the normalisations other weights than ones and zeros."""
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return made


def alone(x: Array) -> torch.Tensor:
    return torch.from_numpy(x).float()[:, None]


def assert_near(found: torch.Tensor, expected: Array) -> None:
    torch.testing.assert_close(found[:, 0].detach().double(), torch.from_numpy(expected), atol=2e-4, rtol=2e-4)


@pytest.mark.parametrize("hidden_layers", [1, 2])
def test_an_interaction_is_that_of_a_loop_over_edges(hidden_layers: int) -> None:
    torch.manual_seed(1)
    random = np.random.default_rng(1)
    made = InteractionNetwork(3, hidden_layers)
    disturb(made)
    edges = Edges(senders=np.array([4, 0, 0, 3]), receivers=np.array([0, 0, 2, 2]))  # receiver 1 hears nothing
    settings = GraphLAM(name="graphlam", features=3)
    links = Links(edges, random.normal(size=(5, 2)), random.normal(size=(3, 2)), settings)
    senders, receivers, features = (random.normal(size=(number, 3)) for number in (5, 3, 4))
    expected_nodes, expected_edges = exchanged_by_hand(made, links, senders, receivers, features)
    nodes, new = made(links, alone(senders), alone(receivers), alone(features))
    assert_near(nodes, expected_nodes)
    assert_near(new, expected_edges)


def test_edge_features_are_in_units_of_the_longest_edge() -> None:
    edges = Edges(senders=np.array([0, 1]), receivers=np.array([0, 0]))
    senders, receivers = np.array([[0.0, 0.0], [6.0, 8.0]]), np.array([[3.0, 4.0]])
    assert edge_features(edges, senders, receivers)[:, 0].tolist() == [5.0, 5.0]
    links = Links(edges, senders, receivers, GraphLAM(name="graphlam", features=3))
    torch.testing.assert_close(links.features[:, 0], torch.tensor([[1.0, -0.6, -0.8], [1.0, 0.6, 0.8]]))


def test_mesh_nodes_have_their_position_on_the_domain_as_features() -> None:
    nodes = Nodes(
        np.array([[1.0, 1.0], [1.0, 7.0], [4.0, 1.0], [4.0, 7.0]]), GraphLAM(name="graphlam", features=3)
    )
    torch.testing.assert_close(
        nodes.features[:, 0], torch.tensor([[-0.5, -1.0], [-0.5, 1.0], [0.5, -1.0], [0.5, 1.0]])
    )


def hidden_state(graph_sizes: list[int], links: Any) -> tuple[list[Array], dict[str, list[Array]]]:
    random = np.random.default_rng(2)
    nodes = [random.normal(size=(number, 3)) for number in graph_sizes]
    edges = {key: [random.normal(size=(len(one.senders), 3)) for one in group] for key, group in links.items()}
    return nodes, edges


def as_hidden(nodes: list[Array], edges: dict[str, list[Array]]) -> Hidden:
    return Hidden(nodes=[*map(alone, nodes)], **{key: [*map(alone, group)] for key, group in edges.items()})


@pytest.mark.parametrize("kind", [Sweeps, Exchanges])
def test_the_layers_on_the_hierarchy_are_those_of_loops_over_levels_and_edges(kind: type) -> None:
    torch.manual_seed(2)
    graph = graph_over(27, 81, "hierarchical")
    name = {"Sweeps": "hilam", "Exchanges": "hilamparallel"}[kind.__name__]
    made = disturb(kind(KINDS[name](name=name, features=3, layers=1), graph))
    links = {key: list(getattr(made, key)) for key in ("level", "up", "down")}
    nodes, edges = hidden_state([9 * 27, 3 * 9, 1 * 3], links)
    hidden = as_hidden(nodes, edges)
    made.exchange(hidden)
    layer = made.layers[0]

    def step(network: Any, key: str, number: int, sender: int, receiver: int) -> None:
        nodes[receiver], edges[key][number] = exchanged_by_hand(
            network, links[key][number], nodes[sender], nodes[receiver], edges[key][number]
        )

    if kind is Sweeps:
        step(layer.level_going_down[2], "level", 2, 2, 2)
        step(layer.down[1], "down", 1, 2, 1)
        step(layer.level_going_down[1], "level", 1, 1, 1)
        step(layer.down[0], "down", 0, 1, 0)
        step(layer.level_going_down[0], "level", 0, 0, 0)
        step(layer.level_going_up[0], "level", 0, 0, 0)
        step(layer.up[0], "up", 0, 0, 1)
        step(layer.level_going_up[1], "level", 1, 1, 1)
        step(layer.up[1], "up", 1, 1, 2)
        step(layer.level_going_up[2], "level", 2, 2, 2)
    else:
        sums = [np.zeros_like(one) for one in nodes]
        sent = [("level", 0, 0, 0), ("level", 1, 1, 1), ("level", 2, 2, 2)]
        sent += [("up", 0, 0, 1), ("up", 1, 1, 2), ("down", 0, 1, 0), ("down", 1, 2, 1)]
        for key, number, sender, receiver in sent:
            message = by_hand(getattr(layer, key)[number])
            total, edges[key][number] = sent_by_hand(
                message, links[key][number], nodes[sender], nodes[receiver], edges[key][number]
            )
            sums[receiver] += total
        for level, total in enumerate(sums):
            update = by_hand(layer.update[level])
            nodes[level] = np.stack([one + update(one, its) for one, its in zip(nodes[level], total, strict=True)])

    for found, expected in zip(hidden.nodes, nodes, strict=True):
        assert_near(found, expected)
    for key, group in edges.items():
        for found, expected in zip(getattr(hidden, key), group, strict=True):
            assert_near(found, expected)


def test_graphlam_is_that_of_loops_over_points_and_edges() -> None:
    made = disturb(network("graphlam", (5, 6), features=3, layers=1))
    x = torch.randn(1, 3, 5, 6)

    def embedded(part: Any) -> Array:
        return np.stack([by_hand(part.embed)(one) for one in part.features[:, 0].double().numpy()])

    points = np.stack([by_hand(made.embed)(one) for one in x[0].double().numpy().reshape(3, 30).T])
    mesh, _ = exchanged_by_hand(made.encode, made.encoding, points, embedded(made.mesh), embedded(made.encoding))
    points = points + np.stack([by_hand(made.keep)(one) for one in points])
    links = made.processor.links
    mesh, _ = exchanged_by_hand(made.processor.rounds[0], links, mesh, mesh, embedded(links))
    points, _ = exchanged_by_hand(made.decode, made.decoding, mesh, points, embedded(made.decoding))
    first, second = ((part.weight.double(), part.bias.double()) for part in made.output[::2])
    hidden = torch.from_numpy(points) @ first[0].T + first[1]
    expected = (hidden * torch.sigmoid(hidden)) @ second[0].T + second[1]
    torch.testing.assert_close(made(x)[0].double(), expected.T.reshape(2, 5, 6), atol=2e-4, rtol=2e-4)
