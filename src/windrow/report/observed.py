"""What the observers of the training saw on the validation split, in the epoch whose weights were kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.report.charts import DASHES, MUTED, Axis, Chart, Group, Series, colour_of, group_of, line_chart
from windrow.report.curves import described
from windrow.report.maps import ERRORS
from windrow.report.text import plain_units
from windrow.report.viewer import Panel, Viewer


def state_errors(history: Mapping[str, Any], units: Mapping[str, str], *, step_hours: int) -> Group | None:
    """Root mean squared error and bias of each target over the lead time, if they were observed.

    Parameters
    ----------
    units
        Of each target that is shown.
    """
    found = history.get("observers", {}).get("state_error")
    if not found:
        return None
    charts: list[Chart] = []
    series: list[Series] = []
    for variable, its in units.items():
        errors, biases = (found[name].get(variable) for name in ("rmse", "bias"))
        if not errors:
            continue
        leads = [step_hours * (place + 1) for place in range(len(errors))]
        series = [
            Series("RMSE", leads, errors, colour=colour_of(0)),
            Series("bias", leads, biases, colour=MUTED, dash=DASHES[1], strong=False),
        ]
        title = f"Validation error of {variable} per lead time"
        x, y = Axis("lead time (h)", whole=True), Axis(plain_units(its))
        alt = described(title, series)
        charts.append(line_chart(f"state-error-{variable}", title, alt=alt, series=series, x=x, y=y, rule=0.0))
    return group_of("state-errors", series, charts) if charts else None


def error_maps(
    history: Mapping[str, Any], units: Mapping[str, str], titles: Mapping[str, str], *, shape: tuple[int, int]
) -> list[Viewer]:
    """Root mean squared error over all validation windows and lead times, as means over blocks of points.

    Parameters
    ----------
    shape
        Rows and columns of the grid.
    """
    found = history.get("observers", {}).get("error_map")
    maps = {name: found["rmse"][name] for name in units if name in found["rmse"]} if found else {}
    return [
        _map(name, spread(table, found["block"], shape), units[name], titles[name]) for name, table in maps.items()
    ]


def spread(table: list[list[float]], block: int, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """A number for each point, out of one for each block; the last blocks may be smaller."""
    rows, columns = shape
    wide = np.repeat(np.repeat(np.array(table, dtype=np.float32), block, axis=0), block, axis=1)
    return np.asarray(wide[:rows, :columns])


def _map(variable: str, field: npt.NDArray[np.float32], units: str, title: str) -> Viewer:
    plain, top = plain_units(units), float(np.nanmax(field)) or 1.0
    return Viewer(
        name=f"error-map-{variable}",
        title=f"Validation error of {title} at each point",
        alt=f"Map of the root mean squared error of {title} over all validation windows and lead times, from "
        f"{np.nanmin(field):.3g} to {top:.3g} {plain}.",
        panels=(Panel("RMSE", plain, ERRORS, 0.0, top, field[None, None]),),
        cases=("all windows",),
        frames=(("all validation windows and lead times",),),
        first=(0, 0),
    )
