"""The graph of a grid: its meshes, and the edges between grid and mesh (Oskarsson et al. 2023, arXiv 2309.17370)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from windrow.models.graph.mesh import (
    Edges,
    Floats,
    Integers,
    Mesh,
    downward,
    meshes_over,
    neighbours,
    neighbours_on_all_scales,
)

Kind = Literal["multiscale", "hierarchical"]

REACH_PERCENT = 67  # of the spacing of the mesh
SENDERS_TO_GRID = 4


@dataclass(frozen=True)
class Graph:
    """Meshes, and who sends to whom; of a multi-scale mesh there is one level.

    Attributes
    ----------
    positions
        Of the nodes of each level, the finest first; each (node, 2), y and x in grid points.
    level
        Edges within each level.
    up, down
        Edges from each level to the next coarser one, and back.
    encoding, decoding
        Edges from the grid to the finest level, and back. Grid points are numbered row by row.
    """

    positions: tuple[Floats, ...]
    level: tuple[Edges, ...]
    up: tuple[Edges, ...]
    down: tuple[Edges, ...]
    encoding: Edges
    decoding: Edges


def graph_over(ny: int, nx: int, kind: Kind) -> Graph:
    """Build the graph of a grid of ny x nx points."""
    meshes = meshes_over(ny, nx)
    encoding, decoding = between_grid_and(meshes[0])
    if kind == "multiscale":
        level = (neighbours_on_all_scales(meshes),)
        return Graph((meshes[0].positions,), level, (), (), encoding, decoding)
    down = tuple(downward(coarse, fine) for fine, coarse in pairwise(meshes))
    return Graph(
        positions=tuple(mesh.positions for mesh in meshes),
        level=tuple(neighbours(mesh) for mesh in meshes),
        up=tuple(edges.reversed() for edges in down),
        down=down,
        encoding=encoding,
        decoding=decoding,
    )


def between_grid_and(mesh: Mesh) -> tuple[Edges, Edges]:
    """Edges from the grid to the mesh, and from the mesh to the grid; distances count in spacings of the mesh.

    A grid point sends to the mesh nodes closer than 0.67 spacings, and in any case to the nearest one: the points in
    the corners between four nodes would reach none. It receives from its four nearest mesh nodes. All distances are
    compared as integers, so that equal ones are equal on every machine, and the lower number wins.
    """
    rows, from_rows = _nearest_along(mesh.ny, mesh.rows)
    columns, from_columns = _nearest_along(mesh.nx, mesh.columns)
    candidates = mesh.numbers[rows[:, None, :, None], columns[None, :, None, :]]
    squared = ((from_rows * mesh.nx) ** 2)[:, None, :, None] + ((from_columns * mesh.ny) ** 2)[None, :, None, :]
    points = mesh.ny * mesh.nx
    candidates, squared = candidates.reshape(points, -1), squared.reshape(points, -1)
    order = np.lexsort((candidates, squared), axis=-1)[:, :SENDERS_TO_GRID]  # (point, 4)
    nearest = np.take_along_axis(candidates, order, axis=1)

    near = squared <= (REACH_PERCENT * 2 * mesh.ny * mesh.nx) ** 2 // 100**2
    np.put_along_axis(near, order[:, :1], True, axis=1)
    point, _ = np.nonzero(near)
    encoding = Edges.of_pairs(point, candidates[near])
    decoding = Edges.of_pairs(nearest.reshape(-1), np.repeat(np.arange(points), SENDERS_TO_GRID))
    return encoding, decoding


def grid_positions(ny: int, nx: int) -> Floats:
    """Where the grid points are, (point, 2)."""
    return np.indices((ny, nx), dtype=np.float64).reshape(2, -1).T


def edge_features(edges: Edges, senders: Floats, receivers: Floats) -> Floats:
    """Length, and difference (y, x) of the sender's position and the receiver's, in grid points; (edge, 3)."""
    difference = senders[edges.senders] - receivers[edges.receivers]
    return np.concatenate([np.hypot(*difference.T)[:, None], difference], axis=1)


def _nearest_along(points: int, nodes: int) -> tuple[Integers, Integers]:
    """The nearest nodes of each point along one side, and the distances to them in 1 / (2 points) spacings.

    The four nearest of two dimensions are among the four nearest along either. Both are (point, node).
    """
    distance = (2 * np.arange(points)[:, None] + 1) * nodes - (2 * np.arange(nodes) + 1) * points
    nearest = np.argsort(np.abs(distance), axis=1, kind="stable")[:, :SENDERS_TO_GRID]
    return nearest, np.take_along_axis(distance, nearest, axis=1)
