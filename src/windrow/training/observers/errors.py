"""Errors of the validation: per variable and lead time, and per point."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from windrow.training.boundary import interior
from windrow.training.examples import rmse_maps
from windrow.training.observers.interface import Epoch, Observer, Occasions, Scene, Summary, Validated

COARSE = 24  # points along the longer side of the map in history.json
DIGITS = 4

Field = npt.NDArray[np.float64]


class _Sums(Observer):
    """An observer that adds up fields (lead, target, …) over the windows, and counts these."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._windows = 0
        self._sum: Tensor | None = None

    def begin(self) -> None:
        """Begin at 0."""
        self._windows, self._sum = 0, None

    def _add(self, windows: int, fields: Tensor) -> None:
        self._windows += windows
        self._sum = fields.to(torch.float64, copy=True) if self._sum is None else self._sum.add_(fields)

    def sums(self) -> Tensor | None:
        """The number of windows and the sums, in a row."""
        if self._sum is None:
            return None
        return torch.cat([self._sum.new_tensor([self._windows]), self._sum.flatten()])

    def _means(self, epoch: Epoch, *shape: int) -> Field:
        assert epoch.sums is not None
        found: Field = (epoch.sums[1:] / epoch.sums[0]).reshape(shape)
        return found


class StateErrors(_Sums):
    """Root mean squared error and mean error per target and lead time, as curves; the boundary does not count."""

    def update(self, batch: Validated) -> None:
        """Add the batch."""
        both = torch.stack([batch.sum_of_errors, batch.sum_of_squares])  # (2, lead, target, y, x)
        self._add(batch.windows, interior(both, self.scene.boundary_width).mean((-2, -1)))

    def finish(self, epoch: Epoch) -> Summary:
        """Draw the curves on."""
        leads, targets = self.scene.leads, self.scene.targets
        bias, mse = self._means(epoch, 2, leads, len(targets))
        found = {"rmse": np.sqrt(mse), "bias": bias}
        epoch.board.scalars(
            {
                f"validation_{kind}/{name}/step_{lead + 1:02d}": float(values[lead, place])
                for kind, values in found.items()
                for place, name in enumerate(targets)
                for lead in range(leads)
            }
        )
        return {
            kind: {name: _rounded(values[:, place]) for place, name in enumerate(targets)}
            for kind, values in found.items()
        }


class ErrorMap(_Sums):
    """Root mean squared error of each point, as maps; a coarse one over all lead times stands in the summary."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.occasions = Occasions()

    def update(self, batch: Validated) -> None:
        """Add the batch."""
        self._add(batch.windows, batch.sum_of_squares)

    def finish(self, epoch: Epoch) -> Summary:
        """Draw the maps, if the epoch is worth it."""
        layout, targets = self.scene.layout, self.scene.targets
        mse = self._means(epoch, self.scene.leads, len(targets), layout.ny, layout.nx)
        if self.occasions.worth(epoch) and self._draw(epoch, np.sqrt(mse)):
            self.occasions.drawn(epoch)
        block = -(-max(layout.ny, layout.nx) // COARSE)
        return {
            "block": block,
            "south_first": self.scene.south_first,
            "rmse": {
                name: _rounded(np.sqrt(coarse(mse[:, place].mean(0), block))) for place, name in enumerate(targets)
            },
        }

    def _draw(self, epoch: Epoch, rmse: Field) -> bool:
        layout, south_first = self.scene.layout, self.scene.south_first
        drawn = [
            epoch.board.picture(
                name,
                lambda place=place, name=name: rmse_maps(  # type: ignore[misc]
                    rmse[:, place], name, layout, south_first=south_first
                ),
                alt=f"Maps of the root mean squared error of {name} in the validation of epoch {epoch.number + 1}.",
            )
            for place, name in enumerate(self.scene.targets)
        ]
        return any(drawn)


def coarse(field: Field, block: int) -> Field:
    """Means of squares of `block` x `block` points; what is left at the last row and column makes smaller ones."""
    rows, columns = (np.arange(0, length, block) for length in field.shape)
    sums = np.add.reduceat(np.add.reduceat(field, rows, axis=0), columns, axis=1)
    sizes = [np.diff(edges, append=length) for edges, length in zip((rows, columns), field.shape, strict=True)]
    found: Field = sums / np.outer(*sizes)
    return found


def _rounded(values: Field) -> Any:
    """As lists, to so many digits that count."""
    if values.ndim > 1:
        return [_rounded(row) for row in values]
    return [float(f"{value:.{DIGITS}g}") for value in values]
