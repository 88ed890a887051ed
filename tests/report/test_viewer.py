"""Fields as the page carries them."""

import base64
import io
import zlib

import numpy as np
import pytest
from PIL import Image

from windrow.grid import ROTATED, Grid, grid_of_rows
from windrow.report.ground import Ground, ground_of
from windrow.report.viewer import COLOURS, LEVELS, Panel, Viewer, colours_of, content_of, packed, still_png

GROUND = Ground(grid_of_rows([50.0, 51.0], [0.0, 1.0, 2.0]), [np.array([[0.0, 50.0], [1.0, 51.0]])])


def unpacked(text: str, shape: tuple[int, ...]) -> np.ndarray:
    """What the page's script does, by NumPy."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text), wbits=-15), dtype=np.uint8).astype(np.int64)
    low, high = planes.reshape(2, *shape)
    return np.cumsum(low + 256 * high, axis=-1) % 65536


def test_packed_fields_come_back_to_half_a_step() -> None:
    fields = np.random.default_rng(1).normal(280, 10, (3, 4, 5)).astype(np.float32)
    fields[1, 2, 3] = np.nan
    low = float(np.nanmin(fields))
    step = float(np.nanmax(fields) - low) / (LEVELS - 1)
    found = unpacked(packed(fields, low, step), fields.shape)
    assert found[1, 2, 3] == LEVELS
    valid = np.isfinite(fields)
    assert np.abs(low + step * found[valid] - fields[valid]).max() <= 0.501 * step


def test_maps_begin_in_the_north_west() -> None:
    fields = np.array([[1.0, 2, 3], [4, 5, 6]], dtype=np.float32)  # the first row is the southern one
    assert GROUND.raster(fields).tolist() == [[4, 5, 6], [1, 2, 3]]
    turned = Ground(GROUND.grid.part(slice(None, None, -1)), [])
    assert turned.raster(fields[::-1]).tolist() == [[4, 5, 6], [1, 2, 3]]


def test_rows_at_uneven_distances_are_shown_at_even_ones() -> None:
    ground = Ground(grid_of_rows([0.0, 1.0, 2.0, 10.0], [0.0]), [])
    # Even places are 0, 3 1/3, 6 2/3 and 10; the nearest points are 0, 2, 10 and 10.
    assert ground.raster(np.arange(4, dtype=np.float32)[:, None]).ravel().tolist() == [3, 3, 2, 0]


def test_every_second_point_is_kept() -> None:
    assert GROUND.raster(np.arange(6, dtype=np.float32).reshape(2, 3), thin=2).tolist() == [[3, 5]]


def test_the_coast_lies_in_the_picture() -> None:
    # The picture is 3 by 2 degrees wide, from 0.5° W and 51.5° N: 1000 units are three degrees.
    stretch = 1 / np.cos(np.radians(50.5))
    assert GROUND.aspect == pytest.approx(1.5 / stretch)
    south = round(1.5 * stretch * 1000 / 3)
    north = round(0.5 * stretch * 1000 / 3)
    assert GROUND.coast_path() == f"M167,{south} 500,{north}"


def test_a_degree_of_longitude_is_half_as_long_at_sixty_degrees_north() -> None:
    assert Ground(grid_of_rows([61.0, 59.0], [0.0, 1.0]), []).stretch == pytest.approx(2.0)


def test_metres_are_equally_long() -> None:
    corner = np.zeros((2, 2))
    metres = Grid(
        ("y", "x"), np.array([0.0, 1.0]), np.array([0.0, 1.0]), corner, corner, {"grid_mapping_name": "a"}
    )
    assert Ground(metres, []).stretch == 1.0
    rotated = Grid(metres.dimensions, metres.y + 59.5, metres.x, corner, corner, {"grid_mapping_name": ROTATED})
    assert Ground(rotated, []).stretch == pytest.approx(2.0, abs=0.01)


def test_the_channel_has_coasts() -> None:
    assert (
        ground_of(grid_of_rows(np.arange(49.0, 52.0, 0.25), np.arange(-4.0, 2.0, 0.25)))
        .coast_path()
        .startswith("M")
    )


def test_a_still_has_the_colours_of_the_values() -> None:
    panel = Panel("Truth", "K", "viridis", 0.0, 1.0, None)
    field = np.array([[0.0, 1.0, np.nan], [0.5, 2.0, -1.0]])
    text = still_png(field, panel, GROUND)
    image = Image.open(io.BytesIO(base64.b64decode(text.removeprefix("data:image/png;base64,")))).convert("RGB")
    colours = colours_of("viridis")
    found = np.asarray(image)
    assert found[1, 0].tolist() == colours[0].tolist()  # the southern row is the lower one
    assert found[1, 1].tolist() == colours[-1].tolist()
    assert found[1, 2].tolist() == [0x88, 0x88, 0x88]
    assert found[0, 0].tolist() == colours[COLOURS // 2].tolist()
    assert found[0, 1:].tolist() == [colours[-1].tolist(), colours[0].tolist()]


def test_a_viewer_says_where_its_points_are() -> None:
    fields = np.zeros((1, 1, 2, 3), dtype=np.float32)
    viewer = Viewer("v", "V", "v", (Panel("P", "K", "viridis", 0, 1, fields),), ("all",), (("+1 h",),), (0, 0))
    content = content_of(viewer, GROUND)
    assert (content["rows"], content["columns"]) == (2, 3)
    assert content["latitude"] == [51.0, 50.0]
    assert content["longitude"] == [0.0, 1.0, 2.0]
    assert len(content["panels"][0]["colours"]) == 6 * COLOURS
    assert content["panels"][0]["step"] == 1.0  # of a field that is the same everywhere
