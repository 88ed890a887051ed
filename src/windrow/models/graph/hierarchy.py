"""Message passing on a hierarchy of meshes: up to the coarsest, a processor of its own, and down again.

Oskarsson et al. (2023), arXiv 2309.17370, for Hi-LAM. On a grid with room for one mesh only nothing goes up or down,
and the processor works within that mesh.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from windrow.models.graph.graphs import Graph
from windrow.models.graph.interaction import InteractionNetwork
from windrow.models.graph.links import Links, Nodes
from windrow.models.settings import GraphSettings


@dataclass
class Hidden:
    """The hidden features of all levels, the finest first; `up` and `down` are those between a level and the next."""

    nodes: list[Tensor]
    level: list[Tensor]
    up: list[Tensor]
    down: list[Tensor]


class Hierarchy(nn.Module):
    """Initialises the coarser levels from the finest, processes all, reads the result out at the finest."""

    def __init__(self, settings: GraphSettings, graph: Graph) -> None:
        super().__init__()
        positions = graph.positions
        self.coarser = nn.ModuleList(Nodes(level, settings) for level in positions[1:])
        self.level = nn.ModuleList(
            Links(edges, own, own, settings) for edges, own in zip(graph.level, positions, strict=True)
        )
        between = list(pairwise(positions))
        self.up = nn.ModuleList(
            Links(edges, fine, coarse, settings) for edges, (fine, coarse) in zip(graph.up, between, strict=True)
        )
        self.down = nn.ModuleList(
            Links(edges, coarse, fine, settings) for edges, (fine, coarse) in zip(graph.down, between, strict=True)
        )
        self.initialise = interactions(settings, len(between))
        self.read_out = interactions(settings, len(between))

    @abstractmethod
    def exchange(self, hidden: Hidden) -> None:
        """Pass messages within and between all levels, in place."""

    def forward(self, mesh: Tensor) -> Tensor:
        """Take and give the finest level, (node, batch, features)."""
        batch = mesh.shape[1]
        hidden = Hidden(
            nodes=[mesh, *(nodes().expand(-1, batch, -1) for nodes in self.coarser)],
            level=[links() for links in self.level],
            up=[links() for links in self.up],
            down=[links() for links in self.down],
        )
        for fine, network in enumerate(self.initialise):
            self.send_up(network, hidden, fine)
        self.exchange(hidden)
        for fine, network in reversed(list(enumerate(self.read_out))):
            self.send_down(network, hidden, fine)
        return hidden.nodes[0]

    def send_up(self, network: nn.Module, hidden: Hidden, fine: int) -> None:
        """From a level to the next coarser one, in place."""
        hidden.nodes[fine + 1], hidden.up[fine] = network(
            self.up[fine], hidden.nodes[fine], hidden.nodes[fine + 1], hidden.up[fine]
        )

    def send_down(self, network: nn.Module, hidden: Hidden, fine: int) -> None:
        """To a level from the next coarser one, in place."""
        hidden.nodes[fine], hidden.down[fine] = network(
            self.down[fine], hidden.nodes[fine + 1], hidden.nodes[fine], hidden.down[fine]
        )

    def send_within(self, network: nn.Module, hidden: Hidden, level: int) -> None:
        """Between the nodes of a level, in place."""
        hidden.nodes[level], hidden.level[level] = network(
            self.level[level], hidden.nodes[level], hidden.nodes[level], hidden.level[level]
        )


def interactions(settings: GraphSettings, number: int) -> nn.ModuleList:
    """As many interaction networks."""
    return nn.ModuleList(InteractionNetwork(settings.features, settings.hidden_layers) for _ in range(number))
