"""The ground of a map: the grid as even rows and columns from the north-west, and the coastlines over it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.geography import cell_edges, coastlines_on
from windrow.grid import ROTATED, Grid

MAX_COAST_POINTS = 6000


@dataclass(frozen=True)
class Ground:
    """The grid of a domain and the coastlines in it; maps are drawn in the grid's own `x` and `y`."""

    grid: Grid
    coast: list[npt.NDArray[np.float64]]

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """West, east, south and north edge of the outer cells."""
        x, y = cell_edges(self.grid.x), cell_edges(self.grid.y)
        return float(x.min()), float(x.max()), float(y.min()), float(y.max())

    @property
    def stretch(self) -> float:
        """How much longer a unit of `y` is than one of `x`, in the middle of the domain; metres are equally long."""
        if self.grid.mapping.get("grid_mapping_name", ROTATED) != ROTATED:
            return 1.0
        _, _, south, north = self.extent
        return float(1 / max(np.cos(np.radians((south + north) / 2)), 0.1))

    @property
    def aspect(self) -> float:
        """Width over height of a map."""
        west, east, south, north = self.extent
        return (east - west) / ((north - south) * self.stretch)

    def raster(self, fields: npt.NDArray[np.float32], *, thin: int = 1) -> npt.NDArray[np.float32]:
        """Fields (..., y, x) as rows from the north and columns from the west at even distances, every `thin`-th."""
        rows = _even(self.grid.y, descending=True)[::thin]
        columns = _even(self.grid.x, descending=False)[::thin]
        return fields[..., rows[:, None], columns]

    def coast_path(self) -> str:
        """The coastlines as an SVG path in a box of 1000 units' width and `1000 / aspect` units' height."""
        west, east, _, north = self.extent
        scale = 1000 / (east - west)
        scales = np.array([scale, -scale * self.stretch])
        lines = [np.round((line - [west, north]) * scales).astype(int) for line in self.coast]
        kept = [line[np.r_[True, np.abs(np.diff(line, axis=0)).sum(axis=1) > _finest(lines)]] for line in lines]
        return "".join(f"M{' '.join(f'{x},{y}' for x, y in line)}" for line in kept if len(line) > 1)


def ground_of(grid: Grid) -> Ground:
    """The grid with its coastlines."""
    return Ground(grid, coastlines_on(grid))


def _even(points: npt.NDArray[np.float64], *, descending: bool) -> npt.NDArray[np.int64]:
    """For places at even distances over the range of `points`, which of these is nearest."""
    places = np.linspace(points.min(), points.max(), len(points))
    found = np.abs(points[None] - places[:, None]).argmin(axis=1)
    order: npt.NDArray[np.int64] = found[::-1] if descending else found
    return order


def _finest(lines: list[npt.NDArray[np.int64]]) -> int:
    """The smallest step to draw: a coast of very many points gets a coarser one."""
    return sum(map(len, lines)) // MAX_COAST_POINTS
