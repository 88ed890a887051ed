"""The hardware that is asked for and the hardware that is there."""

from __future__ import annotations

import torch

from windrow.errors import UserError


def chosen_device(accelerator: str) -> torch.device:
    """`auto` takes a GPU where there is one.

    Raises
    ------
    UserError
        If a GPU is asked for where none is.
    """
    has_gpu = torch.cuda.is_available()
    if accelerator == "gpu" and not has_gpu:
        raise UserError(
            "training.accelerator asks for a GPU and this machine has none; set it to auto or cpu, "
            "or run on a machine with one"
        )
    return torch.device("cuda" if has_gpu and accelerator != "cpu" else "cpu")
