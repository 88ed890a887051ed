"""A graph network on a hierarchy of meshes, of which all levels exchange messages at once.

Oskarsson et al. (2023), arXiv 2309.17370: the parallel variant of Hi-LAM in the authors' Neural-LAM.
"""

from __future__ import annotations

from itertools import chain
from typing import cast

from torch import nn

from windrow.models.graph.cache import graph_of
from windrow.models.graph.frame import EncodeProcessDecode
from windrow.models.graph.graphs import Graph
from windrow.models.graph.hierarchy import Hidden, Hierarchy
from windrow.models.graph.interaction import JointPerceptron, messages_along, updated
from windrow.models.graph.links import Links
from windrow.models.grid_size import GridSize
from windrow.models.settings import HiLAMParallel


class HiLAMParallelNetwork(EncodeProcessDecode):
    """One call: (batch, inputs, y, x) to (batch, outputs, y, x)."""

    def __init__(self, settings: HiLAMParallel, *, inputs: int, outputs: int, grid: GridSize) -> None:
        graph = graph_of(grid, "hierarchical")
        super().__init__(settings, graph, Exchanges(settings, graph), inputs=inputs, outputs=outputs, grid=grid)


class Exchanges(Hierarchy):
    """In each layer all messages are made from the same nodes, and each level takes in the sum of what it receives."""

    def __init__(self, settings: HiLAMParallel, graph: Graph) -> None:
        super().__init__(settings, graph)
        self.layers = nn.ModuleList(
            Exchange(settings, levels=len(graph.positions)) for _ in range(settings.layers)
        )

    def exchange(self, hidden: Hidden) -> None:
        """Exchange as often as there are layers."""
        for layer in self.layers:
            self._exchange_once(cast(Exchange, layer), hidden)

    def _exchange_once(self, weights: Exchange, hidden: Hidden) -> None:
        levels = range(len(hidden.nodes))
        between = levels[:-1]
        nodes = hidden.nodes
        arrived = [own.new_zeros(()) for own in nodes]
        sent = chain(
            ((self.level, weights.level, hidden.level, level, level, level) for level in levels),
            ((self.up, weights.up, hidden.up, fine, fine, fine + 1) for fine in between),
            ((self.down, weights.down, hidden.down, fine, fine + 1, fine) for fine in between),
        )
        for all_links, perceptrons, edges, number, sender, receiver in sent:
            links = cast(Links, all_links[number])
            perceptron = cast(JointPerceptron, perceptrons[number])
            messages = messages_along(links, perceptron, nodes[sender], nodes[receiver], edges[number])
            edges[number] = edges[number] + messages
            arrived[receiver] = arrived[receiver] + links.sums(messages, nodes[receiver].shape[0])
        for level in levels:
            nodes[level] = updated(nodes[level], cast(JointPerceptron, weights.update[level]), arrived[level])


class Exchange(nn.Module):
    """The weights of one layer: a perceptron for each group of edges, and one for the nodes of each level."""

    def __init__(self, settings: HiLAMParallel, *, levels: int) -> None:
        super().__init__()
        self.level = _perceptrons(3, levels, settings)
        self.up = _perceptrons(3, levels - 1, settings)
        self.down = _perceptrons(3, levels - 1, settings)
        self.update = _perceptrons(2, levels, settings)


def _perceptrons(inputs: int, number: int, settings: HiLAMParallel) -> nn.ModuleList:
    width = (settings.features, settings.hidden_layers)
    return nn.ModuleList(JointPerceptron(inputs, *width) for _ in range(number))
