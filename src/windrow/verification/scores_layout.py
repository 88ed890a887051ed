"""The layout of `scores.nc`: every score, its dimensions, its units and its formula."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.forecasts import COORDINATES
from windrow.grid import Grid

DOMAIN = "domain"
WEIGHTINGS = ("none", "area")
TRUTH = "truth"

SAMPLE = ("init_time", "lead_time")
BY_REGION = ("forecast", "variable", "region", "weighting", *SAMPLE)
BY_FIELD = ("forecast", "variable", *SAMPLE)
BY_THRESHOLD = ("forecast", "variable", "threshold", *SAMPLE)
BY_NEIGHBOURHOOD = ("forecast", "variable", "threshold", "neighbourhood", *SAMPLE)
BY_LEAD = ("forecast", "variable", "lead_time")
BY_POINT = (*BY_LEAD, "y", "x")
BY_WAVENUMBER = (*BY_LEAD, "wavenumber_bin")
BY_CONDITION = (*BY_LEAD, "condition")


@dataclass(frozen=True)
class Score:
    """A score in the file.

    Attributes
    ----------
    dimensions
        In the order of the file; `y` and `x` stand for those of the grid.
    power
        The score's units are those of the variable to this power; 0 is a pure number.
    comment
        Formula or reference.
    dtype
        `i4` for counts.
    members
        Whether it needs an ensemble.
    """

    dimensions: tuple[str, ...]
    power: int
    long_name: str
    comment: str
    dtype: str = "f4"
    members: bool = False

    @property
    def per_sample(self) -> bool:
        """Whether there is a value for each initial time; otherwise it is summed over them."""
        return "init_time" in self.dimensions

    @property
    def empty(self) -> float | int:
        """What stands where nothing was scored."""
        return 0 if self.dtype.startswith("i") else np.nan


SCORES: dict[str, Score] = {
    "mse": Score(BY_REGION, 2, "mean squared error", "mean of (f - o)^2 over the points"),
    "mae": Score(BY_REGION, 1, "mean absolute error", "mean of |f - o| over the points"),
    "bias": Score(BY_REGION, 1, "bias", "mean of f - o over the points"),
    "acc": Score(
        BY_REGION, 0, "anomaly correlation", "uncentred: sum f'o' / sqrt(sum f'^2 sum o'^2), ' = minus climatology"
    ),
    "acc_centred": Score(
        BY_REGION, 0, "centred anomaly correlation", "correlation over the points of the anomalies f' and o'"
    ),
    "ssim": Score(
        BY_FIELD, 0, "structural similarity", "Wang et al. 2004, Gaussian windows of 1.5 points; range: data_range"
    ),
    "psnr": Score(BY_FIELD, 0, "peak signal-to-noise ratio (dB)", "10 log10(data_range^2 / mse), unweighted"),
    "gradient_ratio": Score(BY_FIELD, 0, "gradient ratio", "mean |grad f| / mean |grad o|, metric of the sphere"),
    "hits": Score(BY_THRESHOLD, 0, "hits", "points whose event was forecast and came", "i4"),
    "misses": Score(BY_THRESHOLD, 0, "misses", "points whose event came and was not forecast", "i4"),
    "false_alarms": Score(
        BY_THRESHOLD, 0, "false alarms", "points whose event was forecast and did not come", "i4"
    ),
    "correct_negatives": Score(BY_THRESHOLD, 0, "correct negatives", "points without an event", "i4"),
    "fss_error": Score(
        BY_NEIGHBOURHOOD, 0, "error of the fractions", "mean of (F - O)^2; FSS = 1 - sum error / sum reference"
    ),
    "fss_reference": Score(
        BY_NEIGHBOURHOOD, 0, "reference of the fractions", "mean of F^2 + O^2 (Roberts and Lean 2008)"
    ),
    "crps": Score(
        BY_REGION, 1, "continuous ranked probability score", "of the members, fair: Ferro 2014", members=True
    ),
    "spread": Score(BY_REGION, 2, "variance of the members", "with n - 1; root after the mean", members=True),
    "power": Score(
        ("field", *BY_WAVENUMBER[1:]),
        2,
        "power spectrum",
        "mean over the samples of the variance in a bin, by the cosine transform (Denis et al. 2002)",
        "f8",
    ),
    "coherence": Score(
        BY_WAVENUMBER, 0, "spectral coherence", "sum F O / sqrt(sum F^2 sum O^2) over the samples of a bin", "f8"
    ),
    "bias_map": Score(BY_POINT, 1, "bias of each point", "mean of f - o over the samples", "f8"),
    "mse_map": Score(BY_POINT, 2, "mean squared error of each point", "mean of (f - o)^2 over the samples", "f8"),
    "conditional_truth": Score(
        (*BY_CONDITION, "quantile"), 1, "quantiles of the truth given the forecast", "calibration-refinement", "f8"
    ),
    "conditional_forecast": Score(
        (*BY_CONDITION, "quantile"), 1, "quantiles of the forecast given the truth", "likelihood-base rate", "f8"
    ),
    "conditional_count_forecast": Score(BY_CONDITION, 0, "values of the forecast in the bin", "pooled", "f8"),
    "conditional_count_truth": Score(BY_CONDITION, 0, "values of the truth in the bin", "pooled", "f8"),
    "rank_histogram": Score(
        (*BY_LEAD, "rank"), 0, "counts of the truth's rank among the members", "ties at random", "f8", members=True
    ),
}


@dataclass(frozen=True)
class Axes:
    """What the scores of a file are of: its coordinates that are known before the first sample.

    Attributes
    ----------
    forecasts
        The experiment, then the baselines, then other archives.
    units
        Of each variable.
    init_hours, lead_hours
        Hours since 1900 and hours.
    thresholds, neighbourhoods
        Quantiles, and widths in points; without either there are no scores of them.
    members
        Size of the ensemble; 0 or 1 where there is none.
    """

    forecasts: tuple[str, ...]
    variables: tuple[str, ...]
    units: tuple[str, ...]
    regions: tuple[str, ...]
    init_hours: npt.NDArray[np.int64]
    lead_hours: npt.NDArray[np.int64]
    grid: Grid
    thresholds: tuple[float, ...] = ()
    neighbourhoods: tuple[int, ...] = ()
    members: int = 0

    def sizes(self) -> dict[str, int]:
        """Lengths of the dimensions."""
        return {name: len(values) for name, (values, _) in coordinates(self).items()}

    def have(self, score: Score) -> bool:
        """Whether there is such a score of each sample."""
        known = set(coordinates(self))
        return score.per_sample and known.issuperset(score.dimensions) and (self.members > 1 or not score.members)


def coordinates(axes: Axes) -> dict[str, tuple[npt.NDArray[Any], dict[str, Any]]]:
    """Values and attributes of every dimension but those of the grid and those that come with a result."""
    found: dict[str, tuple[Any, dict[str, Any]]] = {
        "forecast": (axes.forecasts, {"long_name": "forecast: the experiment first"}),
        "variable": (axes.variables, {"long_name": "variable"}),
        "region": (axes.regions, {"long_name": "region"}),
        "weighting": (WEIGHTINGS, {"long_name": "weights of the points: all alike, or their areas"}),
        "init_time": (axes.init_hours, COORDINATES["init_time"]),
        "lead_time": (axes.lead_hours, COORDINATES["lead_time"]),
        "field": ((*axes.forecasts, TRUTH), {"long_name": "forecast or truth"}),
    }
    if axes.thresholds:
        found["threshold"] = (axes.thresholds, {"long_name": "quantile that is the threshold", "units": "1"})
        if axes.neighbourhoods:
            described = {"long_name": "width of the neighbourhood (points)", "units": "1"}
            found["neighbourhood"] = (axes.neighbourhoods, described)
    return {name: (_array(values), attributes) for name, (values, attributes) in found.items()}


def _array(values: Any) -> npt.NDArray[Any]:
    texts = isinstance(values[0], str)
    return np.array(values, dtype=object) if texts else np.asarray(values)


def units_of(score: Score, units: tuple[str, ...]) -> str | None:
    """Units of a score if all variables agree on them; else nothing: the variable `units` has them."""
    if not score.power:
        return "1"
    if len(set(units)) > 1:
        return None
    unit = units[0]
    if score.power == 1 or unit == "1":
        return unit
    return f"({unit}){score.power}" if " " in unit else f"{unit}{score.power}"
