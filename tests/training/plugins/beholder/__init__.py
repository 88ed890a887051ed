"""A distribution with an observer for windrow; its entry point is in ../beholder-0.1.dist-info."""

from windrow.training.observers import Epoch, Observer, Summary, Validated


class Warmest(Observer):
    """The highest value that was forecast."""

    def begin(self) -> None:
        self.highest = -float("inf")

    def update(self, batch: Validated) -> None:
        self.highest = max(self.highest, float(batch.forecast.max()))

    def finish(self, epoch: Epoch) -> Summary:
        epoch.board.scalars({"warmest": self.highest})
        return {"highest": self.highest}
