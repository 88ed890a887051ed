"""The specifications of the charts."""

import math

from windrow.report.charts import Axis, Chart, Series, bar_chart, group_of, line_chart, point_chart


def drawn(*series: Series, rule: float | None = None) -> Chart:
    return line_chart("c", "C", alt="c", series=series, x=Axis("lead time (h)"), y=Axis("K²"), rule=rule)


def test_the_rows_are_the_numbers_of_the_lines_without_what_is_none() -> None:
    found = drawn(Series("a", [1, 2, 3], [0.123456789, math.nan, 7.0], [0.1, 0.1, math.nan], [0.2, 0.2, math.nan]))
    assert found.spec["data"]["values"] == [
        {"series": "a", "x": 1, "y": 0.123457, "low": 0.1, "high": 0.2},
        {"series": "a", "x": 3, "y": 7},
    ]
    assert found.spec["usermeta"]["columns"]["x"] == "lead time (h)"
    assert found.spec["usermeta"]["columns"]["y"] == "K²"


def test_a_chart_without_bands_has_no_areas() -> None:
    marks = [layer["mark"] for layer in drawn(Series("a", [1], [2.0])).spec["layer"]]
    assert not [mark for mark in marks if mark["type"] == "area"]
    assert drawn(Series("a", [1], [2.0], [1.0], [3.0])).spec["layer"][0]["mark"]["type"] == "area"


def test_hidden_lines_are_filtered_away() -> None:
    spec = drawn(Series("a", [1], [2.0])).spec
    assert spec["params"] == [{"name": "hidden", "value": []}]
    assert spec["transform"] == [{"filter": "indexof(hidden, datum.series) < 0"}]


def test_names_with_dots_are_no_paths() -> None:
    hover = drawn(Series("a.b[1]", [1], [2.0])).spec["layer"][-1]
    assert hover["encoding"]["tooltip"][1]["field"] == "a\\.b\\[1\\]"


def test_a_level_is_drawn_from_side_to_side() -> None:
    level = drawn(Series("a", [1], [2.0]), rule=0.0).spec["layer"][0]
    assert level["encoding"]["y"] == {"datum": 0.0}


def test_a_legend_names_each_line_once_in_their_order() -> None:
    first, again = Series("b", [1], [1.0], colour="red"), Series("b", [1], [2.0], colour="red")
    other = Series("a", [1], [1.0], dash=(2, 2), strong=False)
    group = group_of("g", [first, other, again], [])
    assert [(key.name, key.colour, key.dash) for key in group.keys] == [
        ("b", "red", "1 0"),
        ("a", "var(--muted)", "2 2"),
    ]
    assert group.keys[0].width > group.keys[1].width


def test_bars_and_points_carry_the_same_rows() -> None:
    series = [Series("a", [1.0], [2.0], [1.0], [3.0])]
    options = {"alt": "c", "series": series, "x": Axis("x", log=True), "y": Axis("y")}
    assert bar_chart("c", "C", **options).spec["data"]["values"][0]["y"] == 2
    points = point_chart("c", "C", **options)
    assert [layer["mark"]["type"] for layer in points.spec["layer"]] == ["rule", "point", "text"]
    assert points.spec["encoding"]["x"]["scale"]["type"] == "log"
