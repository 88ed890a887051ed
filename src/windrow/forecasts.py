"""`forecasts.zarr`: per target variable init_time x lead_time x y x x, of ensembles init_time x member x …, CF."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from windrow.errors import UserError
from windrow.extracted import TIME
from windrow.grid import Grid, field_attributes, read_zarr, write_zarr, write_zarr_array

_DIMENSIONS = 4
CHUNK_INITS = 32
ALL = slice(None)
_LEAST_INITS = 4  # in a chunk of an ensemble
COORDINATES: dict[str, dict[str, Any]] = {
    "init_time": {**TIME, "standard_name": "forecast_reference_time", "long_name": "time of the last input"},
    "lead_time": {"standard_name": "forecast_period", "long_name": "lead time", "units": "hours"},
}
_MEMBER = {"standard_name": "realization", "long_name": "member of the ensemble", "units": "1"}


@dataclass(frozen=True)
class Forecasts:
    """An open store: `init_hours` since 1900 and `lead_hours`, an array per variable, how many members each has."""

    group: zarr.Group
    init_hours: npt.NDArray[np.int64]
    lead_hours: npt.NDArray[np.int64]
    variables: tuple[str, ...]
    member_count: int = 1

    @property
    def chunk_inits(self) -> int:
        """Initial times that lie in one chunk: those that should be read and written at once."""
        return chunk_inits(self.member_count)

    @property
    def grid(self) -> Grid:
        """The points of the fields."""
        return read_zarr(self.group)

    def attributes(self, variable: str) -> dict[str, Any]:
        """Units and names of a variable, and what ties it to the grid."""
        return dict(_array(self.group, variable).attrs)

    def fields(self, inits: slice, variables: slice = ALL) -> npt.NDArray[np.float32]:
        """Forecasts of shape (init, lead, variable, y, x) in physical units: of an ensemble the mean."""
        if self.member_count > 1:
            return ensemble_mean(self.members(inits, variables))
        return self._stored(inits, variables)

    def members(self, inits: slice, variables: slice = ALL) -> npt.NDArray[np.float32]:
        """Forecasts of shape (member, init, lead, variable, y, x) in physical units."""
        stored = self._stored(inits, variables)
        return np.moveaxis(stored, 1, 0) if self.member_count > 1 else stored[None]

    def _stored(self, inits: slice, variables: slice) -> npt.NDArray[np.float32]:
        names = self.variables[variables]
        return np.stack([np.asarray(_array(self.group, name)[inits]) for name in names], axis=-3)

    def write(self, inits: slice, fields: npt.NDArray[np.float32]) -> None:
        """Store forecasts (init, lead, variable, y, x), of ensembles (init, member, lead, variable, y, x)."""
        for place, name in enumerate(self.variables):
            _array(self.group, name)[inits] = fields[..., place, :, :]


def ensemble_mean(members: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The mean of the members, the first axis; NaN where one of them is."""
    found = np.zeros(members.shape[1:])
    for member in members:
        found += member
    return (found / len(members)).astype(np.float32)


def chunk_inits(members: int) -> int:
    """Initial times in a chunk: fewer of an ensemble, so that a chunk takes about as much memory."""
    return max(_LEAST_INITS, CHUNK_INITS // members)


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    found = group[name]
    assert isinstance(found, zarr.Array)
    return found


def create_forecasts(
    path: Path,
    *,
    init_hours: npt.NDArray[np.int64],
    lead_hours: npt.NDArray[np.int64],
    grid: Grid,
    variables: dict[str, dict[str, Any]],
    attributes: dict[str, Any],
    members: int = 1,
) -> Forecasts:
    """A new store with its coordinates (`init_hours` since 1900) and empty variables.

    With more than one member the variables have the dimension `member` behind `init_time`.
    """
    group = zarr.open_group(path, mode="w", zarr_format=3)
    ensemble = {"member": members} if members > 1 else {}
    shape = (len(init_hours), *ensemble.values(), len(lead_hours), *grid.shape)
    if ensemble:
        write_zarr_array(group, "member", ("member",), np.arange(members), _MEMBER)
    for name, values in (("init_time", init_hours), ("lead_time", lead_hours)):
        write_zarr_array(group, name, (name,), values, COORDINATES[name])
    write_zarr(group, grid)
    for name, described in variables.items():
        group.create_array(
            name,
            shape=shape,
            dtype="float32",
            chunks=(min(chunk_inits(members), shape[0]), *shape[1:]),
            fill_value=np.float32(np.nan),
            dimension_names=("init_time", *ensemble, "lead_time", *grid.dimensions),
            attributes=described | field_attributes(grid),
        )
    group.attrs.update({"Conventions": "CF-1.11", **attributes})
    return Forecasts(group, init_hours, lead_hours, tuple(variables), members)


def open_to_write(path: Path) -> Forecasts:
    """Open a store that another process has created, to write into it."""
    return _opened(zarr.open_group(path, mode="r+", zarr_format=3))


def open_forecasts(path: Path) -> Forecasts:
    """Open a store to read.

    Raises
    ------
    UserError
        If it is not there or is damaged.
    """
    try:
        group = zarr.open_group(path, mode="r", zarr_format=3)
        return _opened(group)
    except (FileNotFoundError, KeyError) as problem:
        raise UserError(f"cannot read the forecasts {path} ({problem}); run the stage forecast again") from None


def _opened(group: zarr.Group) -> Forecasts:
    inits, leads = (np.asarray(_array(group, name)[:]) for name in COORDINATES)
    members = _array(group, "member").shape[0] if "member" in group else 1
    dimensions = _DIMENSIONS + (members > 1)
    variables = tuple(sorted(name for name, array in group.arrays() if array.ndim == dimensions))
    return Forecasts(group, inits, leads, variables, members)
