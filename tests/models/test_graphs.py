import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from windrow.errors import UserError
from windrow.models.graph.cache import graph_of
from windrow.models.graph.graphs import Graph, Kind, edge_features, graph_over, grid_positions
from windrow.models.graph.mesh import Edges, meshes_over
from windrow.models.grid_size import GridSize


def pairs(edges: Edges) -> set[tuple[int, int]]:
    found = set(zip(edges.senders.tolist(), edges.receivers.tolist(), strict=True))
    assert len(found) == len(edges.senders), "an edge is there twice"
    return found


def assert_same(found: Graph, expected: Graph) -> None:
    for name in ("positions", "level", "up", "down"):
        assert len(getattr(found, name)) == len(getattr(expected, name))
    for one, other in zip(found.positions, expected.positions, strict=True):
        np.testing.assert_array_equal(one, other)
    assert [*map(pairs, (*found.level, *found.up, *found.down, found.encoding, found.decoding))] == [
        *map(pairs, (*expected.level, *expected.up, *expected.down, expected.encoding, expected.decoding))
    ]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ((256, 256), [(81, 81), (27, 27), (9, 9), (3, 3)]),
        ((243, 243), [(81, 81), (27, 27), (9, 9), (3, 3)]),
        ((242, 242), [(27, 27), (9, 9), (3, 3)]),
        ((56, 92), [(18, 27), (6, 9), (2, 3)]),
        ((92, 56), [(27, 18), (9, 6), (3, 2)]),
        ((33, 49), [(6, 9), (2, 3)]),
        ((32, 40), [(6, 9), (2, 3)]),
        ((8, 10), [(2, 3)]),
        ((5, 6), [(3, 3)]),
        ((2, 3), [(2, 3)]),
        ((25, 250), [(9, 81), (3, 27)]),
        ((2, 100), [(1, 27)]),
    ],
)
def test_each_mesh_is_three_times_coarser_and_the_coarsest_has_three_nodes_along_the_longer_side(
    points: tuple[int, int], expected: list[tuple[int, int]]
) -> None:
    assert [(mesh.rows, mesh.columns) for mesh in meshes_over(*points)] == expected


@pytest.mark.parametrize("points", [(1, 1), (2, 2), (1, 9), (2, 0), (8, 1)])
def test_a_grid_without_room_for_four_mesh_nodes_is_refused(points: tuple[int, int]) -> None:
    with pytest.raises(
        UserError, match=f"{points[0]} x {points[1]} points is too small for a graph network; take"
    ):
        graph_over(*points, "multiscale")


def test_mesh_nodes_lie_in_the_middle_of_equal_cells() -> None:
    (mesh,) = meshes_over(9, 9)
    assert mesh.positions.tolist() == [[y, x] for y in (1, 4, 7) for x in (1, 4, 7)]


def test_the_nodes_of_a_coarser_mesh_lie_on_nodes_of_the_finer_one() -> None:
    fine, coarse = meshes_over(27, 27)
    assert [19, 7] in fine.positions.tolist()
    assert coarse.positions.tolist() == [[y, x] for y in (4, 13, 22) for x in (4, 13, 22)]
    assert {*map(tuple, coarse.positions)} <= {*map(tuple, fine.positions)}


def test_the_multiscale_mesh_has_the_edges_of_all_scales_between_its_finest_nodes() -> None:
    graph = graph_over(27, 27, "multiscale")
    found = pairs(graph.level[0])
    along_sides, across_corners = 2 * 9 * 8, 2 * 8 * 8
    coarse_along_sides, coarse_across_corners = 2 * 3 * 2, 2 * 2 * 2
    assert len(found) == 2 * (along_sides + across_corners + coarse_along_sides + coarse_across_corners)
    # The coarse nodes are in rows and columns 1, 4 and 7 of nine.
    assert {receiver for sender, receiver in found if sender == 10} == {0, 1, 2, 9, 11, 18, 19, 20, 13, 37, 40}
    assert len(graph.positions) == 1
    assert graph.up == graph.down == ()


def test_edges_within_a_level_go_both_ways_and_join_touching_nodes() -> None:
    graph = graph_over(56, 92, "hierarchical")
    for edges, (rows, columns) in zip(graph.level, [(18, 27), (6, 9), (2, 3)], strict=True):
        cells = [(row, column) for row in range(rows) for column in range(columns)]
        touching = {
            (columns * y + x, columns * (y + dy) + x + dx)
            for y, x in cells
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
            if (dy, dx) != (0, 0) and (y + dy, x + dx) in cells
        }
        assert pairs(edges) == touching


def test_each_node_receives_from_the_nearest_of_the_next_coarser_mesh_and_sends_to_it() -> None:
    graph = graph_over(56, 92, "hierarchical")
    for level, (up, down) in enumerate(zip(graph.up, graph.down, strict=True)):
        fine, coarse = graph.positions[level], graph.positions[level + 1]
        distance = np.linalg.norm(fine[:, None] - coarse, axis=-1)
        assert pairs(down) == set(zip(distance.argmin(axis=1).tolist(), range(len(fine)), strict=True))
        assert pairs(up) == {(receiver, sender) for sender, receiver in pairs(down)}


def test_a_grid_point_sends_to_the_mesh_nodes_closer_than_0_67_spacings() -> None:
    found = pairs(graph_over(9, 9, "multiscale").encoding)
    # The spacing is 3 points: besides the 9 of its own cell, a node hears the points 2 rows or columns away.
    assert len(found) == 81 + 2 * 12
    assert {node for point, node in found if point == 9 * 2 + 1} == {0, 3}
    assert {node for point, node in found if point == 9 * 2 + 2} == {0}


