"""A graph network on a hierarchy of meshes, swept down and up level by level.

Oskarsson et al. (2023), arXiv 2309.17370, Hi-LAM.
"""

from __future__ import annotations

from typing import cast

from torch import nn

from windrow.models.graph.cache import graph_of
from windrow.models.graph.frame import EncodeProcessDecode
from windrow.models.graph.graphs import Graph
from windrow.models.graph.hierarchy import Hidden, Hierarchy, interactions
from windrow.models.grid_size import GridSize
from windrow.models.settings import HiLAM


class HiLAMNetwork(EncodeProcessDecode):
    """One call: (batch, inputs, y, x) to (batch, outputs, y, x)."""

    def __init__(self, settings: HiLAM, *, inputs: int, outputs: int, grid: GridSize) -> None:
        graph = graph_of(grid, "hierarchical")
        super().__init__(settings, graph, Sweeps(settings, graph), inputs=inputs, outputs=outputs, grid=grid)


class Sweeps(Hierarchy):
    """Each layer goes down to the finest level and up again; at each level, messages pass within it."""

    def __init__(self, settings: HiLAM, graph: Graph) -> None:
        super().__init__(settings, graph)
        self.layers = nn.ModuleList(Sweep(settings, levels=len(graph.positions)) for _ in range(settings.layers))

    def exchange(self, hidden: Hidden) -> None:
        """Sweep as often as there are layers."""
        for layer in self.layers:
            sweep = cast(Sweep, layer)
            self._sweep_down(sweep, hidden)
            self._sweep_up(sweep, hidden)

    def _sweep_down(self, sweep: Sweep, hidden: Hidden) -> None:
        self.send_within(sweep.level_going_down[-1], hidden, len(hidden.nodes) - 1)
        for fine in reversed(range(len(hidden.nodes) - 1)):
            self.send_down(sweep.down[fine], hidden, fine)
            self.send_within(sweep.level_going_down[fine], hidden, fine)

    def _sweep_up(self, sweep: Sweep, hidden: Hidden) -> None:
        self.send_within(sweep.level_going_up[0], hidden, 0)
        for fine in range(len(hidden.nodes) - 1):
            self.send_up(sweep.up[fine], hidden, fine)
            self.send_within(sweep.level_going_up[fine + 1], hidden, fine + 1)


class Sweep(nn.Module):
    """The weights of one layer: an interaction network for each step on the way down and up."""

    def __init__(self, settings: HiLAM, *, levels: int) -> None:
        super().__init__()
        self.down = interactions(settings, levels - 1)
        self.level_going_down = interactions(settings, levels)
        self.up = interactions(settings, levels - 1)
        self.level_going_up = interactions(settings, levels)
