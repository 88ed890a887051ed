"""Score all forecasts on the same samples and write the scores as they come, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from itertools import groupby, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from windrow.configfile import canonical
from windrow.errors import UserError
from windrow.progress import telling
from windrow.stages import Verify
from windrow.verification.conditional import QUANTILES, axis_of
from windrow.verification.external import LOCK
from windrow.verification.inputs import Inputs, Sources, data_ranges, open_inputs
from windrow.verification.metric import metric_of
from windrow.verification.parallel import in_order
from windrow.verification.quantiles import exact_quantiles
from windrow.verification.scores_file import ScoresFile, created
from windrow.verification.scores_layout import Axes
from windrow.verification.scoring import Part, Scored, Task, score_part
from windrow.verification.spectra import bands_of, spacing_km
from windrow.verification.thresholds import Threshold
from windrow.verification.totals import Results, Totals
from windrow.verification.weights import weights_of
from windrow.verification.windows import GaussianWindows
from windrow.verification.workers import WAIT_SECONDS

_PART_INITS = 256
_VARIABLES_AT_ONCE = 4  # so that memory does not grow with their number: the counts of each take some 40 MB
_STEPS_AT_ONCE = 256
Floats = npt.NDArray[np.float64]


def verify(
    settings: Verify,
    sources: Sources,
    output: Path,
    *,
    threads: int = 1,
    dask: str = "",
    wait: float = WAIT_SECONDS,
) -> Axes:
    """Write the scores of the experiment, of the baselines and of other archives, all on the same samples.

    Points on which the forecasts have the truth (`boundary_width` of the store) are left out for all, and so are
    initial times that one of the forecasts lacks and points at which one of them or the truth has no value.

    Parameters
    ----------
    threads
        That score at the same time. The scores do not depend on it.
    dask, wait
        Who scores instead, and how long to wait for them, see `in_order`.

    Raises
    ------
    UserError
        If an input is missing or of another training split, or no sample is left.
    """
    inputs = open_inputs(settings, sources)
    ranges = data_ranges(settings, sources, inputs.store.variables)
    quantiles = [_truth_quantiles(inputs, place, settings.thresholds) for place in range(len(ranges))]
    task = _task(settings, inputs, ranges, quantiles)
    results: list[Results] = []
    with created(output, task.axes, {"windrow_settings": canonical(settings)}) as file:
        _describe(file, task)
        parts = list(_parts(inputs))
        # closed at once when writing fails, so that no worker stays behind
        with closing(in_order(score_part, task, parts, threads=threads, dask=dask, wait=wait)) as scored:
            for variables, its in groupby(telling(scored, len(parts)), key=lambda found: found.variables.start):
                results += _written(file, task.totals(slice(variables, variables + _VARIABLES_AT_ONCE)), its)
        _write_results(file, task, results)
    return task.axes


def _written(file: ScoresFile, totals: list[Totals], scored: Iterable[Scored]) -> list[Results]:
    """Write the scores of some variables as they come; what follows from the sums over all of them is returned."""
    for found in scored:
        with LOCK:
            file.write(found.first, found.scores, found.variables)
        for total, more in zip(totals, found.totals, strict=True):
            total.merge(more)
    return [total.results() for total in totals]


def _task(settings: Verify, inputs: Inputs, ranges: dict[str, float], quantiles: list[Floats]) -> Task:
    grid, width = inputs.grid, inputs.boundary_width
    weights = weights_of(grid, settings.regions, boundary_width=width)
    axes = Axes(
        forecasts=inputs.names,
        variables=inputs.store.variables,
        units=inputs.units,
        regions=weights.regions,
        init_hours=inputs.store.init_hours[inputs.kept],
        lead_hours=inputs.store.lead_hours,
        grid=grid,
        thresholds=settings.thresholds,
        neighbourhoods=settings.neighbourhoods,
        members=inputs.store.member_count,
    )
    ny, nx = weights.values.shape[-2:]
    return Task(
        inputs=inputs,
        axes=axes,
        weights=weights,
        metric=metric_of(grid, boundary_width=width),
        windows=GaussianWindows(ny, nx),
        bands=bands_of((ny, nx), spacing=spacing_km(grid)),
        thresholds=tuple(
            tuple(
                Threshold(one, float(value)) for one, value in zip(settings.thresholds, found[1:-1], strict=True)
            )
            for found in quantiles
        ),
        conditions=tuple(
            axis_of(float(found[0]), float(found[-1]), units=units)
            for found, units in zip(quantiles, inputs.units, strict=True)
        ),
        ranges=tuple(ranges.values()),
        absent=inputs.absent(),
    )


def _truth_quantiles(inputs: Inputs, variable: int, thresholds: tuple[float, ...]) -> Floats:
    """Minimum, quantiles and maximum of the truth at the valid times."""
    passes = partial(inputs.truths, variable, steps_at_once=_STEPS_AT_ONCE)
    found = exact_quantiles(passes, (0.0, *thresholds, 1.0))
    if np.isnan(found).any():
        name = inputs.store.variables[variable]
        raise UserError(f"the truth has no value of {name} at the times of the forecasts; choose another split")
    return found


def _parts(inputs: Inputs) -> Iterator[Part]:
    """Runs of whole chunks of the store, again for each group of variables."""
    for variable in range(0, len(inputs.store.variables), _VARIABLES_AT_ONCE):
        variables = slice(variable, variable + _VARIABLES_AT_ONCE)
        chunks = inputs.chunks()
        first = 0
        while part := tuple(islice(chunks, max(1, _PART_INITS // inputs.store.chunk_inits))):
            yield Part(variables, first, part)
            first += sum(map(len, part))


def _describe(file: ScoresFile, task: Task) -> None:
    """What was chosen for each variable."""
    described = {"long_name": "range of values for SSIM and PSNR", "comment": "in the variable's units"}
    file.add_value("data_range", ("variable",), np.array(task.ranges), described)
    if task.axes.thresholds:
        values = np.array([[one.value for one in its] for its in task.thresholds])
        comment = "quantiles of the truth at all valid times and points that are scored, in the variable's units; "
        comment += "the event is a value at or below that of a quantile under one half, else at or above"
        file.add_value(
            "threshold_value",
            ("variable", "threshold"),
            values,
            {"long_name": "value of the threshold", "comment": comment},
        )


def _write_results(file: ScoresFile, task: Task, results: list[Results]) -> None:
    """Means over all samples."""
    _write_maps(file, task, results)
    _write_spectra(file, task, results)
    _write_conditions(file, task, results)
    if task.axes.members > 1:
        members = task.axes.members
        file.add_axis("rank", np.arange(members + 1), {"long_name": "members below the truth", "units": "1"})
        counts = np.full(_shape(task, members + 1), np.nan)
        for place, found in enumerate(results):
            assert found.ranks is not None
            counts[0, place] = found.ranks
        file.add("rank_histogram", counts)
    described = {"long_name": "points at which the truth has a value and the forecast has none", "units": "1"}
    missing = np.stack([found.missing for found in results], axis=1)
    file.add_value("missing", ("forecast", "variable"), missing, described)


def _shape(task: Task, *more: int) -> tuple[int, ...]:
    axes = task.axes
    return len(axes.forecasts), len(axes.variables), len(axes.lead_hours), *more


def _write_maps(file: ScoresFile, task: Task, results: list[Results]) -> None:
    width = task.inputs.boundary_width
    for name, number in (("bias_map", 0), ("mse_map", 1)):
        inner = np.stack([found.maps[number] for found in results], axis=1)
        around = [(0, 0)] * 3 + [(width, width)] * 2
        file.add(name, np.pad(inner, around, constant_values=np.nan))


def _write_spectra(file: ScoresFile, task: Task, results: list[Results]) -> None:
    found = [result.spectra for result in results]
    power = np.stack([one.power for one in found], axis=1)
    coherence = np.stack([one.coherence for one in found], axis=1)
    for number, lacking in enumerate(task.absent):
        power[number, :, lacking] = np.nan
        coherence[number, :, lacking] = np.nan
    wavelength = {"long_name": "longest wavelength of the bin", "units": "km"}
    file.add_value("wavelength", ("wavenumber_bin",), task.bands.wavelength_km, wavelength)
    file.add("power", power)
    file.add("coherence", coherence)
    samples = np.stack([one.samples for one in found])
    described = {"long_name": "samples behind the spectra: those whose fields are whole", "units": "1"}
    file.add_value("spectrum_samples", ("variable", "lead_time"), samples, described)


def _write_conditions(file: ScoresFile, task: Task, results: list[Results]) -> None:
    """On the bins of all variables together."""
    centres = np.unique(np.concatenate([axis.centres for axis in task.conditions]))
    shape = _shape(task, len(centres))
    values = {
        "conditional_truth": np.full((*shape, len(QUANTILES)), np.nan),
        "conditional_forecast": np.full((*shape, len(QUANTILES)), np.nan),
        "conditional_count_forecast": np.zeros(shape),
        "conditional_count_truth": np.zeros(shape),
    }
    for place, (axis, its) in enumerate(zip(task.conditions, results, strict=True)):
        found = its.conditional
        bins = np.searchsorted(centres, axis.centres)
        columns = (found.truth, found.forecast, found.forecast_count, found.truth_count)
        for name, result in zip(values, columns, strict=True):
            values[name][:, place, :, bins] = np.moveaxis(result, 2, 0)
    file.add_axis("condition", centres, {"long_name": "middle of the bin", "comment": "in the variable's units"})
    file.add_axis("quantile", np.array(QUANTILES), {"long_name": "quantile", "units": "1"})
    for name, result in values.items():
        file.add(name, result)
