"""From the grid to the finest mesh and back: what the graph networks have in common (Oskarsson et al. 2023)."""

from __future__ import annotations

from torch import Tensor, nn

from windrow.models.graph.graphs import Graph, grid_positions
from windrow.models.graph.interaction import InteractionNetwork
from windrow.models.graph.links import Links, Nodes
from windrow.models.graph.perceptron import output_perceptron, perceptron
from windrow.models.grid_size import GridSize
from windrow.models.settings import GraphSettings


class EncodeProcessDecode(nn.Module):
    """One call: (batch, inputs, y, x) to (batch, outputs, y, x), on the grid that the graph was made for.

    The processor passes messages on the mesh: it takes and gives its finest level, (node, batch, features).

    Raises
    ------
    ValueError
        When called with fields on another grid.
    """

    def __init__(
        self,
        settings: GraphSettings,
        graph: Graph,
        processor: nn.Module,
        *,
        inputs: int,
        outputs: int,
        grid: GridSize,
    ) -> None:
        super().__init__()
        width = (settings.features, settings.hidden_layers)
        points = grid_positions(grid.ny, grid.nx)
        self.grid = (grid.ny, grid.nx)
        self.mesh = Nodes(graph.positions[0], settings)
        self.encoding = Links(graph.encoding, points, graph.positions[0], settings)
        self.decoding = Links(graph.decoding, graph.positions[0], points, settings)
        self.embed = perceptron(inputs, *width)
        self.encode = InteractionNetwork(*width)
        self.keep = perceptron(settings.features, *width)
        self.processor = processor
        self.decode = InteractionNetwork(*width)
        self.output = output_perceptron(*width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Predict all outputs at once."""
        if x.shape[2:] != self.grid:
            raise ValueError(f"fields of {tuple(x.shape[2:])} points for a network on a grid of {self.grid}")
        points = x.flatten(2).permute(2, 0, 1)  # (point, batch, inputs)
        points = self.embed(points)  # (point, batch, features)
        mesh = self.mesh().expand(-1, x.shape[0], -1)  # (node, batch, features)
        mesh = self.encode(self.encoding, points, mesh, self.encoding())[0]
        points = points + self.keep(points)
        mesh = self.processor(mesh)
        points = self.decode(self.decoding, mesh, points, self.decoding())[0]
        outputs: Tensor = self.output(points)  # (point, batch, outputs)
        return outputs.permute(1, 2, 0).reshape(x.shape[0], -1, *self.grid)
