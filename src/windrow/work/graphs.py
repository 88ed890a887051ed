"""What a call of a graph network costs: from the numbers of its nodes and edges, without building the graph."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from windrow.errors import UserError
from windrow.models.settings import GraphSettings
from windrow.work.cost import Cost

REFINEMENT = 3
SENDERS_TO_GRID = 4
SENT_BY_GRID = 1.5  # edges from a grid point to the mesh: a disc of 0.67 spacings, and the corners between
SPEED = 0.25  # of the device's rate of large convolutions: 51 to 61 GFLOP/s beside 237 (benchmarks/README.md)
POSITIONS, LENGTHS = 2, 3  # features of a node and of an edge


class _Counts(NamedTuple):
    """Nodes and edges within of each level, the finest first."""

    nodes: list[int]
    edges: list[int]


class _Exchange(NamedTuple):
    """Messages along edges from nodes to nodes, so many times with the edges' own features from the time before."""

    edges: float
    senders: float
    receivers: float
    times: int


def graph_cost(model: GraphSettings, *, inputs: int, outputs: int, ny: int, nx: int) -> Cost:
    """The cost of `graphlam`, `hilam` or `hilamparallel`.

    An exchange multiplies features squared: for each edge in the layers behind the first, and in the first where the
    edge has changed since the graph was made; for each sender and receiver in the first; for each receiver when it
    takes in the sum. It keeps the numbers between its layers. What is the same for all windows is
    computed once for a batch and left out of the operations.
    """
    points, width, deep = ny * nx, model.features, model.hidden_layers
    levels = _levels(ny, nx)
    finest = float(levels.nodes[0])
    encoding, decoding = SENT_BY_GRID * points, float(SENDERS_TO_GRID * points)
    exchanges = [
        *_exchanges(model, levels),
        _Exchange(encoding, points, finest, 1),
        _Exchange(decoding, finest, points, 1),
    ]
    first = sum(one.edges for one in exchanges)
    edges = sum(one.edges * one.times for one in exchanges)
    receivers = sum(one.receivers * one.times for one in exchanges)
    senders = sum(one.senders * one.times for one in exchanges)
    square = width**2
    squares = edges * (deep + 1) - first + senders + receivers * (deep + 3) + points * (3 * deep + 1)
    static = (
        encoding + decoding + sum(levels.edges) + (2 * sum(levels.nodes[:-1]) if model.name != "graphlam" else 0)
    )
    perceptron = deep * (square + width) + 3 * width
    interaction = 5 * square + 2 * perceptron
    return Cost(
        parameters=_weights(model, levels) * interaction
        + (inputs + POSITIONS + LENGTHS * 2 + 1 + width) * width
        + (4 + _embeddings(model, levels)) * perceptron
        + deep * square
        + width * outputs,
        flop=2 * (squares * square + points * width * (inputs + outputs)),
        kept=edges * width * (2 * deep + 2)
        + receivers * width * (2 * deep + 3)
        + points * (inputs + width * (6 * deep + 6)),
        held=3 * max(decoding, float(levels.edges[0])) * width,
        fixed=static * width * (2 * deep + 2),
        speed=SPEED,
    )


def _exchanges(model: GraphSettings, levels: _Counts) -> list[_Exchange]:
    """Those on the mesh."""
    if model.name == "graphlam":
        nodes = float(levels.nodes[0])
        return [_Exchange(float(sum(levels.edges)), nodes, nodes, model.layers)]
    times = 2 * model.layers if model.name == "hilam" else model.layers
    within = [
        _Exchange(float(edges), float(nodes), float(nodes), times)
        for edges, nodes in zip(levels.edges, levels.nodes, strict=True)
    ]
    steps = list(pairwise(map(float, levels.nodes)))
    up = [_Exchange(fine, fine, coarse, model.layers + 1) for fine, coarse in steps]
    down = [_Exchange(fine, coarse, fine, model.layers + 1) for fine, coarse in steps]
    return within + up + down


def _weights(model: GraphSettings, levels: _Counts) -> float:
    """Interaction networks with weights of their own, the two at the grid among them."""
    count = len(levels.nodes)
    if model.name == "graphlam":
        return 2 + model.layers
    across = 2 * (count - 1)
    if model.name == "hilam":
        return 2 + across + model.layers * (across + 2 * count)
    return 2 + across + model.layers * (across + count) * 0.8  # one update for all that a level receives


def _embeddings(model: GraphSettings, levels: _Counts) -> int:
    """Perceptrons of the static features beside those of the grid and of the finest mesh."""
    count = len(levels.nodes)
    return 2 if model.name == "graphlam" else 1 + 4 * (count - 1) + 1


def _levels(ny: int, nx: int) -> _Counts:
    """The meshes that `windrow.models.graph.mesh.meshes_over` makes."""
    short, long = sorted((ny, nx))
    finest = max(1, _exponent(long) - 1)
    count = min(finest, max(1, _exponent(short)))
    coarsest_long = REFINEMENT ** (finest - count + 1)
    coarsest_short = max(1, (2 * coarsest_long * short + long) // (2 * long))
    if long < REFINEMENT:
        raise UserError(f"a grid of {ny} x {nx} points is too small for a graph network; take a larger domain")
    sides = [(coarsest_short * REFINEMENT**level, coarsest_long * REFINEMENT**level) for level in range(count)]
    sides.reverse()
    return _Counts([a * b for a, b in sides], [_edges(a, b) for a, b in sides])


def _edges(rows: int, columns: int) -> int:
    """Both ways between neighbours along a side or a corner."""
    return 2 * (rows * (columns - 1) + (rows - 1) * columns + 2 * (rows - 1) * (columns - 1))


def _exponent(number: int) -> int:
    exponent = 0
    while REFINEMENT ** (exponent + 1) <= number:
        exponent += 1
    return exponent
