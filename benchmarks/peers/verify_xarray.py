"""All the scores by xarray in the manner of WeatherBench 2, with scikit-image, SciPy and xhistogram.

Each score is a function of data arrays, chunk by chunk of initial times, as WeatherBench 2 evaluates.
"""

from __future__ import annotations

import sys

import numpy as np
import xarray as xr
from scipy.fft import dctn
from scipy.ndimage import uniform_filter
from skimage.metrics import structural_similarity
from verification_input import (
    NEIGHBOURHOODS,
    POINTS,
    THRESHOLDS,
    Chunk,
    area_weights,
    arguments,
    chunks,
    opened,
    threshold_values,
    valid_times,
    written,
)
from xhistogram.xarray import histogram

EARTH_RADIUS_M = 6371229.0
QUANTILES = (0.05, 0.5, 0.95)
FINE = 10


def pointwise(
    forecast: xr.DataArray, truth: xr.DataArray, mean: xr.DataArray, weights: xr.DataArray
) -> xr.Dataset:
    """Errors and anomaly correlations of one weighting."""

    def average(field: xr.DataArray) -> xr.DataArray:
        return field.weighted(weights).mean(POINTS)

    error = forecast - truth
    ours, theirs = forecast - mean, truth - mean
    centred, centre = ours - average(ours), theirs - average(theirs)
    return xr.Dataset(
        {
            "mse": average(error**2),
            "mae": average(abs(error)),
            "bias": average(error),
            "acc": average(ours * theirs) / np.sqrt(average(ours**2) * average(theirs**2)),
            "acc_centred": average(centred * centre) / np.sqrt(average(centred**2) * average(centre**2)),
        }
    )


def structure(forecast: xr.DataArray, truth: xr.DataArray, data_range: float) -> xr.Dataset:
    """SSIM by scikit-image, PSNR and the ratio of the mean gradients."""

    def similarity(a: np.ndarray, b: np.ndarray) -> float:
        options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        return structural_similarity(a, b, data_range=data_range, **options)

    ssim = xr.apply_ufunc(
        similarity,
        forecast.astype(np.float64),
        truth.astype(np.float64),
        input_core_dims=[POINTS, POINTS],
        vectorize=True,
    )
    psnr = 10 * np.log10(data_range**2 / ((forecast - truth) ** 2).mean(POINTS))
    ratio = gradient(forecast).mean(POINTS) / gradient(truth).mean(POINTS)
    return xr.Dataset({"ssim": ssim, "psnr": psnr, "gradient_ratio": ratio})


def gradient(field: xr.DataArray) -> xr.DataArray:
    """Size of the gradient at the inner points."""
    degree = EARTH_RADIUS_M * np.pi / 180
    down = field.differentiate("latitude") / degree
    across = field.differentiate("longitude") / (degree * np.cos(np.deg2rad(field["latitude"])))
    inner = slice(1, -1)
    return np.sqrt(down**2 + across**2).isel(latitude=inner, longitude=inner)


def events(field: xr.DataArray, values: np.ndarray) -> xr.DataArray:
    """Whether there is each event."""
    found = [
        field <= value if quantile < 0.5 else field >= value
        for quantile, value in zip(THRESHOLDS, values, strict=True)
    ]
    return xr.concat(found, xr.Variable("threshold", list(THRESHOLDS)))


def thresholds(forecast: xr.DataArray, truth: xr.DataArray) -> xr.Dataset:
    """Contingency tables and the sums of the fractions skill score, of events."""
    counts = {
        "hits": (forecast & truth).sum(POINTS),
        "misses": (~forecast & truth).sum(POINTS),
        "false_alarms": (forecast & ~truth).sum(POINTS),
        "correct_negatives": (~forecast & ~truth).sum(POINTS),
    }
    sums = []
    for side in NEIGHBOURHOODS:
        ours, theirs = fractions(forecast, side), fractions(truth, side)
        error = ((ours - theirs) ** 2).mean(POINTS)
        sums.append(
            xr.Dataset({"fss_error": error, "fss_reference": (ours**2).mean(POINTS) + (theirs**2).mean(POINTS)})
        )
    return xr.Dataset(counts).merge(xr.concat(sums, xr.Variable("neighbourhood", list(NEIGHBOURHOODS))))


