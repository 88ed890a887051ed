"""The statistics of one month of the training split, and how the months become one."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from windrow.config import Days
from windrow.errors import UserError
from windrow.extracted import Month
from windrow.sequences import in_days
from windrow.statistics import Moments, merged, moments

_CHUNK = 48  # steps held in memory at once
_MOMENTS = tuple(field.name for field in fields(Moments))


@dataclass(frozen=True)
class Part:
    """Moments of the states and of the one-step differences, means per hour of day, and the edges of a month.

    `hour_mean` has the shape (hour, variable, y, x), `hour_count` (hour,); `edges` holds the first and the last
    field, (2, variable, y, x), at `edge_hours` since 1900, so that the step between two months can be counted.
    """

    month: int
    train: tuple[Days, ...]
    variables: tuple[str, ...]
    states: tuple[Moments, ...]
    differences: tuple[Moments, ...]
    hours: npt.NDArray[np.int64]
    hour_mean: npt.NDArray[np.float64]
    hour_count: npt.NDArray[np.int64]
    edge_hours: npt.NDArray[np.int64]
    edges: npt.NDArray[np.float64]
    latitude: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]
    attributes: dict[str, dict[str, Any]]


def part_of_month(month: Month, train: tuple[Days, ...], variables: tuple[str, ...], *, step_hours: int) -> Part:
    """One pass over the wanted times of an extracted month.

    Parameters
    ----------
    train
        The training days of this month; at least one.

    Raises
    ------
    UserError
        If the file does not hold these days.
    """
    wanted = in_days(month.hours, train)
    if wanted.sum() != len(_days(train)) * 24 // step_hours:
        raise UserError(f"the extracted month does not hold the training days {train[0][0]} to {train[-1][1]}")
    hours = np.arange(0, 24, step_hours)
    total = np.zeros((len(hours), len(variables), len(month.latitude), len(month.longitude)))
    hour_count = np.zeros(len(hours), dtype=np.int64)
    states = [Moments()] * len(variables)
    differences = [Moments()] * len(variables)
    last: npt.NDArray[np.float64] | None = None
    last_hour = -1
    for chunk in _chunks(np.flatnonzero(wanted)):
        values = np.stack([month.fields(name, chunk).astype(np.float64) for name in variables], axis=1)
        times = month.hours[chunk]
        if last is None:
            first, first_hour = values[0], times[0]
        linked = values if last is None or times[0] != last_hour + step_hours else np.r_[last[None], values]
        steps = np.diff(linked, axis=0)
        states = [merged(one, moments(values[:, place])) for place, one in enumerate(states)]
        differences = [merged(one, moments(steps[:, place])) for place, one in enumerate(differences)]
        of_day = (times % 24) // step_hours
        np.add.at(total, of_day, values)
        np.add.at(hour_count, of_day, 1)
        last, last_hour = values[-1], times[-1]
    assert last is not None
    return Part(
        month=train[0][0].month,
        train=train,
        variables=variables,
        states=tuple(states),
        differences=tuple(differences),
        hours=hours,
        hour_mean=total / np.maximum(hour_count, 1)[:, None, None, None],
        hour_count=hour_count,
        edge_hours=np.array([first_hour, last_hour]),
        edges=np.stack([first, last]),
        latitude=month.latitude,
        longitude=month.longitude,
        attributes={name: month.attributes(name) for name in variables},
    )


def _chunks(steps: npt.NDArray[np.intp]) -> Iterator[slice]:
    """Runs of consecutive steps, none longer than fits in memory."""
    for run in np.split(steps, np.flatnonzero(np.diff(steps) > 1) + 1):
        for start in range(0, len(run), _CHUNK):
            piece = run[start : start + _CHUNK]
            yield slice(int(piece[0]), int(piece[-1]) + 1)


def require_split(parts: list[Part], train: tuple[Days, ...]) -> None:
    """Check that the parts hold the days of the training split, each once, on one grid.

    Raises
    ------
    UserError
        If they do not.
    """
    counted = sorted(day for part in parts for day in _days(part.train))
    if counted != sorted(_days(train)):
        raise UserError("the months' statistics are of another training split; run statistics_month again")
    for part in parts[1:]:
        if not (
            part.variables == parts[0].variables
            and np.array_equal(part.latitude, parts[0].latitude)
            and np.array_equal(part.longitude, parts[0].longitude)
        ):
            raise UserError("the months' statistics are of different grids or variables; run extract again")


def _days(spans: tuple[Days, ...]) -> list[dt.date]:
    return [first + dt.timedelta(days=day) for first, last in spans for day in range((last - first).days + 1)]


def whole(parts: list[Part], *, step_hours: int) -> tuple[tuple[Moments, ...], tuple[Moments, ...]]:
    """Moments of states and differences, per variable, of all months together."""
    ordered = sorted(parts, key=lambda part: int(part.edge_hours[0]))
    between = [one for one in pairwise(ordered) if one[1].edge_hours[0] == one[0].edge_hours[1] + step_hours]
    count = len(ordered[0].variables)
    states = tuple(merged(*(part.states[place] for part in ordered)) for place in range(count))
    differences = tuple(
        merged(
            *(part.differences[place] for part in ordered),
            *(moments(after.edges[0, place] - before.edges[1, place]) for before, after in between),
        )
        for place in range(count)
    )
    return states, differences


def climatology_of(parts: list[Part]) -> dict[int, tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]:
    """For each month of the year the mean (hour, variable, y, x) and the count (hour,) over the years."""
    found: dict[int, tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]] = {}
    for part in sorted(parts, key=lambda part: int(part.edge_hours[0])):
        mean, count = found.get(part.month, (np.zeros_like(part.hour_mean), np.zeros_like(part.hour_count)))
        together = count + part.hour_count
        share = (part.hour_count / np.maximum(together, 1))[:, None, None, None]
        found[part.month] = (mean + (part.hour_mean - mean) * share, together)
    return found


def write_part(path: Path, part: Part, *, settings: str) -> None:
    """Write a month's statistics as netCDF."""
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        file.setncatts({"month": part.month, "windrow_settings": settings})
        file.train = json.dumps([[day.isoformat() for day in span] for span in part.train])
        file.variable_attributes = json.dumps(part.attributes)
        sizes = {"variable": len(part.variables), "hour": len(part.hours), "edge": 2}
        sizes |= {"latitude": len(part.latitude), "longitude": len(part.longitude)}
        for name, size in sizes.items():
            file.createDimension(name, size)
        grid = ("variable", "latitude", "longitude")
        arrays: dict[str, tuple[tuple[str, ...], npt.NDArray[Any]]] = {
            "hour": (("hour",), part.hours),
            "latitude": (("latitude",), part.latitude),
            "longitude": (("longitude",), part.longitude),
            "hour_mean": (("hour", *grid), part.hour_mean),
            "hour_count": (("hour",), part.hour_count),
            "edge_hours": (("edge",), part.edge_hours),
            "edges": (("edge", *grid), part.edges),
        }
        for kind, found in (("states", part.states), ("differences", part.differences)):
            for name in _MOMENTS:
                values = np.array([getattr(one, name) for one in found])
                arrays[f"{kind}_{name}"] = (("variable",), values)
        for name, (dimensions, values) in arrays.items():
            file.createVariable(name, values.dtype, dimensions)[:] = values


def read_part(path: Path) -> Part:
    """Read what `write_part` wrote."""
    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        attributes = json.loads(file.variable_attributes)
        return Part(
            month=int(file.month),
            train=tuple((dt.date.fromisoformat(a), dt.date.fromisoformat(b)) for a, b in json.loads(file.train)),
            variables=tuple(attributes),
            attributes=attributes,
            states=_read_moments(file, "states"),
            differences=_read_moments(file, "differences"),
            hours=file["hour"][:],
            hour_mean=file["hour_mean"][:],
            hour_count=file["hour_count"][:],
            edge_hours=file["edge_hours"][:],
            edges=file["edges"][:],
            latitude=file["latitude"][:],
            longitude=file["longitude"][:],
        )


def _read_moments(file: netCDF4.Dataset, kind: str) -> tuple[Moments, ...]:
    columns = [file[f"{kind}_{name}"][:].tolist() for name in _MOMENTS]
    return tuple(Moments(*values) for values in zip(*columns, strict=True))
