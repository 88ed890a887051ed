"""Truth, forecast and their difference as maps."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import matplotlib
import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from windrow.errors import UserError
from windrow.geography import cell_edges, coastlines_on
from windrow.grid import ROTATED, Grid
from windrow.report.cases import Case
from windrow.report.figures import INK, embedded_png, house_style
from windrow.report.text import decimals, plain_units, quantity, score_units

DIFFERENCES = "PuOr_r"
# Odd, so that the scale of differences has a colour for none.
LEVELS = 111
ROWS = ("Truth", "Forecast", "Forecast − truth")
PANEL_INCHES = 2.45
PANEL_HEIGHTS_INCHES = (0.9, 3.6)
GAP, HEAD, LEFT, RIGHT, FOOT = 0.12, 0.42, 0.34, 0.85, 0.1


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


@dataclass(frozen=True)
class Look:
    """Colours and resolution of the maps of one variable."""

    colormap: Colormap
    largest_difference: float
    units: str
    dpi: int

    @property
    def palette(self) -> npt.NDArray[np.uint8]:
        """All colours of a map: both colour maps, and greys for the letters and lines. Shape (256, 3)."""
        levels, greys = np.linspace(0, 1, LEVELS), np.linspace(0, 1, 256 - 2 * LEVELS)
        maps = [colours(levels)[:, :3] for colours in (self.colormap, differences())]
        colours = np.concatenate([*maps, np.repeat(greys[:, None], 3, axis=1)])
        return np.asarray(np.round(255 * colours), dtype=np.uint8)


def ground_of(grid: Grid) -> Ground:
    """The grid with its coastlines."""
    return Ground(grid, coastlines_on(grid))


def differences() -> Colormap:
    """Violet where the forecast is too low, orange where it is too high."""
    return matplotlib.colormaps[DIFFERENCES].resampled(LEVELS)


def look_of(cases: list[Case], *, colormap: str, units: str, dpi: int) -> Look:
    """One scale of differences for all cases, so that a good one looks pale beside a bad one.

    Raises
    ------
    UserError
        If there is no such colour map.
    """
    if colormap not in matplotlib.colormaps:
        raise UserError(f"report.colormap: {colormap!r} is no Matplotlib colour map; take viridis or RdYlBu_r")
    largest = max(float(np.percentile(np.abs(case.error), 99.5)) for case in cases)
    return Look(matplotlib.colormaps[colormap].resampled(LEVELS), largest or 1.0, units, dpi)


def case_map(case: Case, *, ground: Ground, look: Look, variable: str) -> Markup:
    """Rows of truth, forecast and difference; columns of lead times."""
    with house_style():
        figure, axes = _panels(len(case.lead_hours), ground)
        low, high = _limits(case)
        for row, fields in enumerate((case.truth, case.forecast, case.error)):
            difference = row == 2
            limits = (-look.largest_difference, look.largest_difference) if difference else (low, high)
            colours = differences() if difference else look.colormap
            for column, field in enumerate(fields):
                mesh = _draw_field(axes[row][column], field, ground, colours, limits)
            axes[row][0].set_ylabel(ROWS[row], fontsize=9, fontweight="bold")
            if row:
                _colour_bar(figure, mesh, axes[0 if row == 1 else 2][-1], axes[row][-1], look, difference)
        for column, title in enumerate(_titles(case, look.units)):
            axes[0][column].set_title(title, fontsize=8.5, pad=5)
        return embedded_png(
            figure, alt=_described(case, look, variable, (low, high)), dpi=look.dpi, palette=look.palette
        )


def _limits(case: Case) -> tuple[float, float]:
    fields = np.stack([case.truth, case.forecast])
    low, high = float(fields.min()), float(fields.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _panels(columns: int, ground: Ground) -> tuple[Figure, list[list[Axes]]]:
    west, east, south, north = ground.extent
    natural = PANEL_INCHES * ground.stretch * (north - south) / (east - west)
    panel = float(np.clip(natural, *PANEL_HEIGHTS_INCHES))
    width = LEFT + columns * (PANEL_INCHES + GAP) + RIGHT
    height = HEAD + 3 * (panel + GAP) + FOOT
    figure = Figure(figsize=(width, height), facecolor="white")
    return figure, [
        [
            figure.add_axes(
                (
                    (LEFT + column * (PANEL_INCHES + GAP)) / width,
                    (FOOT + (2 - row) * (panel + GAP)) / height,
                    PANEL_INCHES / width,
                    panel / height,
                )
            )
            for column in range(columns)
        ]
        for row in range(3)
    ]


def _draw_field(
    axes: Axes,
    field: npt.NDArray[np.float32],
    ground: Ground,
    colours: Colormap,
    limits: tuple[float, float],
) -> QuadMesh:
    mesh = axes.pcolormesh(
        cell_edges(ground.grid.x),
        cell_edges(ground.grid.y),
        field,
        cmap=colours,
        vmin=limits[0],
        vmax=limits[1],
    )
    axes.add_collection(LineCollection(ground.coast, colors=INK, linewidths=0.7), autolim=False)
    west, east, south, north = ground.extent
    axes.set(xlim=(west, east), ylim=(south, north), xticks=[], yticks=[], aspect=ground.stretch)
    for spine in axes.spines.values():
        spine.set_visible(True)
    return mesh


def _colour_bar(figure: Figure, mesh: QuadMesh, top: Axes, bottom: Axes, look: Look, difference: bool) -> None:
    """A bar right of the panels, from the bottom one to the top one."""
    low, high = bottom.get_position(), top.get_position()
    place = (low.x1 + GAP / figure.get_figwidth(), low.y0, 0.14 / figure.get_figwidth(), high.y1 - low.y0)
    bar = figure.colorbar(mesh, cax=figure.add_axes(place), extend="both" if difference else "neither")
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_linewidth(0.5)
    if units := plain_units(look.units):
        bar.set_label(units, fontsize=8.5)


def _titles(case: Case, units: str) -> list[str]:
    digits = decimals(case.lead_mse)
    return [
        f"+{lead} h, {_short(case.init_time + dt.timedelta(hours=lead))}\n"
        f"MSE {quantity(mse, score_units('mse', units), decimals=digits)}"
        for lead, mse in zip(case.lead_hours, case.lead_mse, strict=True)
    ]


def _short(time: dt.datetime) -> str:
    return f"{time.day} {time:%b %Y, %H:%M} UTC"


def _described(case: Case, look: Look, variable: str, limits: tuple[float, float]) -> str:
    digits = decimals(limits)
    leads = ", ".join(f"{lead} h" for lead in case.lead_hours)
    ends = " to ".join(quantity(end, plain_units(look.units), decimals=digits) for end in limits)
    return (
        f"Maps of {variable}: truth, forecast and their difference at lead times {leads} of the forecast of "
        f"{_short(case.init_time)}. Values from {ends}; "
        f"largest difference {quantity(float(np.abs(case.error).max()), plain_units(look.units), decimals=2)}."
    )
