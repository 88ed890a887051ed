"""The arithmetic of an LSTM behind its convolution, point by point.

Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000), doi 10.1162/089976600300015015.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

aten: Any = torch.ops.aten


def through_gates(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """The new hidden state and the new cell, (batch, features, y, x).

    Parameters
    ----------
    gates
        Input, forget and output gate and the new content, none of them squashed yet: (batch, 4 * features, y, x).
    cell
        The cell before: (batch, features, y, x).
    """
    if torch.is_grad_enabled() and not torch.compiler.is_compiling():
        hidden, cell = _ThroughGates.apply(gates, cell)  # type: ignore[no-untyped-call]
        return hidden, cell
    squashed, new = _squashed(gates)
    into, forget, out = squashed.chunk(3, dim=1)
    cell = forget * cell + into * new
    return out * torch.tanh(cell), cell


def _squashed(gates: Tensor) -> tuple[Tensor, Tensor]:
    """The three gates (batch, 3 * features, y, x) and the new content (batch, features, y, x)."""
    features = gates.shape[1] // 4
    return torch.sigmoid(gates[:, : 3 * features]), torch.tanh(gates[:, 3 * features :])


class _ThroughGates(torch.autograd.Function):
    """The same with its gradient by hand, which is written to where the convolution takes it from, without copies."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        squashed, new = _squashed(gates)
        into, forget, out = squashed.chunk(3, dim=1)
        new_cell = (forget * cell).addcmul_(into, new)
        bent = torch.tanh(new_cell)
        ctx.save_for_backward(squashed, new, cell, bent)
        return out * bent, new_cell

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_hidden: Tensor, of_cell: Tensor) -> tuple[Tensor, Tensor | None]:
        squashed, new, cell, bent = ctx.saved_tensors
        into, forget, out = squashed.chunk(3, dim=1)
        of_cell = aten.tanh_backward(of_hidden * out, bent).add_(of_cell)
        batch, features, ny, nx = cell.shape
        of_gates = torch.empty(
            (batch, 4 * features, ny, nx),
            dtype=squashed.dtype,
            device=squashed.device,
            memory_format=torch.channels_last,
        )
        of_squashed, of_new = of_gates[:, : 3 * features], of_gates[:, 3 * features :]
        of_into, of_forget, of_out = of_squashed.chunk(3, dim=1)
        torch.mul(of_cell, new, out=of_into)
        torch.mul(of_cell, cell, out=of_forget)
        torch.mul(of_hidden, bent, out=of_out)
        torch.mul(of_cell, into, out=of_new)
        aten.sigmoid_backward(of_squashed, squashed, grad_input=of_squashed)
        aten.tanh_backward(of_new, new, grad_input=of_new)
        return of_gates, of_cell.mul_(forget) if ctx.needs_input_grad[1] else None
