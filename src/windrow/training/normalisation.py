"""Physical units to normalised ones and back, on the device, from `statistics.json`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from windrow.errors import UserError


class Normalisation(nn.Module):
    """Subtract the mean and divide by the standard deviation of each variable; dimension -3 is the variable."""

    mean: Tensor
    std: Tensor

    def __init__(self, statistics: dict[str, Any], variables: tuple[str, ...]) -> None:
        super().__init__()
        missing = [name for name in variables if name not in statistics["variables"]]
        if missing:
            raise UserError(f"statistics.json has no {', '.join(missing)}; run the stage statistics again")
        for key in ("mean", "std"):
            values = [statistics["variables"][name][key] for name in variables]
            self.register_buffer(key, torch.tensor(values)[:, None, None])

    def forward(self, fields: Tensor) -> Tensor:
        """Normalised fields."""
        return (fields - self.mean) / self.std

    def inverse(self, fields: Tensor, places: list[int]) -> Tensor:
        """Physical fields of the variables at these places."""
        return fields * self.std[places] + self.mean[places]
