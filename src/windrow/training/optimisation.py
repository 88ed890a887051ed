"""Optimiser and learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from windrow.training_settings import Training


def build_optimizer(settings: Training, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Adam or AdamW, fused where the device has it: one kernel for all parameters.

    In 16-mixed precision it is not fused: Lightning could not clip what a fused optimiser unscales by itself.
    """
    kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
    return kind(
        parameters,
        lr=settings.learning_rate,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
        fused=settings.precision != "16-mixed",
    )


def build_schedule(settings: Training, optimizer: torch.optim.Optimizer, steps: int) -> LambdaLR:
    """The learning rate over `steps` steps."""
    return LambdaLR(optimizer, rate_of(settings, steps))


def rate_of(settings: Training, steps: int) -> Callable[[int], float]:
    """The learning rate at each step, as part of the first: a linear warm-up, then the schedule."""
    rest = max(steps - settings.warmup_steps, 1)

    def rate(step: int) -> float:
        if step < settings.warmup_steps:
            return (step + 1) / (settings.warmup_steps + 1)
        done = min((step - settings.warmup_steps) / rest, 1.0)
        falling = {"constant": 1.0, "cosine": 0.5 * (1 + math.cos(math.pi * done)), "linear": 1 - done}
        return settings.final_rate + (1 - settings.final_rate) * falling[settings.schedule]

    return rate
