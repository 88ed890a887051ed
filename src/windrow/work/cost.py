"""What one call of a network takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What one call takes for one window.

    Attributes
    ----------
    parameters
        Numbers that are trained.
    flop
        Floating point operations forward; backward they are twice as many.
    kept
        Numbers kept for the gradient.
    fixed
        The same, once for all windows of a batch.
    held
        Numbers in memory at once without a gradient.
    speed
        Part of the device's rate of large convolutions that such a network reaches.
    """

    parameters: float
    flop: float
    kept: float
    held: float
    fixed: float = 0.0
    speed: float = 1.0
