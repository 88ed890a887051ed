"""Archives of forecasts as netCDF: initial time, lead time and two horizontal dimensions, in one file or in many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from windrow.errors import UserError
from windrow.extracted import TIME_UNITS
from windrow.grid import Grid
from windrow.verification.external_points import Part, part_of, require_units

_INIT = ("forecast_reference_time", ("init_time", "forecast_reference_time", "reference_time"))
_LEAD = ("forecast_period", ("lead_time", "forecast_period", "prediction_timedelta", "step"))
_POINTS = (("latitude", ("latitude", "lat")), ("longitude", ("longitude", "lon")))
_EPOCH = np.datetime64(TIME_UNITS.removeprefix("hours since ")[:10], "ns")
_NEVER = -(2**40)
_HOUR = np.timedelta64(1, "h")
Fields = npt.NDArray[np.float32]


class Axes(NamedTuple):
    """Initial times (hours since 1900) and lead times (h) of a file, and the dimensions they lie along, if any."""

    inits: tuple[int, ...]
    leads: tuple[int, ...]
    init_dimension: str | None
    lead_dimension: str | None


class Held(NamedTuple):
    """A file: its axes, its horizontal dimensions, and which part of them is wanted."""

    path: Path
    axes: Axes
    horizontal: tuple[str, str]
    part: Part

    @property
    def dimensions(self) -> tuple[str, str, str, str]:
        """Those of its variables in the order of the forecasts; made up where it has only one time."""
        return (self.axes.init_dimension or "_init", self.axes.lead_dimension or "_lead", *self.horizontal)


@dataclass(frozen=True)
class NetcdfIndex:
    """The files, and which of them have an initial time."""

    files: tuple[Held, ...]
    holders: Mapping[int, tuple[int, ...]]
    names: tuple[str, ...]

    @cached_property
    def leads(self) -> Mapping[int, frozenset[int]]:
        """Lead times by initial time."""
        return {
            init: frozenset(lead for file in files for lead in self.files[file].axes.leads)
            for init, files in self.holders.items()
        }

    def read(self, inits: list[int], leads: list[int]) -> Fields:
        """Fields (init, lead, variable, y, x); each file is opened once."""
        sizes = (len(part) for part in self.files[0].part)
        found = np.full((len(inits), len(leads), len(self.names), *sizes), np.nan, dtype=np.float32)
        wanted = defaultdict(list)
        for place, init in enumerate(inits):
            for holder in self.holders[init]:
                wanted[holder].append(place)
        for number, places in wanted.items():
            held = self.files[number]
            rows = [held.axes.inits.index(inits[place]) for place in places]
            kept = [place for place, lead in enumerate(leads) if lead in held.axes.leads]
            columns = [held.axes.leads.index(leads[place]) for place in kept]
            with _opened(held.path) as file:
                for variable, name in enumerate(self.names):
                    found[np.ix_(places, kept, [variable])] = _taken(file[name], held, rows, columns)[:, :, None]
        return found


def _opened(path: Path) -> xr.Dataset:
    return xr.open_dataset(path, engine="netcdf4", decode_timedelta=True, cache=False)


def _taken(variable: xr.DataArray, held: Held, rows: list[int], columns: list[int]) -> Fields:
    """Values (init, lead, y, x) of the wanted part; a rectangle is read, which is then put in order."""
    along = {
        dimension: places
        for dimension, places in ((held.axes.init_dimension, rows), (held.axes.lead_dimension, columns))
        if dimension is not None
    }
    box = {
        dimension: slice(int(part.min()), int(part.max()) + 1)
        for dimension, part in zip(held.horizontal, held.part, strict=True)
    }
    singles = {str(name): 0 for name in variable.dims if name not in held.dimensions}
    values = variable.isel(along | box | singles)
    absent = [name for name in held.dimensions if name not in values.dims]
    ordered = values.expand_dims(absent).transpose(*held.dimensions).values
    y, x = (part - part.min() for part in held.part)
    found: Fields = ordered[:, :, y[:, None], x].astype(np.float32)
    return found


def index_netcdf(paths: list[Path], units: Mapping[str, str], grid: Grid) -> NetcdfIndex:
    """Find out which initial and lead times the files have.

    Parameters
    ----------
    units
        Of the wanted variables, by their names in the files.

    Raises
    ------
    UserError
        If a file cannot be read, lacks a variable or an axis, is in other units, has other points, or a field is there
        twice.
    """
    files = tuple(_held(path, units, grid) for path in paths)
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for number, file in enumerate(files):
        for init in filter(_NEVER.__ne__, file.axes.inits):
            for other in holders[init]:
                if shared := set(files[other].axes.leads) & set(file.axes.leads):
                    raise UserError(
                        f"{file.path} and {files[other].path} both have the lead time {min(shared)} h from "
                        f"{_EPOCH.astype('M8[h]') + init}; leave one of them out"
                    )
            holders[init].append(number)
    return NetcdfIndex(files, {init: tuple(those) for init, those in holders.items()}, tuple(units))


def _held(path: Path, units: Mapping[str, str], grid: Grid) -> Held:
    try:
        with _opened(path) as file:
            axes = _axes(file, path)
            for name, wanted in units.items():
                if name not in file.data_vars:
                    has = ", ".join(sorted(map(str, file.data_vars))) or "nothing"
                    raise UserError(f"{path} has no {name}, but {has}; say its name there in `variables`")
                require_units(file[name].attrs.get("units"), wanted, f"{name} of {path}")
            latitude, longitude = (_coordinate(file, *one) for one in _POINTS)
            if latitude is None or longitude is None:
                raise ValueError("it has no latitude and longitude")
            along = [str(name) for name in dict.fromkeys((*latitude.dims, *longitude.dims))]
            if len(along) != 2:
                raise ValueError(f"its points lie along {len(along)} dimensions")
            points = (along[0], along[1])
            for name in units:
                _require_dimensions(file[name], axes, points, f"{name} of {path}")
            y, x = (one.values.astype(np.float64) for one in (latitude, longitude))
            return Held(path, axes, points, part_of(y, x, grid, str(path)))
    except (OSError, ValueError) as problem:
        raise UserError(f"{path} cannot be read as netCDF or GRIB ({problem}); fetch it again") from None


def _require_dimensions(variable: xr.DataArray, axes: Axes, points: tuple[str, str], what: str) -> None:
    """Check that a variable has the axes; a further dimension of a single place is as good as none."""
    known = [name for name in (axes.init_dimension, axes.lead_dimension, *points) if name is not None]
    if missing := [name for name in known if name not in variable.dims]:
        raise UserError(f"{what} does not run along {missing[0]}; take another variable")
    if more := [name for name, size in variable.sizes.items() if name not in known and size > 1]:
        raise UserError(
            f"{what} has the dimension {more[0]} as well; leave one field of it, of an ensemble the mean"
        )


def _axes(file: xr.Dataset, path: Path) -> Axes:
    init, lead = _coordinate(file, *_INIT), _coordinate(file, *_LEAD)
    time = file["time"] if "time" in file.variables else _coordinate(file, "time", ("valid_time",))
    if init is None and lead is not None and time is not None:
        init = time  # cfgrib and WeatherBench 2 call the initial time so
        if lead.ndim == 1 and time.dims == lead.dims:
            starts = time - lead
            init = starts[0] if (starts == starts[0]).all() else None
    elif lead is None and init is not None and init.size == 1 and time is not None:
        lead = time - init.values.reshape(())
    if init is None or lead is None or init.ndim > 1 or lead.ndim > 1:
        raise UserError(
            f"{path} does not say from when and how far ahead it forecasts; give it the CF coordinates "
            "forecast_reference_time and forecast_period"
        )
    if init.dtype.kind != "M" or lead.dtype.kind != "m":
        raise UserError(
            f"{path} does not say its initial times as times and its lead times as durations; write their units as CF "
            "asks"
        )
    along = [str(one.dims[0]) if one.ndim else None for one in (init, lead)]
    return Axes(_whole_hours(init.values - _EPOCH), _whole_hours(lead.values), along[0], along[1])


def _coordinate(file: xr.Dataset, standard_name: str, names: tuple[str, ...]) -> xr.DataArray | None:
    for name, found in file.variables.items():
        if found.attrs.get("standard_name") == standard_name:
            return file[name]
    return next((file[name] for name in names if name in file.variables), None)


def _whole_hours(durations: npt.NDArray[np.timedelta64]) -> tuple[int, ...]:
    """Hours; those off the hour become ones that nothing asks for."""
    flat = np.atleast_1d(durations)
    whole = flat % _HOUR == np.timedelta64(0, "h")
    return tuple(np.where(whole, flat // _HOUR, _NEVER).astype(int).tolist())
