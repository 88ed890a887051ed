from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from windrow.errors import UserError
from windrow.geography import cell_edges
from windrow.grid import grid_of_rows
from windrow.report.cases import read_cases
from windrow.report.figures import house_style, inline_svg
from windrow.report.history import history_curve
from windrow.report.maps import Ground, differences, look_of
from windrow.report.panel import label_ends, new_panel, spread


def drawn(name: str) -> str:
    with house_style():
        figure = Figure()
        figure.add_subplot().plot([0, 1], [0, 1], color="#0072b2")
        return inline_svg(figure, name=name, alt='a "line"')


def test_an_inline_svg_is_named_and_its_ids_are_its_own() -> None:
    svg = drawn("one")
    assert 'role="img" aria-label="a &#34;line&#34;"' in svg
    assert 'id="one-' in svg
    assert svg.count('id="') == svg.count('id="one-')
    assert svg.count("url(#") == svg.count("url(#one-") > 0
    assert "http" not in svg


def test_an_inline_svg_takes_the_colours_of_the_page() -> None:
    assert "stroke: var(--experiment-0)" in drawn("one")
    assert "#0072b2" not in drawn("one")


def test_a_figure_has_the_same_bytes_each_time() -> None:
    assert drawn("one") == drawn("one")


def test_labels_that_would_touch_move_apart_in_their_order() -> None:
    assert spread([0.5, 0.1, 0.52], gap=0.1) == pytest.approx([0.5, 0.1, 0.6])
    assert spread([1.0, 0.98], gap=0.1) == pytest.approx([1.0, 0.9])


def test_a_label_begins_where_its_line_ends_also_before_the_limits_are_settled() -> None:
    _, axes = new_panel("Loss", labels=["a"])
    axes.margins(0)
    axes.plot([0, 4], [0, 10])
    axes.plot([0, 2], [0, 5])
    label_ends(axes, {"a": (2, 5)}, colours={})
    assert axes.texts[-1].xy == pytest.approx((0.5, 0.5))  # type: ignore[attr-defined]


def test_the_epoch_that_was_kept_is_named_from_one(world: Any) -> None:
    svg = history_curve(world.history)
    assert "kept: epoch 2" in svg
    assert "lowest validation loss, 0.4, is that of epoch 2" in svg


def test_cells_end_half_way_between_the_points() -> None:
    assert cell_edges(np.array([51.0, 50.0, 48.0])).tolist() == [51.5, 50.5, 49.0, 47.0]
    assert cell_edges(np.array([3.0])).tolist() == [2.5, 3.5]


def test_a_degree_of_longitude_is_half_as_long_at_sixty_degrees_north() -> None:
    assert Ground(grid_of_rows([61.0, 59.0], [0.0, 1.0]), []).stretch == pytest.approx(2.0)


def test_the_palette_holds_every_colour_of_both_scales(world: Any) -> None:
    cases = read_cases(world.scores, "2t", forecasts=world.forecasts, reader=world.reader)
    look = look_of(cases, colormap="viridis", units="K", dpi=50)
    colours = {tuple(colour) for colour in look.palette.tolist()}
    assert look.palette.shape == (256, 3)
    for part in np.linspace(0, 1, 50):
        for scale in (look.colormap, differences()):
            assert tuple(round(255 * channel) for channel in scale(part)[:3]) in colours
    # The worst case is 5 K off everywhere.
    assert look.largest_difference == pytest.approx(5.0, abs=1e-3)


def test_an_unknown_colour_map_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match=r"report.colormap: 'rainbowe' is no Matplotlib colour map"):
        look_of([], colormap="rainbowe", units="K", dpi=50)
