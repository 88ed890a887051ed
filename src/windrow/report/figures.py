"""Matplotlib figures as parts of an HTML page, the same bytes each time."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib
import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from PIL import Image

INK = "#1b2026"
MUTED = "#5c6670"
GRID = "#dde2e7"
# After Okabe and Ito, darkened so that a label in the line's colour is readable on white (contrast above 4.5).
EXPERIMENTS = ("#0072b2", "#b84a00", "#007a5a", "#a8457f", "#7d5a00", "#5b4fc4")
BASELINE_DASHES = {
    "persistence": (0, (1.2, 1.6)),
    "day_before": (0, (5, 2)),
    "climatology": (0, (6, 2, 1.2, 2)),
}
FONT = "DejaVu Sans"
SETTINGS = {
    "svg.hashsalt": "windrow",
    "svg.fonttype": "none",
    "font.family": FONT,
    "font.size": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
}
_VARIABLES = {INK: "ink", MUTED: "muted", GRID: "grid"} | {
    colour: f"experiment-{number}" for number, colour in enumerate(EXPERIMENTS)
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw and save in here."""
    with matplotlib.rc_context(SETTINGS):  # type: ignore[arg-type]
        yield


def colours_of(experiments: Sequence[str]) -> dict[str, str]:
    """A colour per experiment."""
    return {name: EXPERIMENTS[place % len(EXPERIMENTS)] for place, name in enumerate(experiments)}


def inline_svg(figure: Figure, *, name: str, alt: str) -> Markup:
    """A figure as an SVG element that takes its colours and its font from the page.

    Parameters
    ----------
    name
        Goes before every id, since the ids of all SVGs of a page share one space.
    """
    text = io.StringIO()
    figure.savefig(
        text, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
    )
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg).replace("xlink:href", "href")
    svg = svg.replace(f"'{FONT}'", "system-ui")
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    view = re.search(r'viewBox="[^"]*"', svg)
    assert view
    opening = f'<svg {view[0]} role="img" aria-label="{escape(alt)}">'
    return Markup(re.sub(r"<svg[^>]*>", lambda _: opening, svg, count=1))


def embedded_png(figure: Figure, *, alt: str, dpi: int, palette: npt.NDArray[np.uint8]) -> Markup:
    """A figure as an `img` with its bytes in it.

    Parameters
    ----------
    palette
        The colours that it is drawn in, of shape (256, 3); each point gets the nearest of them, which makes the
        file a third as large.
    """
    drawn, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi)
    with Image.open(drawn) as image:
        width, height = image.size
        colours = Image.new("P", (1, 1))
        colours.putpalette(palette.tobytes())
        reduced = image.convert("RGB").quantize(palette=colours, dither=Image.Dither.NONE)
        reduced.save(packed, format="png", optimize=True)
    content = base64.b64encode(packed.getvalue()).decode("ascii")
    return Markup('<img src="data:image/png;base64,{}" width="{}" height="{}" alt="{}">').format(
        content, width, height, alt
    )
