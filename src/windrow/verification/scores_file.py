"""Write `scores.nc` while the samples go by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from windrow.forecasts import ALL
from windrow.grid import field_attributes, write_netcdf
from windrow.verification.scores_layout import SCORES, Axes, Score, coordinates, units_of

_WITH_RESULT = {"wavenumber_bin", "condition", "quantile", "rank"}


class ScoresFile:
    """A file whose samples are written in any order and whose means come last; what is never written is NaN."""

    def __init__(self, file: netCDF4.Dataset, axes: Axes) -> None:
        self._file = file
        self.axes = axes
        for name, (values, attributes) in coordinates(axes).items():
            self.add_axis(name, values, attributes)
        write_netcdf(file, axes.grid)
        self._create("units", ("variable",), str, {"long_name": "units of the variable"})
        file["units"][:] = np.array(axes.units, dtype=object)
        for name, score in SCORES.items():
            if axes.have(score):
                self._create_score(name, score)

    def add_axis(self, name: str, values: npt.NDArray[Any], attributes: dict[str, Any]) -> None:
        """Add a dimension with its coordinate: for those that come with a result, `quantile` and the like."""
        self._file.createDimension(name, len(values))
        self._create(name, (name,), str if values.dtype == object else values.dtype.str[1:], attributes)
        self._file[name][:] = values

    def write(self, first: int, scores: dict[str, npt.NDArray[Any]], variables: slice = ALL) -> None:
        """Store scores of some variables and the initial times from `first` on, in the layout's order of dimensions."""
        for name, values in scores.items():
            place = SCORES[name].dimensions.index("init_time")
            where = [slice(None)] * values.ndim
            where[place] = slice(first, first + values.shape[place])
            where[SCORES[name].dimensions.index("variable")] = variables
            self._file[name][tuple(where)] = values

    def add(self, name: str, values: npt.NDArray[Any]) -> None:
        """Store what is summed over all samples, in the layout's order of dimensions."""
        self._create_score(name, SCORES[name])
        self._file[name][...] = values

    def add_value(
        self, name: str, dimensions: tuple[str, ...], values: npt.NDArray[Any], attributes: dict[str, Any]
    ) -> None:
        """Store what belongs to the scores without being one: the values of the thresholds, the wavelengths."""
        for dimension, size in zip(dimensions, values.shape, strict=True):
            if dimension in _WITH_RESULT and dimension not in self._file.dimensions:
                self._file.createDimension(dimension, size)
        self._create(name, dimensions, values.dtype.str[1:], attributes)
        self._file[name][...] = values

    def _create_score(self, name: str, score: Score) -> None:
        y, x = self.axes.grid.dimensions
        dimensions = tuple({"y": y, "x": x}.get(dimension, dimension) for dimension in score.dimensions)
        attributes = {"long_name": score.long_name, "comment": score.comment}
        if units := units_of(score, self.axes.units):
            attributes["units"] = units
        if "x" in score.dimensions:
            attributes |= field_attributes(self.axes.grid)
        self._create(name, dimensions, score.dtype, attributes)

    def _create(self, name: str, dimensions: tuple[str, ...], dtype: Any, attributes: dict[str, Any]) -> None:
        gaps = dtype in ("f4", "f8") and name not in dimensions
        variable = self._file.createVariable(name, dtype, dimensions, fill_value=np.nan if gaps else None)
        variable.setncatts(attributes)


@contextmanager
def created(path: Path, axes: Axes, attributes: dict[str, Any]) -> Iterator[ScoresFile]:
    """A new file with its coordinates and without scores."""
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        file.set_auto_mask(False)
        file.setncatts(
            {
                "Conventions": "CF-1.11",
                "title": "scores of forecasts on the same samples",
                "history": "written by windrow verify",
                **attributes,
            }
        )
        yield ScoresFile(file, axes)
