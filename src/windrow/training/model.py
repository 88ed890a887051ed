"""All that makes a forecast of fields in physical units: normalisation, forcings, and a strategy with its network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from windrow.config import known_steps
from windrow.grid import Grid
from windrow.stages import Train
from windrow.training.forcings import Forcings, forcing_names, points_in_radians
from windrow.training.named_tensor import NamedTensor
from windrow.training.normalisation import Normalisation
from windrow.training.statics import static_fields
from windrow.training.strategies import Given, Scene, Unrolled, unrolled

FIELDS = ("window", "time", "variable", "y", "x")


@dataclass(frozen=True)
class Surroundings:
    """What a model is made for beside its settings.

    Attributes
    ----------
    statistics
        The content of statistics.json.
    latitude, longitude
        Of all points: (y, x), in radians.
    statics
        Normalised: (static, y, x).
    table
        The climatology (row, variable, y, x), for a strategy that works on departures from it.
    graphs
        Where graphs on the grid are kept.
    """

    statistics: dict[str, Any]
    latitude: Tensor
    longitude: Tensor
    statics: Tensor
    table: Tensor | None = None
    graphs: Path | None = None


class ForecastModel(nn.Module):
    """Physical fields to forecasts; its state is all that a trained model needs beside its settings."""

    def __init__(self, settings: Train, surroundings: Surroundings) -> None:
        super().__init__()
        experiment, variables = settings.experiment, settings.layout.variables
        self.variables = variables
        self.targets = experiment.targets
        self.input_steps = known_steps(settings.sequences)
        self.normalise = Normalisation(surroundings.statistics, variables, surroundings.table)
        self.forcings = Forcings(experiment.inputs.forcings, surroundings.latitude, surroundings.longitude)
        mean, std = normalised_differences(surroundings.statistics, variables)
        scene = Scene(
            variables=variables,
            sequences=settings.sequences,
            statics=surroundings.statics,
            forcings=len(forcing_names(experiment.inputs.forcings)),
            difference_mean=torch.tensor(mean)[:, None, None],
            difference_std=torch.tensor(std)[:, None, None],
            graphs=surroundings.graphs,
        )
        self.strategy = unrolled(experiment, scene)

    @property
    def needs_truth(self) -> bool:
        """Whether forecasts need the fields to come on the boundary."""
        return self.strategy.boundary_width > 0

    def given(self, fields: NamedTensor, calendar: Tensor, **options: Any) -> Given:
        """What the strategy needs of normalised windows; with the truth where they go on behind the known steps."""
        tensor = fields.tensor
        truth = tensor[:, self.input_steps :] if tensor.shape[1] > self.input_steps else None
        return Given(tensor[:, : self.input_steps], self.forcings(calendar), truth, **options)

    def normalised(self, fields: NamedTensor, rows: Tensor) -> NamedTensor:
        """Physical fields as the network sees them; `rows` (window, time) are those of the climatology."""
        return fields.like(self.normalise(fields.tensor, rows))

    def unroll(self, given: Given) -> tuple[NamedTensor, Unrolled]:
        """The normalised forecast by name, and as the strategy gave it."""
        found: Unrolled = self.strategy(given)
        return NamedTensor(found.fields, FIELDS, self.strategy.predicted), found

    def forecast(
        self, fields: Tensor, rows: Tensor, calendar: Tensor, *, noise: Tensor | None = None
    ) -> NamedTensor:
        """Forecast the targets in physical units: (window, lead, target, y, x).

        Parameters
        ----------
        fields
            The known fields (window, input_steps, variable, y, x) in physical units; behind them the true ones, if
            the truth is needed on the boundary.
        rows, calendar
            Of all steps, known and forecast: (window, step) and (window, step, entry).
        """
        named = NamedTensor(fields, FIELDS, self.variables)
        normalised = self.normalised(named, rows[:, : fields.shape[1]])
        forecast, _ = self.unroll(self.given(normalised, calendar, noise=noise))
        places = [self.variables.index(name) for name in self.targets]
        chosen = forecast.select(*self.targets)
        return chosen.like(self.normalise.inverse(chosen.tensor, rows[:, self.input_steps :], places))


def normalised_differences(
    statistics: dict[str, Any], variables: tuple[str, ...]
) -> tuple[list[float], list[float]]:
    """Mean and deviation of the one-step differences of each variable, in deviations of the variable."""
    known = [statistics["variables"][name] for name in variables]
    return [one["diff_mean"] / one["std"] for one in known], [one["diff_std"] / one["std"] for one in known]


def surroundings_of(
    settings: Train,
    statistics: dict[str, Any],
    grid: Grid,
    *,
    archived: dict[str, npt.NDArray[np.float32]],
    table: npt.NDArray[np.float32] | None = None,
    graphs: Path | None = None,
) -> Surroundings:
    """Surroundings on a grid; `archived` are the statics of the archive (y, x)."""
    latitude, longitude = points_in_radians(grid)
    experiment = settings.experiment
    statics = static_fields(
        experiment.inputs.statics,
        grid,
        boundary_width=experiment.strategy.boundary_width,
        archived={name: torch.from_numpy(field) for name, field in archived.items()},
    )
    climatology = None if table is None else torch.from_numpy(table)
    return Surroundings(statistics, latitude, longitude, statics, climatology, graphs)


def empty_surroundings(
    settings: Train, statistics: dict[str, Any], weights: dict[str, Tensor], graphs: Path | None = None
) -> Surroundings:
    """Surroundings whose fields come with the weights of a trained model."""
    layout = settings.layout
    points = torch.zeros(layout.ny, layout.nx)
    return Surroundings(
        statistics, points, points, weights["strategy.statics"], weights.get("normalise.table"), graphs
    )
