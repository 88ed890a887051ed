"""Curves, bars and points as Vega-Lite specifications that take their colours from the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

INK, MUTED, GRID = "var(--ink)", "var(--muted)", "var(--grid)"
SOLID: tuple[float, ...] = (1, 0)
DASHES: tuple[tuple[float, ...], ...] = ((2, 2), (7, 3), (7, 3, 2, 3), (3, 5), (12, 3), (10, 3, 2, 3, 2, 3))
COLOURS = 6
STRONG, WEAK = 2.2, 1.4
HEIGHT, WIDTH = 210, 380
MAX_MARKED = 24
_DIGITS = 6
_LOG_LABEL = "datum.value >= 0.01 && datum.value < 1e7 ? format(datum.value, ',~r') : format(datum.value, '.0e')"


@dataclass(frozen=True, eq=False)
class Series:
    """A line with a name; `low` and `high` are the limits of its band, if it has one."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    colour: str = MUTED
    dash: tuple[float, ...] = SOLID
    strong: bool = True


@dataclass(frozen=True)
class Axis:
    """Title and scale of an axis; `zero` makes it begin there, `reverse` makes it run backwards."""

    title: str
    log: bool = False
    zero: bool = False
    reverse: bool = False
    whole: bool = False
    values: Sequence[float] = ()


@dataclass(frozen=True)
class Chart:
    """A figure of the page: `name` is its id and the name of its downloads, `alt` says what it shows."""

    name: str
    title: str
    alt: str
    spec: dict[str, Any]

    @property
    def still(self) -> dict[str, Any]:
        """The specification of a still picture: without what answers to the pointer, and without marks on lines."""
        layers = [layer for layer in self.spec["layer"] if "params" not in layer]
        lone = len({row["x"] for row in self.spec["data"]["values"]}) == 1  # a line of one point would not be seen
        if not lone:
            layers = [layer | {"mark": {**layer["mark"], "point": False}} for layer in layers]
        return self.spec | {"layer": layers}


@dataclass(frozen=True)
class Key:
    """An entry of a legend: the line as it is drawn."""

    name: str
    colour: str
    dash: str
    width: float


@dataclass(frozen=True)
class Group:
    """Charts that share a legend, whose entries show and hide the lines of all of them.

    Attributes
    ----------
    folded
        What the reader opens to see them; empty if they are open.
    """

    name: str
    keys: tuple[Key, ...]
    charts: tuple[Chart, ...]
    folded: str = ""


def colour_of(place: int) -> str:
    """The colour of an experiment."""
    return f"var(--experiment-{place % COLOURS})"


def group_of(name: str, series: Sequence[Series], charts: Sequence[Chart], *, folded: str = "") -> Group:
    """Charts of these series, each of which may lack some; of equal names the first counts."""
    known = {one.name: one for one in reversed(series)}
    keys = (
        Key(one.name, one.colour, " ".join(map(str, one.dash)), STRONG if one.strong else WEAK)
        for one in dict.fromkeys(known[one.name] for one in series)
    )
    return Group(name, tuple(keys), tuple(charts), folded)


def line_chart(
    name: str, title: str, *, alt: str, series: Sequence[Series], x: Axis, y: Axis, rule: float | None = None
) -> Chart:
    """Lines with their bands; values are shown where the pointer is nearest.

    Parameters
    ----------
    rule
        A height to draw a thin line at, such as a bias of nothing.
    """
    rows = [row for one in series for row in _rows(one)]
    layers: list[dict[str, Any]] = []
    if rule is not None:
        layers.append(_level(rule))
    if any("low" in row for row in rows):
        layers.append(_bands(series, y))
    marks: dict[str, Any] = {"type": "line", "strokeJoin": "round"}
    if max((len(one.x) for one in series), default=0) <= MAX_MARKED:
        marks["point"] = {"size": 16, "filled": True}
    layers.append({"mark": marks, "encoding": {"y": _position("y", y), **_stroke(series)}})
    layers.append(_hover(series, x, y))
    spec = _framed(rows, {"x": _position("x", x), "color": _colours(series)}, layers, x, y)
    return Chart(name, title, alt, spec)


def bar_chart(name: str, title: str, *, alt: str, series: Sequence[Series], x: Axis, y: Axis) -> Chart:
    """Bars side by side."""
    rows = [row for one in series for row in _rows(one)]
    encoding = {
        "x": {"field": "x", "type": "ordinal", "title": x.title, "axis": {"labelAngle": 0, "labelOverlap": True}},
        "y": _position("y", y),
        "color": _colours(series),
        "xOffset": {"field": "series", "sort": [one.name for one in series]},
        "tooltip": [_tip("x", x.title), _tip("y", y.title), {"field": "series", "title": "of"}],
    }
    return Chart(name, title, alt, _framed(rows, encoding, [{"mark": {"type": "bar"}}], x, y))


def point_chart(name: str, title: str, *, alt: str, series: Sequence[Series], x: Axis, y: Axis) -> Chart:
    """Points with their names, and their bands as vertical lines."""
    rows = [row for one in series for row in _rows(one)]
    layers: list[dict[str, Any]] = []
    if any("low" in row for row in rows):
        ends = {"y": _position("low", y), "y2": {"field": "high"}}
        layers.append({"mark": {"type": "rule", "strokeWidth": 1.5}, "encoding": ends})
    tips = [{"field": "series", "title": "of"}, _tip("x", x.title), _tip("y", y.title)]
    encoding = {"y": _position("y", y), "tooltip": tips}
    layers.append({"mark": {"type": "point", "filled": True, "size": 70, "opacity": 1}, "encoding": encoding})
    label = {"type": "text", "align": "left", "dx": 7, "dy": -7, "fontSize": 11}
    layers.append({"mark": label, "encoding": {"y": _position("y", y), "text": {"field": "series"}}})
    across = _position("x", x)
    across["scale"]["padding"] = 40
    return Chart(name, title, alt, _framed(rows, {"x": across, "color": _colours(series)}, layers, x, y))


