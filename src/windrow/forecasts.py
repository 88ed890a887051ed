"""`forecasts.zarr`: per target variable init_time x lead_time x y x x, CF."""

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
COORDINATES: dict[str, dict[str, Any]] = {
    "init_time": {**TIME, "standard_name": "forecast_reference_time", "long_name": "time of the last input"},
    "lead_time": {"standard_name": "forecast_period", "long_name": "lead time", "units": "hours"},
}


@dataclass(frozen=True)
class Forecasts:
    """An open store: `init_hours` since 1900 and `lead_hours`, and an array per variable."""

    group: zarr.Group
    init_hours: npt.NDArray[np.int64]
    lead_hours: npt.NDArray[np.int64]
    variables: tuple[str, ...]

    @property
    def grid(self) -> Grid:
        """The points of the fields."""
        return read_zarr(self.group)

    def attributes(self, variable: str) -> dict[str, Any]:
        """Units and names of a variable, and what ties it to the grid."""
        return dict(_array(self.group, variable).attrs)

    def fields(self, inits: slice) -> npt.NDArray[np.float32]:
        """Forecasts of shape (init, lead, variable, y, x) in physical units."""
        return np.stack([np.asarray(_array(self.group, name)[inits]) for name in self.variables], axis=2)

    def write(self, inits: slice, fields: npt.NDArray[np.float32]) -> None:
        """Store forecasts of the shape that `fields` gives."""
        for place, name in enumerate(self.variables):
            _array(self.group, name)[inits] = fields[:, :, place]


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
) -> Forecasts:
    """A new store with its coordinates (`init_hours` since 1900) and empty variables."""
    group = zarr.open_group(path, mode="w", zarr_format=3)
    shape = (len(init_hours), len(lead_hours), *grid.shape)
    for name, values in (("init_time", init_hours), ("lead_time", lead_hours)):
        write_zarr_array(group, name, (name,), values, COORDINATES[name])
    write_zarr(group, grid)
    for name, described in variables.items():
        group.create_array(
            name,
            shape=shape,
            dtype="float32",
            chunks=(min(CHUNK_INITS, shape[0]), *shape[1:]),
            fill_value=np.float32(np.nan),
            dimension_names=("init_time", "lead_time", *grid.dimensions),
            attributes=described | field_attributes(grid),
        )
    group.attrs.update({"Conventions": "CF-1.11", **attributes})
    return Forecasts(group, init_hours, lead_hours, tuple(variables))


def open_forecasts(path: Path) -> Forecasts:
    """Open a store to read.

    Raises
    ------
    UserError
        If it is not there or is damaged.
    """
    try:
        group = zarr.open_group(path, mode="r", zarr_format=3)
        inits, leads = (np.asarray(_array(group, name)[:]) for name in COORDINATES)
    except (FileNotFoundError, KeyError) as problem:
        raise UserError(f"cannot read the forecasts {path} ({problem}); run the stage forecast again") from None
    variables = tuple(sorted(name for name, array in group.arrays() if array.ndim == _DIMENSIONS))
    return Forecasts(group, inits, leads, variables)
