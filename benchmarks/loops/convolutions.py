"""The paper's ConvLSTM forward and backward, in turn with the convolutions that it contains and nothing else."""

from __future__ import annotations

import argparse
import json

import torch
from hardware import device_of, now, precision
from material import GRIDS, STEPS, VARIABLES
from options import add_common
from torch import Tensor, nn
from torch.nn import functional

from windrow.models import GridSize, build
from windrow.models.recurrent import Recurrent
from windrow.models.settings import ConvLSTM


def unrolled(network: Recurrent, fields: Tensor, leads: int, name: str) -> None:
    """Read the fields, forecast on, and find all gradients; the loss is no more than a mean."""
    with precision(fields.device, name):
        field, state = network.encode(fields)
        forecast = [field]
        for _ in range(leads - 1):
            field, state = network(field, state)
            forecast.append(field)
    torch.stack(forecast).float().square().mean().backward()
    network.zero_grad()


class Convolutions:
    """Those of the gates, with their gradients: at the first step of the inputs alone, then of inputs and state."""

    def __init__(self, gates: nn.Conv2d, fields: Tensor, leads: int, name: str) -> None:
        batch, steps, inputs, ny, nx = fields.shape
        kind, layout = (torch.float32 if name == "32" else torch.bfloat16), torch.channels_last
        place = {"device": fields.device, "dtype": kind}

        def laid_out(*shape: int) -> Tensor:
            return torch.randn(*shape, **place).contiguous(memory_format=layout)

        outputs, together, width, _ = gates.weight.shape
        self.times = steps + leads - 2
        self.padding = width // 2
        self.first = laid_out(batch, inputs, ny, nx)
        self.later = laid_out(batch, together, ny, nx).requires_grad_()
        self.weights = [laid_out(outputs, depth, width, width).requires_grad_() for depth in (inputs, together)]
        self.bias = torch.randn(outputs, **place).requires_grad_()
        self.gradient = laid_out(batch, outputs, ny, nx)

    def __call__(self) -> None:
        """Once through all steps."""
        self._convolve(self.first, self.weights[0])
        for _ in range(self.times):
            self._convolve(self.later, self.weights[1])

    def _convolve(self, x: Tensor, weight: Tensor) -> None:
        found = functional.conv2d(x, weight, self.bias, padding=self.padding)
        wanted = [part for part in (x, weight, self.bias) if part.requires_grad]
        torch.autograd.grad(found, wanted, self.gradient)


def main() -> None:
    """Print the seconds of each turn as a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_common(parser)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--precision", default="32")
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    device = device_of(args.device, args.threads)
    (ny, nx), steps, count = GRIDS[args.size], STEPS[args.size], len(VARIABLES)
    network = build(ConvLSTM(name="convlstm"), inputs=count, outputs=count, grid=GridSize(ny, nx)).to(device)
    assert isinstance(network, Recurrent)
    if args.compile:
        network.compile()
    fields = torch.randn(args.batch, steps, count, ny, nx, device=device)
    gates = network.gates
    assert isinstance(gates, nn.Conv2d)
    bare = Convolutions(gates, fields, steps, args.precision)
    seconds: dict[str, list[float]] = {"bare": [], "network": []}
    for _ in range(args.turns + 1):
        begun = now(device)
        bare()
        between = now(device)
        unrolled(network, fields, steps, args.precision)
        seconds["bare"].append(between - begun)
        seconds["network"].append(now(device) - between)
    print(json.dumps({name: values[1:] for name, values in seconds.items()} | {"windows": args.batch}))


if __name__ == "__main__":
    main()
