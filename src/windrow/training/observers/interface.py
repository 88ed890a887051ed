"""What an observer is, what it is shown, and where it can tell what it found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from windrow.stages import Layout
from windrow.training.data import Batch
from windrow.training.module import ForecastModule

Colours = npt.NDArray[np.uint8]
Summary = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """What an observer watches.

    Attributes
    ----------
    targets
        The variables that are forecast, in the order of the fields.
    leads
        How many steps a forecast has.
    boundary_width
        Rows and columns at each side that are given and count in no score.
    south_first
        Whether the first row of a field is its southern one.
    first
        Whether this is the process whose observers are finished; the others' are only shown batches.
    """

    targets: tuple[str, ...]
    layout: Layout
    leads: int
    boundary_width: int
    south_first: bool
    first: bool = True


class Validated:
    """A validated batch in physical units; what is asked for is computed once, on the device.

    With the weights that are validated, without gradient, and with the mean of the prior where a network draws
    random numbers. Nothing of it may be changed: the other observers see the same.

    Attributes
    ----------
    number
        Of the batch, in this process.
    windows
        How many there are.
    firsts
        The windows' first steps in the shards: (window,).
    """

    def __init__(self, module: ForecastModule, batch: Batch, result: dict[str, Any], number: int) -> None:
        self._module, self._batch, self._result = module, batch, result
        self.number, self.windows, self.firsts = number, len(batch.rows), batch.firsts

    @cached_property
    def truth(self) -> Tensor:
        """(window, lead, target, y, x)."""
        model = self._module.model
        fields = self._batch.fields
        return fields.part("time", model.input_steps, fields.size("time")).select(*model.targets).tensor

    @cached_property
    def known(self) -> Tensor:
        """The last known fields: (window, target, y, x)."""
        model = self._module.model
        return (
            self._batch.fields.part("time", model.input_steps - 1, model.input_steps)
            .select(*model.targets)
            .tensor[:, 0]
        )

    @cached_property
    def forecast(self) -> Tensor:
        """(window, lead, target, y, x)."""
        return self.forecast_of(slice(None))

    def forecast_of(self, windows: slice) -> Tensor:
        """The same, of some of the windows."""
        model = self._module.model
        found = self._result["forecast"].select(*model.targets).tensor[windows].float()
        rows = self._batch.rows[windows, model.input_steps :]
        return model.normalise.inverse(found, rows, self._places)

    @cached_property
    def error(self) -> Tensor:
        """Forecast minus truth: (window, lead, target, y, x)."""
        return self._normalised_error * self._scale

    @cached_property
    def sum_of_errors(self) -> Tensor:
        """Over the windows: (lead, target, y, x)."""
        return self._normalised_error.sum(0) * self._scale

    @cached_property
    def sum_of_squares(self) -> Tensor:
        """Of the errors, over the windows: (lead, target, y, x)."""
        return self._normalised_error.square().sum(0) * self._scale**2

    @property
    def _normalised_error(self) -> Tensor:
        error: Tensor = self._result["error"]
        return error.float()

    @property
    def _places(self) -> list[int]:
        model = self._module.model
        return [model.variables.index(name) for name in model.targets]

    @cached_property
    def _scale(self) -> Tensor:
        return self._module.model.normalise.std[self._places]  # (target, 1, 1)


class Board(Protocol):
    """Where an observer shows what it found: TensorBoard, and pictures for the report."""

    def scalars(self, values: dict[str, float]) -> None:
        """Add a point to each of these curves."""

    def picture(self, name: str, draw: Callable[[], Colours], *, alt: str) -> bool:
        """Draw colours (row, column, 3), if there is time for it, and say whether there was.

        Parameters
        ----------
        alt
            What is to be seen, in a sentence.
        """


@dataclass(frozen=True)
class Epoch:
    """An epoch whose validation is over.

    Attributes
    ----------
    number
        Counted from 0.
    best
        Whether its validation loss is the lowest so far.
    last
        Whether the training ends with it.
    sums
        What the observer's `sums` gave, added up over all processes.
    """

    number: int
    best: bool
    last: bool
    board: Board
    sums: npt.NDArray[np.float64] | None = None


class Observer(ABC):
    """Watches the validations of a training; nothing of it runs while weights are trained.

    An observer that raises is told once, with its name, and switched off; the training goes on.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def begin(self) -> None:  # noqa: B027  # most have nothing to do
        """Begin a validation."""

    @abstractmethod
    def update(self, batch: Validated) -> None:
        """Look at a batch; with several processes each is shown its own ones."""

    def sums(self) -> Tensor | None:
        """What is to be added up over all processes before the epoch is finished, of a shape that never changes."""
        return None

    @abstractmethod
    def finish(self, epoch: Epoch) -> Summary | None:
        """End a validation, in the first process alone.

        Returns
        -------
        Text, numbers, lists and dictionaries of them, for `history.json`: that of the best epoch is kept.
        """


class Occasions:
    """The epochs that are worth a picture: the first, the last, and the best so far if others lie between."""

    def __init__(self, every: int = 5) -> None:
        self.every = every
        self._drawn: int | None = None

    def worth(self, epoch: Epoch) -> bool:
        """Whether to draw."""
        if self._drawn is None or epoch.last:
            return True
        return epoch.best and epoch.number - self._drawn >= self.every

    def drawn(self, epoch: Epoch) -> None:
        """Note that it was."""
        self._drawn = epoch.number
