"""Charts of what is summed over all samples: spectra, conditional quantiles, ranks of the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from windrow.report.charts import (
    DASHES,
    INK,
    MUTED,
    SOLID,
    Axis,
    Chart,
    Group,
    Series,
    bar_chart,
    group_of,
    line_chart,
)
from windrow.report.curves import lead_choice, plain
from windrow.report.style import Style
from windrow.report.text import plain_units, score_units
from windrow.verification.scores_layout import TRUTH

WAVELENGTH = Axis("wavelength (km)", log=True, reverse=True)
FACTORS = {
    "conditional_truth": ("Truth given the forecast (calibration)", "forecast", "truth"),
    "conditional_forecast": ("Forecast given the truth (likelihood)", "truth", "forecast"),
}
_QUANTILE_COLOURS = ("var(--experiment-1)", "var(--experiment-0)", "var(--experiment-2)")


def spectra(scores: xr.Dataset, *, variable: str, units: str, styles: dict[str, Style]) -> Group | None:
    """Power and coherence over the wavelength, at some lead times."""
    if "power" not in scores or "wavelength" not in scores:
        return None
    known = {**styles, TRUTH: Style("truth", INK, SOLID, True)}
    own = scores.sel(variable=variable)
    leads = lead_choice([int(lead) for lead in own["lead_time"].values])
    charts: list[Chart] = []
    drawn: list[Series] = []
    for lead in leads:
        series = _over_wavelengths(own["power"].sel(lead_time=lead), "field", own["wavelength"], known, log=True)
        drawn = drawn or series
        title = f"Power at {lead} h"
        axis = Axis(f"variance per band ({score_units('mse', units) or '1'})", log=True)
        charts.append(_spectrum(f"{variable}-power-{lead}", title, series, axis))
    for lead in leads if "coherence" in own else ():
        series = _over_wavelengths(own["coherence"].sel(lead_time=lead), "forecast", own["wavelength"], known)
        title = f"Coherence with the truth at {lead} h"
        charts.append(_spectrum(f"{variable}-coherence-{lead}", title, series, Axis("", zero=True)))
    return group_of(f"spectra-{variable}", drawn, charts)


def _over_wavelengths(
    values: xr.DataArray, names: str, wavelength: xr.DataArray, styles: dict[str, Style], *, log: bool = False
) -> list[Series]:
    found = []
    for name in values[names].values:
        line, style = values.sel({names: name}).values, styles[str(name)]
        valid = np.isfinite(line) & (line > 0) if log else np.isfinite(line)
        if valid.any():
            x, y = plain(wavelength.values[valid]), plain(line[valid])
            found.append(Series(style.name, x, y, (), (), style.colour, style.dash, style.strong))
    return found


def _spectrum(name: str, title: str, series: list[Series], axis: Axis) -> Chart:
    parts = [
        f"{one.name} from {one.y[0]:.2g} at {one.x[0]:.0f} km to {one.y[-1]:.2g} at {one.x[-1]:.0f} km"
        for one in series
    ]
    return line_chart(name, title, alt=f"{title}: {'; '.join(parts)}.", series=series, x=WAVELENGTH, y=axis)


def conditionals(scores: xr.Dataset, *, variable: str, units: str, experiment: str) -> Group | None:
    """Quantiles of the truth given the forecast and the other way round, at some lead times."""
    if not set(FACTORS) & set(scores.data_vars):
        return None
    own = scores.sel(variable=variable, forecast=experiment)
    charts: list[Chart] = []
    drawn: list[Series] = []
    for name, (title, given, asked) in FACTORS.items():
        for lead in lead_choice([int(lead) for lead in own["lead_time"].values]):
            series = _quantile_lines(own[name].sel(lead_time=lead))
            drawn = drawn or series
            suffix = f" ({plain_units(units)})" if plain_units(units) else ""
            charts.append(
                line_chart(
                    f"{variable}-{name.replace('_', '-')}-{lead}",
                    f"{title} at {lead} h",
                    alt=_conditional_alt(f"{title} at {lead} h", series),
                    series=series,
                    x=Axis(f"{given}{suffix}"),
                    y=Axis(f"{asked}{suffix}"),
                )
            )
    return group_of(f"conditional-{variable}", drawn, charts)


def _quantile_lines(values: xr.DataArray) -> list[Series]:
    """The quantiles and, for a perfect forecast, the diagonal; bins without values are left out."""
    table = values.transpose("condition", "quantile").values
    valid = np.isfinite(table).all(axis=1)
    centres = plain(values["condition"].values[valid])
    lines = [
        Series(
            f"{100 * float(quantile):g} % quantile",
            centres,
            plain(table[valid, place]),
            colour=_QUANTILE_COLOURS[place % 3],
            dash=SOLID if quantile == 0.5 else DASHES[1],
            strong=quantile == 0.5,
        )
        for place, quantile in enumerate(values["quantile"].values)
    ]
    return [*lines, Series("perfect", centres, centres, colour=MUTED, dash=DASHES[0], strong=False)]


def _conditional_alt(title: str, series: Sequence[Series]) -> str:
    middle = series[len(series) // 2 - 1 if len(series) > 3 else 0]
    if not middle.x:
        return f"{title}: no value."
    off = np.abs(np.subtract(middle.y, middle.x))
    ends = f"from {middle.x[0]:.4g} to {middle.x[-1]:.4g}"
    return f"{title}, {ends}: the {middle.name} is up to {off.max():.2g} off the diagonal."


def ranks(scores: xr.Dataset, *, variable: str, experiment: str) -> Group | None:
    """How often the truth has each rank among the members, at some lead times."""
    if "rank_histogram" not in scores:
        return None
    own = scores["rank_histogram"].sel(variable=variable, forecast=experiment)
    charts = []
    series = []
    for lead in lead_choice([int(lead) for lead in own["lead_time"].values]):
        counts = own.sel(lead_time=lead).values
        if not np.nansum(counts):
            continue
        shares = counts / counts.sum()
        series = [Series("share", range(1, len(shares) + 1), plain(100 * shares), colour="var(--experiment-0)")]
        title = f"Rank of the truth among the members at {lead} h"
        low, high, even = (f"{100 * share:.1f}" for share in (shares.min(), shares.max(), 1 / len(shares)))
        alt = f"{title}: from {low} to {high} %; even would be {even} %."
        axis = Axis("share of the points (%)", zero=True)
        charts.append(bar_chart(f"{variable}-ranks-{lead}", title, alt=alt, series=series, x=Axis("rank"), y=axis))
    return group_of(f"ranks-{variable}", series, charts) if charts else None