def _rows(series: Series) -> list[dict[str, Any]]:
    """Rows of the values that are numbers, which are also what the page offers as CSV."""
    low, high = (list(limit) or [math.nan] * len(series.x) for limit in (series.low, series.high))
    return [
        {"series": series.name, "x": _rounded(x), "y": _rounded(y)}
        | ({"low": _rounded(below), "high": _rounded(above)} if math.isfinite(below + above) else {})
        for x, y, below, above in zip(series.x, series.y, low, high, strict=True)
        if math.isfinite(y)
    ]


def _rounded(value: float) -> float | int:
    short = float(f"{float(value):.{_DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def _framed(
    rows: list[dict[str, Any]], encoding: dict[str, Any], layers: list[dict[str, Any]], x: Axis, y: Axis
) -> dict[str, Any]:
    columns = {"series": "of", "x": x.title, "y": y.title or "value", "low": "5 %", "high": "95 %"}
    return {
        "usermeta": {"columns": columns},
        "width": WIDTH,
        "height": HEIGHT,
        "params": [{"name": "hidden", "value": []}],
        "data": {"values": rows},
        "transform": [{"filter": "indexof(hidden, datum.series) < 0"}],
        "encoding": encoding,
        "layer": layers,
    }


def _position(field: str, axis: Axis) -> dict[str, Any]:
    scale: dict[str, Any] = {"zero": axis.zero, "nice": not axis.whole}
    if axis.log:
        scale = {"type": "log", "nice": False}
    if axis.reverse:
        scale["reverse"] = True
    drawn: dict[str, Any] = {"tickCount": 5, "labelOverlap": True, "labelSeparation": 6}
    if axis.whole:
        drawn |= {"tickMinStep": 1, "format": "d", "tickCount": 6}
    elif axis.log:
        drawn["labelExpr"] = _LOG_LABEL
    if axis.values:
        drawn["values"] = list(axis.values)
    return {"field": field, "type": "quantitative", "title": axis.title, "scale": scale, "axis": drawn}


def _field(name: str) -> dict[str, str]:
    return {"field": name, "type": "quantitative"}


def _tip(name: str, title: str) -> dict[str, str]:
    return {**_field(name), "title": title, "format": ".4~g"}


def _bands(series: Sequence[Series], axis: Axis) -> dict[str, Any]:
    strong = [one.name for one in series if one.strong]
    clear = {"condition": {"test": {"field": "series", "oneOf": strong}, "value": 0.22}, "value": 0.08}
    ends = {"y": _position("low", axis), "y2": {"field": "high"}}
    return {
        "transform": [{"filter": "isValid(datum.low)"}],
        "mark": {"type": "area", "line": False},
        "encoding": {**ends, "fillOpacity": clear},
    }


def _level(height: float) -> dict[str, Any]:
    """A thin line from side to side."""
    encoding = {"y": {"datum": height}, "x": {"value": 0}, "x2": {"value": "width"}, "color": {"value": MUTED}}
    return {"mark": {"type": "rule", "strokeWidth": 1}, "encoding": encoding, "data": {"values": [{}]}}


def _scale(series: Sequence[Series], values: list[Any]) -> dict[str, Any]:
    return {"domain": [one.name for one in series], "range": values}


def _colours(series: Sequence[Series]) -> dict[str, Any]:
    scale = _scale(series, [one.colour for one in series])
    return {"field": "series", "type": "nominal", "scale": scale, "title": None}


def _stroke(series: Sequence[Series]) -> dict[str, Any]:
    dashes = _scale(series, [list(one.dash) for one in series])
    strong = [one.name for one in series if one.strong]
    wide = {"test": {"field": "series", "oneOf": strong}, "value": STRONG}
    return {
        "strokeDash": {"field": "series", "type": "nominal", "scale": dashes, "title": None},
        "strokeWidth": {"condition": wide, "value": WEAK},
    }


def _hover(series: Sequence[Series], x: Axis, y: Axis) -> dict[str, Any]:
    """A vertical line where the pointer is nearest, with the values of all lines there."""
    tips = [_tip("x", x.title), *({**_tip(_escaped(one.name), one.name)} for one in series)]
    select = {"type": "point", "fields": ["x"], "nearest": True, "on": "pointerover", "clear": "pointerout"}
    shown = {"condition": {"param": "hover", "empty": False, "value": 0.5}, "value": 0}
    return {
        "transform": [{"pivot": "series", "value": "y", "groupby": ["x"]}],
        "params": [{"name": "hover", "select": select}],
        "mark": {"type": "rule", "color": MUTED},
        "encoding": {"opacity": shown, "color": {"value": MUTED}, "tooltip": tips},
    }


def _escaped(name: str) -> str:
    """A name as a field: dots and brackets would lead into an object."""
    for mark in ("\\", ".", "[", "]"):
        name = name.replace(mark, f"\\{mark}")
    return name
