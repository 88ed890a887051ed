"""`forecasts.zarr`: per target variable init_time x lead_time x latitude x longitude, CF."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from windrow.errors import UserError
from windrow.extracted import AXES, TIME_UNITS

DIMENSIONS = ("init_time", "lead_time", "latitude", "longitude")
CHUNK_INITS = 32
COORDINATES: dict[str, dict[str, Any]] = {
    "init_time": {**AXES["time"], "standard_name": "forecast_reference_time", "units": TIME_UNITS},
    "lead_time": {"standard_name": "forecast_period", "units": "hours"},
    "latitude": AXES["latitude"],
    "longitude": AXES["longitude"],
}


@dataclass(frozen=True)
class Forecasts:
    """An open store: `init_hours` since 1900 and `lead_hours`, and an array per variable."""

    group: zarr.Group
    init_hours: npt.NDArray[np.int64]
    lead_hours: npt.NDArray[np.int64]
    variables: tuple[str, ...]

    @property
    def latitude(self) -> npt.NDArray[np.float64]:
        """Latitude of the rows (degrees north)."""
        return np.asarray(_array(self.group, "latitude")[:], dtype=np.float64)

    @property
    def longitude(self) -> npt.NDArray[np.float64]:
        """Longitude of the columns (degrees east)."""
        return np.asarray(_array(self.group, "longitude")[:], dtype=np.float64)

    def attributes(self, variable: str) -> dict[str, Any]:
        """Units and names of a variable."""
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
    coordinates: dict[str, npt.NDArray[Any]],
    variables: dict[str, dict[str, Any]],
    attributes: dict[str, Any],
) -> Forecasts:
    """A new store with its coordinates (in the order of `DIMENSIONS`) and empty variables."""
    group = zarr.open_group(path, mode="w", zarr_format=3)
    shape = tuple(len(coordinates[name]) for name in DIMENSIONS)
    for name in DIMENSIONS:
        array = group.create_array(
            name,
            data=coordinates[name],
            dimension_names=(name,),
            attributes=COORDINATES[name],
            compressors=None,
        )
        assert array.shape == coordinates[name].shape
    for name, described in variables.items():
        group.create_array(
            name,
            shape=shape,
            dtype="float32",
            chunks=(min(CHUNK_INITS, shape[0]), *shape[1:]),
            fill_value=np.float32(np.nan),
            dimension_names=DIMENSIONS,
            attributes=described,
        )
    group.attrs.update({"Conventions": "CF-1.11", **attributes})
    return Forecasts(group, coordinates["init_time"], coordinates["lead_time"], tuple(variables))


def open_forecasts(path: Path) -> Forecasts:
    """Open a store to read.

    Raises
    ------
    UserError
        If it is not there or is damaged.
    """
    try:
        group = zarr.open_group(path, mode="r", zarr_format=3)
        inits, leads = (np.asarray(_array(group, name)[:]) for name in DIMENSIONS[:2])
    except (FileNotFoundError, KeyError) as problem:
        raise UserError(f"cannot read the forecasts {path} ({problem}); run the stage forecast again") from None
    variables = tuple(sorted(name for name, array in group.arrays() if array.ndim == len(DIMENSIONS)))
    return Forecasts(group, inits, leads, variables)
