from torch import Tensor

from windrow.training.observers import Epoch, Observer, Validated


class Clumsy(Observer):
    """Stumbles, with several processes in all but the first."""

    def update(self, batch: Validated) -> None:
        if not self.scene.first:
            raise ValueError("stumbled")

    def sums(self) -> Tensor:
        return Tensor([1.0])

    def finish(self, epoch: Epoch) -> dict[str, float]:
        assert epoch.sums is not None
        return {"processes": float(epoch.sums[0])}


class Stranger:
    """No observer."""
