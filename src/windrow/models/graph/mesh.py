"""Regular meshes over the grid, each three times coarser than the one before (Oskarsson et al. 2023, arXiv 2309.17370).

A mesh has nodes in the middle of equal cells, so that each node of a coarser mesh lies on one of the finer mesh.
Nodes are numbered row by row. Positions are (y, x) in grid points, with 0 at the first one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.errors import UserError

REFINEMENT = 3
LEAST_NODES = 4  # as many as send to one grid point

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Edges:
    """Pairs of nodes, ordered by receiver and then by sender; each array is (edge,)."""

    senders: Integers
    receivers: Integers

    @classmethod
    def of_pairs(cls, senders: Integers, receivers: Integers) -> Edges:
        """Put pairs in order."""
        order = np.lexsort((senders, receivers))
        return cls(senders[order], receivers[order])

    def reversed(self) -> Edges:
        """The same pairs the other way round."""
        return Edges.of_pairs(self.receivers, self.senders)


@dataclass(frozen=True)
class Mesh:
    """Nodes in rows and columns over a grid of ny x nx points."""

    rows: int
    columns: int
    ny: int
    nx: int

    @property
    def nodes(self) -> int:
        """How many nodes it has."""
        return self.rows * self.columns

    @property
    def positions(self) -> Floats:
        """Where the nodes are, (node, 2)."""
        y = (np.arange(self.rows) + 0.5) * self.ny / self.rows - 0.5
        x = (np.arange(self.columns) + 0.5) * self.nx / self.columns - 0.5
        return np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)

    @property
    def numbers(self) -> Integers:
        """The number of each node, (row, column)."""
        return np.arange(self.nodes).reshape(self.rows, self.columns)


def meshes_over(ny: int, nx: int) -> tuple[Mesh, ...]:
    """All meshes over a grid, the finest first.

    Along its longer side the finest mesh has 3 to 9 grid points per node (fewer on a grid of less than 9 points) and
    the coarsest has 3 nodes, as in Neural-LAM. That has as many nodes along the shorter side; here there are as many
    as keep the spacing about equal. On a long strip the coarsest meshes, which would be less than one node wide, are
    left out.

    Raises
    ------
    UserError
        If the grid is too small for four mesh nodes.
    """
    short, long = sorted((ny, nx))
    finest = max(1, _exponent(long) - 1)
    levels = min(finest, max(1, _exponent(short)))
    coarsest_long = REFINEMENT ** (finest - levels + 1)
    coarsest_short = max(1, _rounded_ratio(coarsest_long * short, long))
    rows, columns = (coarsest_short, coarsest_long) if ny < nx else (coarsest_long, coarsest_short)
    factors = [REFINEMENT**level for level in reversed(range(levels))]
    meshes = tuple(Mesh(rows * factor, columns * factor, ny, nx) for factor in factors)
    if meshes[0].nodes < LEAST_NODES or long < REFINEMENT:
        raise UserError(
            f"a grid of {ny} x {nx} points is too small for a graph network; take a larger domain or another network"
        )
    return meshes


def neighbours(mesh: Mesh) -> Edges:
    """Edges both ways between the nodes that touch along a side or a corner."""
    return _both_ways(mesh.numbers)


def neighbours_on_all_scales(meshes: tuple[Mesh, ...]) -> Edges:
    """The edges of all meshes, between nodes of the finest (the multi-scale mesh of Lam et al. 2023)."""
    numbers = meshes[0].numbers
    scales = []
    for _ in meshes:
        scales.append(_both_ways(numbers))
        numbers = numbers[1::REFINEMENT, 1::REFINEMENT]
    return Edges.of_pairs(
        np.concatenate([edges.senders for edges in scales]), np.concatenate([edges.receivers for edges in scales])
    )


def downward(coarse: Mesh, fine: Mesh) -> Edges:
    """An edge from each node to the 3 x 3 nodes of the next finer mesh that are nearest to it."""
    rows, columns = np.divmod(np.arange(fine.nodes), fine.columns)
    return Edges.of_pairs(coarse.numbers[rows // REFINEMENT, columns // REFINEMENT], np.arange(fine.nodes))


def _both_ways(numbers: Integers) -> Edges:
    pairs = [
        (numbers[:, :-1], numbers[:, 1:]),
        (numbers[:-1], numbers[1:]),
        (numbers[:-1, :-1], numbers[1:, 1:]),
        (numbers[1:, :-1], numbers[:-1, 1:]),
    ]
    one = np.concatenate([first.reshape(-1) for first, _ in pairs])
    other = np.concatenate([second.reshape(-1) for _, second in pairs])
    return Edges.of_pairs(np.concatenate([one, other]), np.concatenate([other, one]))


def _exponent(number: int) -> int:
    """The largest power of the refinement that is in `number`, without the rounding of a logarithm."""
    exponent = 0
    while REFINEMENT ** (exponent + 1) <= number:
        exponent += 1
    return exponent


def _rounded_ratio(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
