"""How much lead times, variables and points count in the loss."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from windrow.errors import UserError
from windrow.training.losses import Weights
from windrow.training_settings import LossWeights

NUMBERED = ("stl", "swvl", "istl", "tco", "o")  # of soil, ice and ozone: their number is no pressure


def counted_variables(settings: LossWeights, targets: tuple[str, ...]) -> tuple[str, ...]:
    """The variables that are in the loss."""
    return tuple(settings.variables) or targets


def loss_weights(
    settings: LossWeights,
    variables: tuple[str, ...],
    *,
    leads: int,
    latitude: Tensor,
    difference_std: dict[str, float],
) -> Weights:
    """The weights of these variables on points of these latitudes (y, x), in radians.

    `difference_std` are the deviations of the normalised one-step differences.
    """
    factors = [
        settings.variables.get(name, 1.0)
        * (pressure_hpa(name) if settings.level else 1.0)
        * (_inverse_variance(name, difference_std[name]) if settings.diff_variance else 1.0)
        for name in variables
    ]
    points = torch.cos(latitude) if settings.area else torch.ones_like(latitude)
    return Weights(
        leads=_of_mean_one(settings.lead_time ** torch.arange(leads, dtype=torch.float64)),
        variables=_of_mean_one(torch.tensor(factors, dtype=torch.float64)),
        points=_of_mean_one(points.double()),
    )


def pressure_hpa(variable: str) -> float:
    """The pressure of a variable's level, such as 850 of `t850`; 1000 for a variable of no level."""
    found = re.fullmatch(r"([a-z]+)(\d+)", variable)
    return float(found[2]) if found and found[1] not in NUMBERED else 1000.0


def _inverse_variance(variable: str, deviation: float) -> float:
    if not deviation > 0:
        raise UserError(
            f"{variable} never changes over the training split; set training.loss_weights.diff_variance to false, or "
            f"leave {variable} out of dataset.variables"
        )
    return deviation**-2


def _of_mean_one(values: Tensor) -> Tensor:
    return (values / values.mean()).float()
