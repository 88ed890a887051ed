"""What watches the validations of a training: errors, maps, plots, and those of plug-ins.

An observer is a subclass of `Observer`. `training.observers` names those that a training has; how plug-ins bring
their own: `windrow.training.observer_plugins`.
"""

from windrow.training.observers.interface import Board, Epoch, Observer, Occasions, Scene, Summary, Validated

__all__ = ["Board", "Epoch", "Observer", "Occasions", "Scene", "Summary", "Validated"]
