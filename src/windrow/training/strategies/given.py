"""What a strategy is given and what it gives."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Given(NamedTuple):
    """All that a forecast starts from; fields are normalised.

    Attributes
    ----------
    inputs
        The known fields: (window, input_steps, variable, y, x).
    forcings
        Of the known and of all forecast steps: (window, input_steps + target_steps, forcing, y, x).
    truth
        The fields to be forecast, (window, target_steps, variable, y, x), where the boundary is overwritten with
        them or `taught` feeds them back.
    leads
        How many steps to forecast; all if it is not given.
    noise
        For a generative network: (window, input_steps + target_steps - 1, noise_features).
    taught
        After which forecast steps which windows go on from the truth: (window, target_steps - 1).
    """

    inputs: Tensor
    forcings: Tensor
    truth: Tensor | None = None
    leads: int | None = None
    noise: Tensor | None = None
    taught: Tensor | None = None


class Unrolled(NamedTuple):
    """A forecast: normalised fields (window, lead, predicted variable, y, x).

    `divergence` is that of the latent variables of a variational network: (window,).
    """

    fields: Tensor
    divergence: Tensor | None = None
