"""Graphs kept in files, one .npz per kind and size of grid.

A file holds its own name, the positions of each level, and the senders and receivers of each group of edges. What
does not fit is built anew and written again: a damaged file, one that was renamed, one of another version.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from windrow.models.graph.graphs import Graph, Kind, graph_over
from windrow.models.graph.mesh import Edges
from windrow.models.grid_size import GridSize

VERSION = 1  # to be raised when other edges are built for the same grid
_DAMAGES = (OSError, EOFError, ValueError, KeyError, IndexError, zipfile.BadZipFile, zlib.error)

Arrays = dict[str, npt.NDArray[np.generic]]


def graph_of(grid: GridSize, kind: Kind) -> Graph:
    """The graph of a grid, from the directory `grid.graphs` if it is there, and kept in it from now on.

    Raises
    ------
    UserError
        If the grid is too small.
    """
    if grid.graphs is None:
        return graph_over(grid.ny, grid.nx, kind)
    path = grid.graphs / f"{kind}_{grid.ny}x{grid.nx}_v{VERSION}.npz"
    try:
        return _read(path)
    except _DAMAGES:
        graph = graph_over(grid.ny, grid.nx, kind)
    with suppress(OSError):  # on a disk that is full or read-only the next process builds it again, in a second
        _write(path, graph)
    return graph


def _write(path: Path, graph: Graph) -> None:
    """Write a file whole or not at all; under a name of one's own, since several processes may do so at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        with beside.open("wb") as file:
            np.savez(file, allow_pickle=False, name=np.array(path.name), **_arrays(graph))
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _read(path: Path) -> Graph:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        arrays: Arrays = dict(archive)
    if arrays["name"] != path.name:
        raise ValueError(f"{path} is another file under this name")
    levels = range(sum(key.startswith("positions.") for key in arrays))
    between = range(len(levels) - 1)
    return Graph(
        positions=tuple(arrays[f"positions.{level}"].astype(np.float64) for level in levels),
        level=tuple(_edges(arrays, f"level.{level}") for level in levels),
        up=tuple(_edges(arrays, f"up.{level}") for level in between),
        down=tuple(_edges(arrays, f"down.{level}") for level in between),
        encoding=_edges(arrays, "encoding.0"),
        decoding=_edges(arrays, "decoding.0"),
    )


def _edges(arrays: Arrays, group: str) -> Edges:
    return Edges(arrays[f"{group}.senders"].astype(np.int64), arrays[f"{group}.receivers"].astype(np.int64))


def _arrays(graph: Graph) -> Arrays:
    arrays: Arrays = {f"positions.{level}": positions for level, positions in enumerate(graph.positions)}
    groups: dict[str, Iterable[Edges]] = {
        "level": graph.level,
        "up": graph.up,
        "down": graph.down,
        "encoding": [graph.encoding],
        "decoding": [graph.decoding],
    }
    for name, group in groups.items():
        for level, edges in enumerate(group):
            arrays[f"{name}.{level}.senders"] = edges.senders.astype(np.int32)
            arrays[f"{name}.{level}.receivers"] = edges.receivers.astype(np.int32)
    return arrays
