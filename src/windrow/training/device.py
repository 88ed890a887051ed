"""The hardware that is asked for and the hardware that is there."""

from __future__ import annotations

import torch

from windrow.errors import UserError


def chosen_device(accelerator: str, *, devices: int = 1) -> torch.device:
    """`auto` takes a GPU where there is one.

    Raises
    ------
    UserError
        If a GPU is asked for where none is, or more of them than there are.
    """
    if accelerator == "cpu":
        return torch.device("cpu")
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if accelerator == "gpu" and not found:
        raise UserError(
            "training.accelerator asks for a GPU and this machine has none; set it to auto or cpu, "
            "or run on a machine with one"
        )
    if found and devices > found:
        raise UserError(
            f"training.devices asks for {devices} GPUs and this machine has {found}; lower it, "
            "or run on a machine with more"
        )
    return torch.device("cuda" if found else "cpu")
