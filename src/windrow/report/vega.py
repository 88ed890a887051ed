"""Vega, which draws the charts: in the page when a reader has JavaScript, before as a still picture."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import vl_convert
from markupsafe import Markup

FONT = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif"
_AXIS = {
    "domainColor": "var(--muted)",
    "tickColor": "var(--muted)",
    "gridColor": "var(--grid)",
    "labelColor": "var(--ink)",
    "titleColor": "var(--ink)",
    "titleFontWeight": "normal",
    "labelFontSize": 11,
    "titleFontSize": 12,
    "gridOpacity": 1,
}
CONFIG: dict[str, Any] = {
    "background": None,
    "font": FONT,
    "axis": _AXIS,
    "axisX": {"grid": False},
    "view": {"stroke": None},
    "legend": {"disable": True},
    "text": {"color": "var(--ink)"},
}
# What a still needs no more: descriptions of its parts, the page's own font, tenths of a pixel, groups of nothing.
_NEEDLESS = re.compile(
    r' (?:aria-[a-z]+|role|class|pointer-events|stroke-miterlimit|font-family)="[^"]*"| (?:stroke-)?opacity="1"'
)
_FINE = re.compile(r"\d+\.\d{2,}")
_EMPTY = re.compile(r'<g(?: [^>]*)?></g>|<path d="(?:M0,0h0v0h0Z)?"(?: display="none")?/>')


@cache
def library() -> Markup:
    """The JavaScript of Vega, Vega-Lite and Vega-Embed (BSD), out of the package vl-convert."""
    return Markup(
        re.sub(
            r"</(?=script)",
            r"<\\/",
            vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"),
            flags=re.IGNORECASE,
        )
    )


@cache
def versions() -> dict[str, str]:
    """The versions of what draws."""
    return {
        "vega": str(vl_convert.get_vega_version()),
        "vega-lite": str(vl_convert.get_vegalite_versions()[-1]),
    }


def still(spec: dict[str, Any], *, name: str) -> Markup:
    """The chart as an SVG element, hidden from screen readers: the figure around it says what it shows.

    Parameters
    ----------
    name
        Goes before every id, since the ids of all SVGs of a page share one space.
    """
    svg = vl_convert.vegalite_to_svg(spec | {"config": CONFIG})
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    view = re.search(r'viewBox="[^"]*"', svg)
    assert view
    svg = _NEEDLESS.sub("", svg)
    svg = re.sub(r"<[^>]*>", lambda tag: _FINE.sub(_tenths, tag[0]), svg)  # and not the labels between the tags
    while (shorter := _EMPTY.sub("", svg)) != svg:
        svg = shorter
    return Markup(re.sub(r"<svg[^>]*>", f'<svg {view[0]} aria-hidden="true">', svg, count=1))


def _tenths(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".removesuffix(".0")


def embedded(content: Any) -> Markup:
    """Data for a `script` element of the type JSON."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))
