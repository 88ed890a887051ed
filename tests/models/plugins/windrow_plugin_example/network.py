from torch import Tensor, nn

from windrow.models import GridSize
from windrow_plugin_example import Example


class ExampleNetwork(nn.Module):
    def __init__(self, settings: Example, *, inputs: int, outputs: int, grid: GridSize) -> None:
        super().__init__()
        self.weights = nn.Conv2d(inputs, outputs, 1, bias=settings.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.weights(x)
