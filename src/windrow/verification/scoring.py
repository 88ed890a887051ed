"""The scores of a part of the samples: every score of every forecast, in one pass over the fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.verification.anomaly import Means, correlations, truth_anomaly
from windrow.verification.conditional import Axis
from windrow.verification.ensembles import crps, spread
from windrow.verification.fields import Fields, fields_of
from windrow.verification.inputs import Inputs
from windrow.verification.metric import Metric
from windrow.verification.pointwise import error_of, mae, psnr
from windrow.verification.scores_layout import SCORES, Axes
from windrow.verification.spectra import Bands
from windrow.verification.structure import gradient_ratio, mean_gradient, ssim, truth_windows
from windrow.verification.thresholds import Threshold, threshold_scores
from windrow.verification.totals import Totals, present
from windrow.verification.weights import Weights
from windrow.verification.windows import GaussianWindows

_CHUNK_POINTS = 1_000_000  # of a forecast and variable that are in memory at once
_BLOCK_POINTS = 250_000  # whose errors are scored at once: they stay in a core's cache

Scores = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Task:
    """All that the scores depend on but the samples.

    Attributes
    ----------
    thresholds, conditions, ranges
        Of each variable: its events, the bins of its conditional quantiles, its range of values.
    absent
        Lead times that a forecast does not have: shape (forecast, lead).
    """

    inputs: Inputs
    axes: Axes
    weights: Weights
    metric: Metric
    windows: GaussianWindows
    bands: Bands
    thresholds: tuple[tuple[Threshold, ...], ...]
    conditions: tuple[Axis, ...]
    ranges: tuple[float, ...]
    absent: npt.NDArray[np.bool_]

    def totals(self, variables: slice) -> list[Totals]:
        """Sums of no sample, for each of these variables."""
        return [
            Totals.empty(
                self.bands,
                axis,
                forecasts=len(self.axes.forecasts),
                leads=len(self.axes.lead_hours),
                members=self.axes.members,
            )
            for axis in self.conditions[variables]
        ]


@dataclass(frozen=True)
class Part:
    """What is scored together: some variables of some chunks of the store.

    Attributes
    ----------
    first
        Samples before them.
    chunks
        Their places in the store.
    """

    variables: slice
    first: int
    chunks: tuple[npt.NDArray[np.int64], ...]


@dataclass(frozen=True)
class Scored:
    """Scores in the layout's order of dimensions, of some variables and the samples from `first` on, and their sums."""

    variables: slice
    first: int
    scores: Scores
    totals: list[Totals]


def score_part(task: Task, part: Part) -> Scored:
    """Read and score the samples of a part."""
    numbers = range(len(task.axes.variables))[part.variables]
    scores = _empty(task.axes, variables=len(numbers), inits=sum(map(len, part.chunks)))
    totals = task.totals(part.variables)
    points = len(task.axes.lead_hours) * task.weights.values.shape[-2] * task.weights.values.shape[-1]
    step = max(1, _CHUNK_POINTS // points)
    first = 0
    for places in part.chunks:
        for samples in task.inputs.samples(places, part.variables, step=step):
            some = slice(first, first + len(samples.init_hours))
            for place, (variable, total) in enumerate(zip(numbers, totals, strict=True)):
                found = {name: values[:, place, ..., some, :] for name, values in scores.items()}
                fields = fields_of(samples, place, task.absent)
                _score(task, fields, variable, found, total)
            first = some.stop
    return Scored(part.variables, part.first, scores, totals)


def _empty(axes: Axes, *, variables: int, inits: int) -> Scores:
    sizes = axes.sizes() | {"variable": variables, "init_time": inits}
    return {
        name: np.full([sizes[dimension] for dimension in score.dimensions], score.empty, dtype=score.dtype)
        for name, score in SCORES.items()
        if axes.have(score)
    }


def _score(task: Task, fields: Fields, variable: int, found: Scores, total: Totals) -> None:
    """Fill in the scores (forecast, ..., init, lead) of some samples and add to the sums."""
    step = max(1, _BLOCK_POINTS // fields.truth[0].size)
    for start in range(0, len(fields.truth), step):
        some = slice(start, start + step)
        _score_errors(
            task, fields.part(some), variable, {name: its[..., some, :] for name, its in found.items()}, total
        )
    if task.axes.thresholds:
        events = threshold_scores(
            fields.forecasts,
            fields.truth,
            thresholds=task.thresholds[variable],
            neighbourhoods=task.axes.neighbourhoods,
        )
        for name in found.keys() & events.keys():
            found[name][:] = events[name]
    total.spectra.add(present(fields.forecasts, task.absent), fields.truth)
    total.conditional.add(fields.forecasts, fields.truth)
    total.missing += fields.missing
    if fields.members is not None:
        _score_members(task.weights, fields, found, total)


def _score_errors(task: Task, fields: Fields, variable: int, found: Scores, total: Totals) -> None:
    """The scores of the errors."""
    weights, data_range = task.weights, task.ranges[variable]
    anomaly = truth_anomaly(fields.truth, fields.climatology, weights)
    structure = truth_windows(fields.truth, task.windows, data_range=data_range)
    gradient = mean_gradient(fields.truth, task.metric)
    for number, forecast in enumerate(fields.forecasts):
        error = error_of(forecast, fields.truth)
        square = np.square(error)
        means = Means(weights.mean(error), weights.mean(square))
        by_region = {"mse": means.square, "mae": mae(error, weights), "bias": means.error}
        by_region["acc"], by_region["acc_centred"] = correlations(error, anomaly, weights, means=means)
        for name, values in by_region.items():
            found[name][number] = _samples_last(values)
        found["psnr"][number] = psnr(means.square[..., 0, 0], data_range=data_range)
        found["ssim"][number] = ssim(error, structure, task.windows, data_range=data_range)
        found["gradient_ratio"][number] = gradient_ratio(mean_gradient(forecast, task.metric), gradient)
        total.maps.add(number, error, square)


def _score_members(weights: Weights, fields: Fields, found: Scores, total: Totals) -> None:
    """The ensemble's; a single forecast is an ensemble of one, whose CRPS is its mean absolute error."""
    assert fields.members is not None
    assert total.ranks is not None
    found["crps"][:] = found["mae"]
    found["crps"][0] = _samples_last(weights.mean(crps(fields.members, fields.truth)))
    variance = np.where(np.isnan(fields.truth), np.nan, spread(fields.members))
    found["spread"][0] = _samples_last(weights.mean(variance))
    total.ranks.add(fields.members, fields.truth, fields.init_hours)


def _samples_last(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """From (init, lead, region, weighting) to (region, weighting, init, lead)."""
    return np.moveaxis(values, (0, 1), (-2, -1))
