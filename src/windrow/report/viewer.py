"""Fields that the page can be leafed through: packed numbers, which the page's script colours."""

from __future__ import annotations

import base64
import io
import zlib
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image

from windrow.report.ground import Ground

LEVELS = 4095  # the last one stands for no value
COLOURS = 255
Fields = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Panel:
    """One map of a viewer.

    Attributes
    ----------
    fields
        Shape (case, frame, y, x); None for the difference of the second panel minus the first.
    low, high
        Limits of the colours.
    """

    title: str
    units: str
    colormap: str
    low: float
    high: float
    fields: Fields | None


@dataclass(frozen=True)
class Viewer:
    """Maps side by side that change together.

    Attributes
    ----------
    cases
        A line on each case; a single one has no choice of cases.
    frames
        For each case a line on each frame.
    first
        The case and the frame to begin with.
    """

    name: str
    title: str
    alt: str
    panels: tuple[Panel, ...]
    cases: tuple[str, ...]
    frames: tuple[tuple[str, ...], ...]
    first: tuple[int, int]
    thin: int = 1

    def rows(self, ground: Ground) -> int:
        """Rows of points that are shown."""
        return -(-ground.grid.shape[0] // self.thin)

    def columns(self, ground: Ground) -> int:
        """Columns of points that are shown."""
        return -(-ground.grid.shape[1] // self.thin)


def content_of(viewer: Viewer, ground: Ground) -> dict[str, Any]:
    """What the page's script needs, as JSON."""
    return {
        "name": viewer.name,
        "rows": viewer.rows(ground),
        "columns": viewer.columns(ground),
        "frames": viewer.frames,
        "first": viewer.first,
        "latitude": _rounded(ground.raster(ground.grid.points()[0].astype(np.float32), thin=viewer.thin)),
        "longitude": _rounded(ground.raster(ground.grid.points()[1].astype(np.float32), thin=viewer.thin)),
        "panels": [_panel(panel, ground, viewer.thin) for panel in viewer.panels],
    }


def _rounded(values: npt.NDArray[np.float32]) -> list[float]:
    """Along the rows and the columns if that is all there is to say, else of all points."""
    short = np.round(values.astype(np.float64), 3)
    if (short == short[:, :1]).all():
        return [float(value) for value in short[:, 0]]
    if (short == short[:1]).all():
        return [float(value) for value in short[0]]
    return [float(value) for value in short.ravel()]


def _panel(panel: Panel, ground: Ground, thin: int) -> dict[str, Any]:
    content: dict[str, Any] = {
        "title": panel.title,
        "units": panel.units,
        "low": panel.low,
        "high": panel.high,
        "colours": colours_of(panel.colormap).tobytes().hex(),
    }
    if panel.fields is None:
        return content
    rasters = ground.raster(panel.fields, thin=thin)
    finite = rasters[np.isfinite(rasters)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    step = (high - low) / (LEVELS - 1) or 1.0
    return content | {"offset": low, "step": step, "cases": [packed(case, low, step) for case in rasters]}


def packed(fields: Fields, low: float, step: float) -> str:
    """Fields as whole steps above `low`, differenced along the rows, deflated, in base 64.

    The low bytes of all numbers go before the high ones: these are nearly all zero.
    """
    steps = np.where(np.isfinite(fields), np.round((fields - low) / step), LEVELS).astype(np.uint16)
    steps[..., 1:] -= steps[..., :-1].copy()
    planes = np.concatenate([(steps & 0xFF).ravel(), (steps >> 8).ravel()]).astype(np.uint8)
    squeezer = zlib.compressobj(9, wbits=-15)
    return base64.b64encode(squeezer.compress(planes.tobytes()) + squeezer.flush()).decode("ascii")


def colours_of(colormap: str) -> npt.NDArray[np.uint8]:
    """The colours of a Matplotlib colour map: shape (COLOURS, 3)."""
    found = matplotlib.colormaps[colormap](np.linspace(0, 1, COLOURS))[:, :3]
    return np.asarray(np.round(255 * found), dtype=np.uint8)


def still_png(field: Fields, panel: Panel, ground: Ground) -> str:
    """One field as a PNG of one pixel per point, as a data URI: what a page without script shows."""
    raster = ground.raster(field.astype(np.float32)).astype(np.float64)
    share = (raster - panel.low) / ((panel.high - panel.low) or 1.0)
    places = np.where(np.isfinite(share), np.clip(np.round(share * (COLOURS - 1)), 0, COLOURS - 1), COLOURS)
    image = Image.frombytes("P", raster.shape[::-1], places.astype(np.uint8).tobytes())
    image.putpalette(colours_of(panel.colormap).tobytes() + b"\x88\x88\x88")
    stream = io.BytesIO()
    image.save(stream, format="png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
