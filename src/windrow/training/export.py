"""A trained model as ONNX, held against itself before it is let out."""

from __future__ import annotations

import logging
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from windrow.climatology import calendar_rows
from windrow.config import known_steps
from windrow.errors import UserError
from windrow.files import written_beside
from windrow.shards.reader import ShardReader
from windrow.shards.windows import window_length
from windrow.training.calendar import ENTRIES, calendar
from windrow.training.trained import Trained

OPSET = 20
SAMPLES = 20
TOLERANCE = 1e-4
INPUTS = ("fields", "rows", "calendar")
OUTPUT = "forecast"

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Parity:
    """How the exported network compares with the trained one.

    Attributes
    ----------
    samples
        Windows that both forecast.
    difference
        Largest absolute difference of a forecast value, over the spread of the trained network's forecasts of that
        variable (their standard deviation): a difference in kelvin says little beside 280 K.
    torch_ms, onnx_ms
        Median time of a forecast from one window, on the same threads.
    """

    opset: int
    samples: int
    difference: float
    tolerance: float
    torch_ms: float
    onnx_ms: float
    bytes: int

    def content(self) -> dict[str, Any]:
        """As a dictionary."""
        return asdict(self)


class _Plain(nn.Module):
    """The model as a function of tensors."""

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        self.model = trained.model

    def forward(self, fields: Tensor, rows: Tensor, calendar: Tensor) -> Tensor:
        return self.model.forecast(fields, rows, calendar).tensor


def export_onnx(trained: Trained, reader: ShardReader, firsts: npt.NDArray[np.int64], output: Path) -> Parity:
    """Write the network with normalisation, forcings and rollout as ONNX and compare it on these windows.

    Inputs are `fields` (window, input_steps, variable, y, x) in physical units, `rows` (window, step) and `calendar`
    (window, step, entry) as `windrow.climatology.calendar_rows` and `windrow.training.calendar` give them; the output
    is `forecast` (window, lead, target, y, x) in physical units. There is one window at a time.

    Raises
    ------
    UserError
        If ONNX is not installed, the model needs the truth on the boundary, or the exported network differs by more
        than `TOLERANCE`: then nothing is written.
    """
    _require(trained)
    network = _Plain(trained).eval()
    samples = [_inputs(trained, reader, first) for first in firsts]
    with written_beside(output) as beside:
        _write(network, samples[0], beside, _description(trained))
        found = _compared(network, samples, beside)
        if not found.difference <= TOLERANCE:
            raise UserError(
                f"the exported network differs from the trained one by {found.difference:.1e} of the spread, more than "
                f"{TOLERANCE:.0e}; nothing was written: report this with the model's settings"
            )
    return found


def _require(trained: Trained) -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as problem:
        raise UserError(f"export needs the package {problem.name}; run pip install 'windrow[onnx]'") from None
    if trained.model.needs_truth:
        raise UserError("a model with strategy.boundary_width needs the coming fields; it cannot be exported")


def _inputs(trained: Trained, reader: ShardReader, first: np.int64) -> tuple[Tensor, ...]:
    sequences, layout = trained.settings.sequences, trained.settings.layout
    length = window_length(sequences)
    one = np.array([first])
    found = (
        reader.windows(one, known_steps(sequences)),
        calendar_rows(one, length, layout),
        calendar(one, length, layout),
    )
    return tuple(map(torch.from_numpy, found))


def _write(network: nn.Module, inputs: tuple[Tensor, ...], path: Path, description: dict[str, str]) -> None:
    import onnx

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of what torch itself calls
        program = torch.onnx.export(
            network,
            inputs,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    onnx.helper.set_model_props(proto, description)
    onnx.save_model(proto, path)


def _description(trained: Trained) -> dict[str, str]:
    """What a user of the file must know."""
    settings = trained.settings
    return {
        "variables": ",".join(settings.layout.variables),
        "targets": ",".join(settings.experiment.targets),
        "step_hours": str(settings.layout.step_hours),
        "calendar": ",".join(ENTRIES),
        "units": ",".join(
            str(trained.described.attributes[name].get("units", "1")) for name in settings.layout.variables
        ),
    }


def _compared(network: nn.Module, samples: list[tuple[Tensor, ...]], path: Path) -> Parity:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    wanted = {one.name for one in session.get_inputs()}  # what the model does not need is not in the file
    ours, theirs, times = [], [], []
    for inputs in samples:
        fed = {name: one.numpy() for name, one in zip(INPUTS, inputs, strict=True) if name in wanted}
        started = time.perf_counter()
        with torch.inference_mode():
            ours.append(network(*inputs).numpy())
        between = time.perf_counter()
        theirs.append(session.run([OUTPUT], fed)[0])
        times.append((between - started, time.perf_counter() - between))
    torch_ms, onnx_ms = (1000 * np.median(np.array(times), axis=0)).tolist()
    return Parity(
        opset=OPSET,
        samples=len(samples),
        difference=relative_difference(np.stack(theirs), np.stack(ours)),
        tolerance=TOLERANCE,
        torch_ms=round(torch_ms, 3),
        onnx_ms=round(onnx_ms, 3),
        bytes=path.stat().st_size,
    )


def relative_difference(found: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> float:
    """Largest difference of (sample, window, lead, target, y, x), over each target's deviation."""
    axes = tuple(axis for axis in range(expected.ndim) if axis != 3)
    spread = expected.astype(np.float64).std(axis=axes)
    difference = np.abs(found.astype(np.float64) - expected).max(axis=axes)
    return float((difference / np.maximum(spread, np.finfo(np.float32).tiny)).max())
