"""A graph network on one mesh with edges of all scales.

Oskarsson et al. (2023), arXiv 2309.17370: the limited-area form of GraphCast (Lam et al. 2023).
"""

from __future__ import annotations

from torch import Tensor, nn

from windrow.models.graph.cache import graph_of
from windrow.models.graph.frame import EncodeProcessDecode
from windrow.models.graph.graphs import Graph
from windrow.models.graph.hierarchy import interactions
from windrow.models.graph.links import Links
from windrow.models.grid_size import GridSize
from windrow.models.settings import GraphLAM


class GraphLAMNetwork(EncodeProcessDecode):
    """One call: (batch, inputs, y, x) to (batch, outputs, y, x)."""

    def __init__(self, settings: GraphLAM, *, inputs: int, outputs: int, grid: GridSize) -> None:
        graph = graph_of(grid, "multiscale")
        super().__init__(settings, graph, Rounds(settings, graph), inputs=inputs, outputs=outputs, grid=grid)


class Rounds(nn.Module):
    """Rounds of message passing on the mesh, each with weights of its own."""

    def __init__(self, settings: GraphLAM, graph: Graph) -> None:
        super().__init__()
        self.links = Links(graph.level[0], graph.positions[0], graph.positions[0], settings)
        self.rounds = interactions(settings, settings.layers)

    def forward(self, mesh: Tensor) -> Tensor:
        """Take and give (node, batch, features)."""
        edges = self.links()
        for network in self.rounds:
            mesh, edges = network(self.links, mesh, mesh, edges)
        return mesh
