"""Those of the scores that xskillscore has, on the same samples as windrow: errors, centred ACC, contingency tables."""

from __future__ import annotations

import numpy as np
import xarray as xr
import xskillscore as xs
from verification_input import (
    POINTS,
    THRESHOLDS,
    area_weights,
    arguments,
    chunks,
    opened,
    threshold_values,
    valid_times,
    written,
)


def pointwise(
    forecast: xr.DataArray, truth: xr.DataArray, mean: xr.DataArray, weights: xr.DataArray
) -> xr.Dataset:
    """The scores of one weighting."""
    options = {"dim": POINTS, "weights": weights}
    return xr.Dataset(
        {
            "mse": xs.mse(forecast, truth, **options),
            "mae": xs.mae(forecast, truth, **options),
            "bias": xs.me(forecast, truth, **options),
            "acc_centred": xs.pearson_r(forecast - mean, truth - mean, **options),
        }
    )


def contingency(forecast: xr.DataArray, truth: xr.DataArray, values: np.ndarray) -> xr.Dataset:
    """Counts of the events below the low thresholds and above the others."""
    found = []
    for quantile, value in zip(THRESHOLDS, values, strict=True):
        edge = np.nextafter(value, np.inf) if quantile < 0.5 else value  # the upper category has its lower edge
        edges = np.array([-np.inf, edge, np.inf])
        table = xs.Contingency(truth, forecast, edges, edges, dim=POINTS)
        counts = [table.hits(), table.misses(), table.false_alarms(), table.correct_negatives()]
        if quantile < 0.5:  # the event is the other category
            counts = [counts[3], counts[2], counts[1], counts[0]]
        names = ("hits", "misses", "false_alarms", "correct_negatives")
        found.append(xr.Dataset(dict(zip(names, counts, strict=True))).drop_vars("category", errors="ignore"))
    return xr.concat(found, xr.Variable("threshold", list(THRESHOLDS)))


def main() -> None:
    """Score everything."""
    args = arguments()
    forecasts, truth, climatology = opened(args.work)
    weights = area_weights(truth)
    values = threshold_values(truth, valid_times(forecasts))
    parts = []
    for chunk in chunks(forecasts, truth, climatology):
        found = []
        for forecast in chunk.forecasts.values():
            weighted = [pointwise(forecast, chunk.truth, chunk.climatology, one) for one in weights.values()]
            scores = xr.concat(weighted, xr.Variable("weighting", list(weights)))
            found.append(scores.merge(contingency(forecast, chunk.truth, values)))
        parts.append(xr.concat(found, xr.Variable("forecast", list(chunk.forecasts))))
    written(parts, None, args.output)


if __name__ == "__main__":
    main()
