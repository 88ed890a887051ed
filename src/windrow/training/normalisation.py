"""Physical units to normalised ones and back, on the device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from windrow.errors import UserError


class Normalisation(nn.Module):
    """Fields minus a reference, divided by the standard deviation of each variable.

    The reference is the variable's mean over the training split or, for departures from climatology, the mean of
    the month, hour of day and point: a table (row, variable, y, x) whose rows `climatology.calendar_rows` names.
    """

    mean: Tensor
    std: Tensor
    table: Tensor | None

    def __init__(
        self, statistics: dict[str, Any], variables: tuple[str, ...], table: Tensor | None = None
    ) -> None:
        super().__init__()
        missing = [name for name in variables if name not in statistics["variables"]]
        if missing:
            raise UserError(f"statistics.json has no {', '.join(missing)}; run the stage statistics again")
        for key in ("mean", "std"):
            values = [statistics["variables"][name][key] for name in variables]
            self.register_buffer(key, torch.tensor(values)[:, None, None])
        self.register_buffer("table", table)

    def forward(self, fields: Tensor, rows: Tensor) -> Tensor:
        """Normalise fields (window, step, variable, y, x) whose times have these rows (window, step)."""
        reference = self.mean if self.table is None else self.table[rows]
        return (fields - reference) / self.std

    def inverse(self, fields: Tensor, rows: Tensor, places: list[int]) -> Tensor:
        """Physical fields (window, step, variable, y, x) of the variables at these places."""
        reference = self.mean[places] if self.table is None else self.table[rows][:, :, places]
        return fields * self.std[places] + reference
