"""Losses of a forecast, one number per window, on normalised fields.

A loss is called with the forecast and the truth, (window, lead, variable, y, x), and weights of the mean 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from windrow.training_settings import LossTerm


@dataclass(frozen=True)
class Weights:
    """Of lead times (lead), variables (variable) and points (y, x); each of the mean 1."""

    leads: Tensor
    variables: Tensor
    points: Tensor

    def of_series(self, values: Tensor) -> Tensor:
        """Mean over lead and variable: (window, lead, variable) to (window,).

        No product of matrices: in mixed precision that would be rounded to half precision.
        """
        leads = self.leads[: values.shape[1], None]
        return (values * leads * self.variables).sum(dim=(1, 2)) / (leads.sum() * len(self.variables))

    def of_fields(self, values: Tensor) -> Tensor:
        """Mean over lead, variable and points: (window, lead, variable, y, x) to (window,)."""
        return self.of_series((values * self.points).mean(dim=(-2, -1)))


Loss = Callable[[Tensor, Tensor, Weights], Tensor]


def mse(forecast: Tensor, truth: Tensor, weights: Weights) -> Tensor:
    """Mean squared error."""
    return weights.of_fields((forecast - truth) ** 2)


def mae(forecast: Tensor, truth: Tensor, weights: Weights) -> Tensor:
    """Mean absolute error."""
    return weights.of_fields((forecast - truth).abs())


def huber(forecast: Tensor, truth: Tensor, weights: Weights, *, delta: float = 1.0) -> Tensor:
    """Half the squared error up to `delta`, from there on linear (Huber 1964, doi 10.1214/aoms/1177703732)."""
    error = (forecast - truth).abs()
    return weights.of_fields(torch.where(error < delta, 0.5 * error**2, delta * (error - 0.5 * delta)))


def gradient_difference(forecast: Tensor, truth: Tensor, weights: Weights) -> Tensor:
    """Mean absolute difference of the sizes of the gradients along y and x (Mathieu et al. 2016, arXiv 1511.05440).

    The weights of points play no part: a gradient lies between two points.
    """
    parts = [
        (torch.diff(forecast, dim=along).abs() - torch.diff(truth, dim=along).abs()).abs().mean(dim=(-2, -1))
        for along in (-2, -1)
        if forecast.shape[along] > 1
    ]
    return weights.of_series(torch.stack(parts).sum(dim=0))


def spectral(forecast: Tensor, truth: Tensor, weights: Weights) -> Tensor:
    """Mean squared difference of the logarithms of the power in bands of total wave number.

    The fields are tapered by a Hann window, since a limited area is not periodic, and the power is summed over rings
    of one wave number of the shorter side, as usual for spectra of limited areas. The weights of points play no part.
    """
    rings, count = wave_rings(forecast.shape[-2], forecast.shape[-1], forecast.device)
    logs = [torch.log(_power(fields.float(), rings, count) + 1e-8) for fields in (forecast, truth)]
    return weights.of_series(((logs[0] - logs[1]) ** 2).mean(dim=-1))


def wave_rings(ny: int, nx: int, device: torch.device) -> tuple[Tensor, int]:
    """The ring of each coefficient of a real two-dimensional FFT (ny * (nx // 2 + 1)), and the number of rings.

    Ring k holds total wave numbers k + 0.5 to k + 1.5, relative to the shorter side; the mean and what lies
    outside of the largest circle is in a last ring that does not count.
    """
    short = min(ny, nx)
    along_y = torch.fft.fftfreq(ny, device=device)[:, None] * short
    along_x = torch.fft.rfftfreq(nx, device=device)[None, :] * short
    ring = torch.round(torch.sqrt(along_y**2 + along_x**2)).long() - 1
    count = max(short // 2, 1)
    return torch.where((ring < 0) | (ring >= count), count, ring).flatten(), count


def _power(fields: Tensor, rings: Tensor, count: int) -> Tensor:
    """Power per ring: (…, y, x) to (…, ring)."""
    ny, nx = fields.shape[-2:]
    taper_y = torch.hann_window(ny + 2, periodic=False, device=fields.device)[1:-1, None]
    taper_x = torch.hann_window(nx + 2, periodic=False, device=fields.device)[None, 1:-1]
    spectrum = torch.fft.rfft2(
        (fields - fields.mean(dim=(-2, -1), keepdim=True)) * taper_y * taper_x, norm="ortho"
    )
    power = (spectrum.real**2 + spectrum.imag**2).flatten(-2)
    summed = power.new_zeros(*power.shape[:-1], count + 1)
    found: Tensor = summed.index_add(-1, rings, power)[..., :count]
    return found


LOSSES: dict[str, Loss] = {
    "mse": mse,
    "mae": mae,
    "huber": huber,
    "gradient_difference": gradient_difference,
    "spectral": spectral,
}


def combined(terms: tuple[LossTerm, ...]) -> Loss:
    """The weighted sum of the terms."""

    def loss(forecast: Tensor, truth: Tensor, weights: Weights) -> Tensor:
        parts = [term.weight * _of_term(term, forecast, truth, weights) for term in terms]
        return torch.stack(parts).sum(dim=0) if len(parts) > 1 else parts[0]

    return loss


def _of_term(term: LossTerm, forecast: Tensor, truth: Tensor, weights: Weights) -> Tensor:
    if term.name == "huber":
        return huber(forecast, truth, weights, delta=term.delta)
    return LOSSES[term.name](forecast, truth, weights)