def fractions(event: xr.DataArray, side: int) -> xr.DataArray:
    """Shares of points with the event in the squares inside the domain."""
    size = [side if name in POINTS else 1 for name in event.dims]
    found = event.astype(np.float32).copy(data=uniform_filter(event.values.astype(np.float32), size))
    inner = slice(side // 2, -(side // 2) or None)
    return found.isel(latitude=inner, longitude=inner)


class Totals:
    """What is summed over the samples: maps, spectra, joint histograms."""

    def __init__(self, truth: xr.DataArray, valid: np.ndarray) -> None:
        low, high = float(truth.sel(time=valid).min()), float(truth.sel(time=valid).max())
        margin = (high - low) / 8
        self.wide = np.arange(np.floor(low - margin), np.ceil(high + margin) + 1)
        self.fine = np.linspace(self.wide[0], self.wide[-1], (len(self.wide) - 1) * FINE + 1)
        self.samples = 0
        self.sums: xr.Dataset | None = None
        self.bands = wave_bands(truth)

    def add(self, chunk: Chunk) -> None:
        """Add a chunk."""
        found = [self._sums(forecast, chunk.truth) for forecast in chunk.forecasts.values()]
        sums = xr.concat(found, xr.Variable("forecast", list(chunk.forecasts)))
        sums["truth_square"] = (transform(chunk.truth) ** 2).sum("init_time")
        self.sums = sums if self.sums is None else self.sums + sums
        self.samples += chunk.truth.sizes["init_time"]

    def _sums(self, forecast: xr.DataArray, truth: xr.DataArray) -> xr.Dataset:
        error = (forecast - truth).astype(np.float64)
        ours, theirs = transform(forecast), transform(truth)
        pooled = ["init_time", *POINTS]
        forecast, truth = forecast.rename("f"), truth.rename("o")
        given_forecast = histogram(forecast, truth, bins=[self.wide, self.fine], dim=pooled)
        given_truth = histogram(truth, forecast, bins=[self.wide, self.fine], dim=pooled)
        return xr.Dataset(
            {
                "bias_map": error.sum("init_time"),
                "mse_map": (error**2).sum("init_time"),
                "square": (ours**2).sum("init_time"),
                "product": (ours * theirs).sum("init_time"),
                "given_forecast": given_forecast.rename(f_bin="condition", o_bin="fine"),
                "given_truth": given_truth.rename(o_bin="condition", f_bin="fine"),
            }
        )

    def result(self) -> xr.Dataset:
        """Means, spectra and quantiles."""
        assert self.sums is not None
        sums = self.sums
        square, product = (self._by_band(sums[name]) for name in ("square", "product"))
        truth = self._by_band(sums["truth_square"])
        count = self.samples * self.bands.size
        power = xr.concat([square, truth.expand_dims(forecast=["truth"])], "forecast").rename(forecast="field")
        return xr.Dataset(
            {
                "bias_map": sums["bias_map"] / self.samples,
                "mse_map": sums["mse_map"] / self.samples,
                "power": power / count,
                "coherence": product / np.sqrt(square * truth),
                "conditional_truth": self._quantiles(sums["given_forecast"]),
                "conditional_forecast": self._quantiles(sums["given_truth"]),
                "conditional_count_forecast": sums["given_forecast"].sum("fine"),
                "conditional_count_truth": sums["given_truth"].sum("fine"),
            }
        )

    def _by_band(self, field: xr.DataArray) -> xr.DataArray:
        found = field.groupby(self.bands).sum().isel(band=slice(1, None))
        return found.rename(band="wavenumber_bin").drop_vars("wavenumber_bin")

    def _quantiles(self, counts: xr.DataArray) -> xr.DataArray:
        share = counts.cumsum("fine") / counts.sum("fine")
        found = [
            xr.where(counts.sum("fine") > 0, (share < quantile).sum("fine"), np.nan) for quantile in QUANTILES
        ]
        places = xr.concat(found, xr.Variable("quantile", list(QUANTILES)))
        return self.wide[0] + (places + 0.5) / FINE


def transform(field: xr.DataArray) -> xr.DataArray:
    """Cosine coefficients."""
    return xr.apply_ufunc(
        lambda values: dctn(values.astype(np.float64), axes=(-2, -1), norm="ortho"),
        field,
        input_core_dims=[POINTS],
        output_core_dims=[POINTS],
    )


def wave_bands(truth: xr.DataArray) -> xr.DataArray:
    """The band of each coefficient; 0 for the mean."""
    ny, nx = truth.sizes["latitude"], truth.sizes["longitude"]
    step = abs(float(truth["latitude"][1] - truth["latitude"][0]))
    middle = np.deg2rad(float(truth["latitude"][0] + truth["latitude"][-1]) / 2)
    long_y, long_x = ny * step, nx * step * np.cos(middle)
    shorter = min(long_y, long_x)
    number = np.floor(np.hypot(np.arange(ny)[:, None] * shorter / long_y, np.arange(nx) * shorter / long_x) + 1e-9)
    number = np.maximum(number, 1)
    number[0, 0] = 0
    return xr.DataArray(number, dims=POINTS, name="band")


def main() -> None:
    """Score everything."""
    args = arguments()
    forecasts, truth, climatology = opened(args.work)
    weights = area_weights(truth)
    valid = valid_times(forecasts)
    values = threshold_values(truth, valid)
    data_range = float(truth.max() - truth.min())
    parts, totals = [], Totals(truth, valid)
    for chunk in chunks(forecasts, truth, climatology):
        found = []
        came = events(chunk.truth, values)
        for forecast in chunk.forecasts.values():
            weighted = [pointwise(forecast, chunk.truth, chunk.climatology, one) for one in weights.values()]
            scores = xr.concat(weighted, xr.Variable("weighting", list(weights)))
            scores = scores.merge(structure(forecast, chunk.truth, data_range))
            found.append(scores.merge(thresholds(events(forecast, values), came)))
        parts.append(xr.concat(found, xr.Variable("forecast", list(chunk.forecasts))))
        totals.add(chunk)
    written(parts, totals.result(), args.output)


if __name__ == "__main__":
    sys.exit(main())