def test_a_grid_point_in_a_corner_between_four_nodes_sends_to_the_nearest() -> None:
    # Nodes are 28 / 9 points apart and the nearest one is at (13.5, 13.5), hypot(1.5, 1.5) * 9 / 28 = 0.68 spacings.
    found = pairs(graph_over(28, 28, "multiscale").encoding)
    assert {node for point, node in found if point == 28 * 12 + 12} == {9 * 4 + 4}


def test_a_grid_point_receives_from_its_four_nearest_mesh_nodes_the_lower_number_first() -> None:
    found = pairs(graph_over(9, 9, "multiscale").decoding)
    assert {node for node, point in found if point == 9 * 1 + 1} == {0, 1, 3, 4}
    assert {node for node, point in found if point == 9 * 4 + 4} == {4, 1, 3, 5}  # 7 is as near as 1, 3 and 5
    assert {node for node, point in found if point == 9 * 8 + 8} == {8, 7, 5, 4}


@given(ny=st.integers(1, 40), nx=st.integers(1, 40))
def test_edges_between_grid_and_mesh_are_those_of_a_search_over_all_pairs(ny: int, nx: int) -> None:
    try:
        mesh = meshes_over(ny, nx)[0]
    except UserError:
        assume(False)
    graph = graph_over(ny, nx, "hierarchical")
    spacing = np.array([ny / mesh.rows, nx / mesh.columns])
    distance = np.linalg.norm((grid_positions(ny, nx)[:, None] - mesh.positions) / spacing, axis=-1)
    nearest = distance.min(axis=1)

    sent = np.zeros(distance.shape, bool)
    sent[graph.encoding.senders, graph.encoding.receivers] = True
    near = distance < 0.67
    assert (near <= sent).all()
    assert sent.any(axis=1).all(), "a grid point reaches no mesh node"
    assert sent.any(axis=0).all(), "a mesh node hears no grid point"
    others = sent & ~near
    assert (others.sum(axis=1) == ~near.any(axis=1)).all()
    np.testing.assert_allclose(distance[others], nearest[others.any(axis=1)])

    assert len(pairs(graph.decoding)) == 4 * ny * nx
    assert (graph.decoding.receivers == np.repeat(np.arange(ny * nx), 4)).all()
    chosen = distance[graph.decoding.receivers, graph.decoding.senders].reshape(-1, 4)
    np.testing.assert_allclose(np.sort(chosen), np.sort(distance)[:, :4], atol=1e-12)


def test_edge_features_are_the_length_and_the_difference_of_positions() -> None:
    edges = Edges(senders=np.array([0, 1]), receivers=np.array([1, 0]))
    senders, receivers = np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[5.0, 12.0], [4.0, 6.0]])
    assert edge_features(edges, senders, receivers).tolist() == [[5.0, -3.0, -4.0], [13.0, -5.0, -12.0]]


def test_grid_points_are_numbered_row_by_row() -> None:
    assert grid_positions(2, 3).tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]


@pytest.mark.parametrize("kind", ["multiscale", "hierarchical"])
def test_a_kept_graph_is_the_graph_that_was_built(kind: Kind, tmp_path: Path) -> None:
    grid = GridSize(33, 49, tmp_path / "graphs")
    expected = graph_over(33, 49, kind)
    for _ in range(2):
        assert_same(graph_of(grid, kind), expected)
    assert [path.name for path in (tmp_path / "graphs").iterdir()] == [f"{kind}_33x49_v1.npz"]


def test_a_kept_graph_is_read_and_not_built_again(tmp_path: Path) -> None:
    grid = GridSize(9, 9, tmp_path)
    graph_of(grid, "multiscale")
    (path,) = tmp_path.iterdir()
    with np.load(path) as file:
        arrays = dict(file)
    arrays["encoding.0.senders"] = arrays["encoding.0.senders"][::-1]
    np.savez(path, allow_pickle=False, **arrays)
    expected = graph_over(9, 9, "multiscale").encoding.senders[::-1]
    np.testing.assert_array_equal(graph_of(grid, "multiscale").encoding.senders, expected)


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped", "renamed", "incomplete"])
def test_a_damaged_or_foreign_file_is_built_and_written_again(damage: str, tmp_path: Path) -> None:
    grid, expected = GridSize(9, 12, tmp_path), graph_over(9, 12, "hierarchical")
    graph_of(grid, "hierarchical")
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("no archive")
    elif damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "flipped":
        middle = whole.index(b"decoding.0.senders") + 200
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    elif damage == "renamed":
        graph_of(GridSize(12, 9, tmp_path / "other"), "hierarchical")
        shutil.copy(next((tmp_path / "other").iterdir()), path)
    else:
        with np.load(path) as file:
            np.savez(path, allow_pickle=False, name=file["name"])
    assert path.read_bytes() != whole
    assert_same(graph_of(grid, "hierarchical"), expected)
    assert_same(graph_of(grid, "hierarchical"), expected)
    with np.load(path) as file:
        assert file["name"] == path.name
        assert len(file["decoding.0.senders"]) == 4 * 9 * 12


def test_processes_that_build_the_same_graph_do_not_disturb_each_other(tmp_path: Path) -> None:
    grid, expected = GridSize(56, 92, tmp_path), graph_over(56, 92, "multiscale")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: graph_of(grid, "multiscale"), range(16)))
    for graph in found:
        assert_same(graph, expected)
    assert [path.name for path in tmp_path.iterdir()] == ["multiscale_56x92_v1.npz"]


def test_a_graph_that_cannot_be_kept_is_built_nevertheless(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert_same(graph_of(GridSize(9, 9, tmp_path / "file"), "multiscale"), graph_over(9, 9, "multiscale"))
