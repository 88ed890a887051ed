"""What there is to know of all networks: their parameters, and the strategies that can unroll them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import ValidationError

from windrow.errors import UserError
from windrow.models import GridSize, build
from windrow.models.registry import networks
from windrow.models.settings import SETTINGS, ModelSettings


@dataclass(frozen=True)
class Listed:
    """A network; `problem` says why there is no number of parameters."""

    name: str
    parameters: int | None
    strategies: tuple[str, ...]
    summary: str
    problem: str | None = None


def list_networks(*, inputs: int, outputs: int, grid: GridSize) -> list[Listed]:
    """All networks with their default settings, built in ones first."""
    return [_listed(name, kind, inputs=inputs, outputs=outputs, grid=grid) for name, kind in networks().items()]


def _listed(name: str, kind: type[ModelSettings], *, inputs: int, outputs: int, grid: GridSize) -> Listed:
    parameters, problem = None, None
    try:
        settings = kind.model_validate({"name": name})
        parameters = count_parameters(settings, inputs=inputs, outputs=outputs, grid=grid)
    except ValidationError as refused:
        problem = f"needs {' and '.join(str(error['loc'][0]) for error in refused.errors())}"
    except UserError as refused:
        problem = str(refused)
    except Exception as failed:  # whatever code of others may raise: the other networks are listed all the same
        if name in SETTINGS:
            raise
        problem = f"cannot be built ({type(failed).__name__}: {failed}); correct the plug-in or uninstall it"
    summary = (kind.__doc__ or "").strip().partition("\n")[0]
    return Listed(name, parameters, kind.strategies, summary, problem)


def count_parameters(settings: ModelSettings, *, inputs: int, outputs: int, grid: GridSize) -> int:
    """How many numbers are trained; no memory is taken for them."""
    with torch.device("meta"):
        network = build(settings, inputs=inputs, outputs=outputs, grid=grid)
    return sum(parameter.numel() for parameter in network.parameters())


def table(found: list[Listed]) -> str:
    """Aligned lines of text, with what could not be counted below them."""
    rows = [("name", "parameters", "strategies", "")]
    rows += [
        (
            one.name,
            "?" if one.parameters is None else f"{one.parameters:,}",
            ", ".join(one.strategies),
            one.summary,
        )
        for one in found
    ]
    name, parameters, strategies, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = [f"{row[0]:{name}}  {row[1]:>{parameters}}  {row[2]:{strategies}}  {row[3]}".rstrip() for row in rows]
    return "\n".join(lines + [f"? {one.name}: {one.problem}" for one in found if one.problem])
