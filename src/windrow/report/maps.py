"""Maps of the time means, and of forecast, truth and their difference."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from windrow.report.cases import Case
from windrow.report.text import decimals, label, moment, plain_units, quantity, score_units
from windrow.report.viewer import Panel, Viewer

DIFFERENCES = "PuOr_r"
ERRORS = "YlOrRd"
BUDGET = 2_400_000  # numbers that a page carries, of about 1.5 bytes each
MAPS = 3  # for each variable and lead time


def thinning(points: int, *, leads: int, variables: int) -> tuple[int, int]:
    """How many cases to show, and every which point of the rows and columns, so that the page stays small."""
    fields = leads * variables * points
    for count in (11, 5, 3):
        if (2 * count + MAPS) * fields <= BUDGET:
            return count, 1
    return 3, int(np.ceil(np.sqrt((2 * 3 + MAPS) * fields / BUDGET)))


def case_viewer(
    cases: Sequence[Case], *, variable: str, title: str, units: str, colormap: str, thin: int
) -> Viewer:
    """Truth, forecast and difference of each case, on one scale, so that a good one looks pale beside a bad one."""
    truth, forecast = (np.stack([getattr(case, name) for case in cases]) for name in ("truth", "forecast"))
    low, high = _limits(np.stack([truth, forecast]))
    furthest = _furthest(forecast - truth)
    plain, squared = plain_units(units), score_units("mse", units)
    panels = (
        Panel("Truth", plain, colormap, low, high, truth),
        Panel("Forecast", plain, colormap, low, high, forecast),
        Panel("Forecast − truth", plain, DIFFERENCES, -furthest, furthest, None),
    )
    return Viewer(
        name=f"cases-{variable}",
        title=f"Example forecasts of {title}",
        alt=f"Maps of {title}: truth, forecast and their difference, for one of {len(cases)} forecasts and one of "
        f"{len(cases[0].lead_hours)} lead times at a time. Colours from {low:.3g} to {high:.3g} {plain}; differences "
        f"to {furthest:.3g} {plain}, orange where the forecast is too high.",
        panels=panels,
        cases=tuple(_case_line(case, squared) for case in cases),
        frames=tuple(tuple(_frame_lines(case, squared)) for case in cases),
        first=(len(cases) // 2, len(cases[0].lead_hours) - 1),
        thin=thin,
    )


def score_viewer(
    scores: xr.Dataset, *, variable: str, title: str, units: str, experiment: str, reference: str | None, thin: int
) -> Viewer | None:
    """Bias, root mean squared error and skill against the best baseline of each point, if the scores have maps."""
    if "mse_map" not in scores or "bias_map" not in scores:
        return None
    own = scores.sel(variable=variable)
    bias, mse = (own[name].sel(forecast=experiment).values.astype(np.float32) for name in ("bias_map", "mse_map"))
    rmse, plain = np.sqrt(mse), plain_units(units)
    furthest, top = _furthest(bias), float(np.nanpercentile(rmse, 99.5)) or 1.0
    panels = [
        Panel("Bias", plain, DIFFERENCES, -furthest, furthest, bias[None]),
        Panel("RMSE", plain, ERRORS, 0.0, top, rmse[None]),
    ]
    if reference is not None:
        rival = own["mse_map"].sel(forecast=reference).values
        skill = np.where(rival > 0, 1 - mse / np.where(rival > 0, rival, 1), np.nan).astype(np.float32)
        panels.append(Panel(f"Skill against {label(reference)}", "", "RdBu", -1.0, 1.0, skill[None]))
    leads = [int(lead) for lead in scores["lead_time"].values]
    return Viewer(
        name=f"maps-{variable}",
        title=f"Scores of {title} at each point",
        alt=f"Maps of the bias, the root mean squared error and the skill of {title}, for one of {len(leads)} lead "
        f"times at a time; at {leads[-1]} h the error is between {np.nanmin(rmse[-1]):.3g} and "
        f"{np.nanmax(rmse[-1]):.3g} {plain}.",
        panels=tuple(panels),
        cases=("all samples",),
        frames=(tuple(f"+{lead} h" for lead in leads),),
        first=(0, len(leads) - 1),
        thin=thin,
    )


def _limits(fields: npt.NDArray[np.float32]) -> tuple[float, float]:
    low, high = float(np.nanmin(fields)), float(np.nanmax(fields))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _furthest(differences: npt.NDArray[np.float32]) -> float:
    """Nearly the largest distance from nothing."""
    return float(np.nanpercentile(np.abs(differences), 99.5)) or 1.0


def _case_line(case: Case, units: str) -> str:
    mse = quantity(case.mse, units, decimals=decimals([case.mse]))
    return f"{case.name}: {moment(np.datetime64(case.init_time))}, MSE {mse}"


def _frame_lines(case: Case, units: str) -> list[str]:
    digits = decimals(case.lead_mse)
    return [
        f"+{lead} h, {_short(case.init_time + dt.timedelta(hours=lead))}, MSE {quantity(mse, units, decimals=digits)}"
        for lead, mse in zip(case.lead_hours, case.lead_mse, strict=True)
    ]


def _short(time: dt.datetime) -> str:
    return f"{time.day} {time:%b %Y, %H:%M} UTC"
