"""How a network's prediction becomes a forecast of all lead times, on normalised fields."""

from __future__ import annotations

from windrow.config import Experiment
from windrow.training.strategies.autoregressive import Autoregressive
from windrow.training.strategies.base import Scene, Strategy
from windrow.training.strategies.direct import Direct
from windrow.training.strategies.given import Given, Unrolled
from windrow.training.strategies.sequence import Sequence

__all__ = ["Given", "Scene", "Strategy", "Unrolled", "unrolled"]

_KINDS: dict[str, type[Strategy]] = {
    "sequence": Sequence,
    "direct": Direct,
    "diff_ar": Autoregressive,
    "scaled_ar": Autoregressive,
}


def unrolled(experiment: Experiment, scene: Scene) -> Strategy:
    """The strategy and its network that an experiment asks for."""
    return _KINDS[experiment.strategy.name](experiment, scene)
