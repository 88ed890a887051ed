"""One forecast of the validation as maps, to be watched while it gets better."""

from __future__ import annotations

from windrow.training.examples import Example, draw
from windrow.training.observers.interface import Epoch, Observer, Occasions, Scene, Validated


class Prediction(Observer):
    """The first window of the split as maps: truth, forecast and difference of each target."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.occasions = Occasions()
        self._example: Example | None = None

    def update(self, batch: Validated) -> None:
        """Keep the first window: nobody knows yet whether this epoch is the best."""
        if self.scene.first and batch.number == 0:
            self._example = example_of(batch)

    def finish(self, epoch: Epoch) -> None:
        """Draw, if the epoch is worth it."""
        example, self._example = self._example, None
        if example is None or not self.occasions.worth(epoch):
            return
        layout, south_first = self.scene.layout, self.scene.south_first
        drawn = [
            epoch.board.picture(
                name,
                lambda place=place, name=name: draw(  # type: ignore[misc]
                    example, place, name, layout, south_first=south_first
                ),
                alt=f"Maps of {name} in the first window of the validation, after epoch {epoch.number + 1}: "
                "truth, forecast and difference.",
            )
            for place, name in enumerate(self.scene.targets)
        ]
        if any(drawn):
            self.occasions.drawn(epoch)


def example_of(batch: Validated) -> Example:
    """The first window of a batch and its forecast."""
    fields = (batch.known[0], batch.truth[0], batch.forecast_of(slice(1))[0])
    known, truth, forecast = (field.cpu().numpy().copy() for field in fields)
    return Example(int(batch.firsts[0]), known, truth, forecast)
