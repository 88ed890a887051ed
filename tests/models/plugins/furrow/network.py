from torch import Tensor, nn

from windrow.models import GridSize

from .layers import convolution
from .settings import Furrow


class FurrowNetwork(nn.Module):
    def __init__(self, settings: Furrow, *, inputs: int, outputs: int, grid: GridSize) -> None:
        super().__init__()
        self.convolution = convolution(inputs, outputs, settings.kernel)

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(x)
