"""The training's losses and errors as lines over the epochs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.report.charts import DASHES, MUTED, SOLID, Axis, Chart, Group, Series, colour_of, group_of, line_chart
from windrow.report.text import counted, decimals, number, plain_units

EPOCH = Axis("epoch", whole=True)
ALL_LEADS = "all lead times"


def losses(history: dict[str, Any]) -> Group:
    """Training and validation loss, and how fast it went.

    Epochs count from 1 here, as in the training's log, and from 0 in `history.json`.
    """
    epochs = _epochs(history)
    lines = [
        _line("training", epochs, [float(line["train_loss"]) for line in history["epochs"]], strong=False),
        _line("validation", epochs, [float(line["validation_loss"]) for line in history["epochs"]], strong=True),
    ]
    kept = int(history["best_epoch"]) + 1
    best = dict(zip(epochs, lines[1].y, strict=True))[kept]
    told = " and ".join(f"{one.name} loss from {one.y[0]:.3g} to {one.y[-1]:.3g}" for one in lines)
    alt = (
        f"Lines over {counted(len(epochs), 'epoch')}: {told}. The lowest validation loss, {best:.3g}, is that of "
        f"epoch {kept}, whose weights were kept."
    )
    mark = Series("kept", [kept], [best], colour="var(--ink)", dash=DASHES[0])
    title = "Loss per epoch (normalised, logarithmic)"
    chart = line_chart("history-loss", title, alt=alt, series=[*lines, mark], x=EPOCH, y=Axis("", log=True))
    return group_of("losses", [*lines, mark], [chart])


def throughput(history: dict[str, Any]) -> Group:
    """Windows per second of each epoch."""
    epochs = _epochs(history)
    speeds = [history["windows"]["train"] / max(float(line["seconds"]), 1e-3) for line in history["epochs"]]
    line = _line("windows", epochs, speeds, strong=True)
    title = "Training windows per second, validation included"
    alt = f"{title}: from {min(speeds):.3g} to {max(speeds):.3g} over {counted(len(epochs), 'epoch')}."
    chart = line_chart("history-speed", title, alt=alt, series=[line], x=EPOCH, y=Axis("1/s", zero=True))
    return group_of("throughput", [line], [chart])


def errors(history: dict[str, Any], variables: dict[str, str], *, step_hours: int) -> Group | None:
    """Validation RMSE of the targets: over all lead times together, at the first and at the last one.

    Parameters
    ----------
    variables
        The units of each.
    """
    drawn: list[Series] = []
    charts: list[Chart] = []
    for variable, units in variables.items():
        table = np.array([line["validation_rmse"][variable] for line in history["epochs"]], dtype=np.float64)
        lines = _lines_of_errors(table, step_hours)
        drawn = [
            _line(name, _epochs(history), values, strong=name == ALL_LEADS, dash=DASHES[place % 2])
            for place, (name, values) in enumerate(lines.items())
        ]
        told = "; ".join(f"{name} from {values[0]:.3g} to {values[-1]:.3g}" for name, values in lines.items())
        alt = f"Lines of the validation RMSE of {variable} over {counted(len(table), 'epoch')}: {told}."
        axis = Axis(plain_units(units), zero=True)
        name, title = f"history-{variable}", f"Validation RMSE of {variable} per epoch"
        charts.append(line_chart(name, title, alt=alt, series=drawn, x=EPOCH, y=axis))
    return group_of("errors", drawn, charts) if charts else None


def training_facts(history: dict[str, Any]) -> dict[str, str]:
    """Size, duration and speed in words."""
    windows, epochs = history["windows"], history["epochs"]
    seconds = seconds_of(history)
    speed = len(epochs) * windows["train"] / max(seconds, 1e-3)
    return {
        "Parameters": f"{history['parameters']:,}",
        "Windows": f"{windows['train']:,} for training, {windows['validation']:,} for validation",
        "Epochs": f"{len(epochs)}, of which the weights of epoch {history['best_epoch'] + 1} were kept",
        "Time": duration(seconds),
        "Speed": f"{number(speed, decimals=decimals([speed]))} training windows per second, validation included",
        "Device": str(history["device"]),
    }


def seconds_of(history: dict[str, Any]) -> float:
    """How long all epochs took together."""
    return sum(float(line["seconds"]) for line in history["epochs"])


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3.4 h`."""
    if seconds < 120:
        return f"{seconds:.0f}\N{NO-BREAK SPACE}s"
    return (
        f"{seconds / 60:.0f}\N{NO-BREAK SPACE}min"
        if seconds < 7200
        else f"{seconds / 3600:.1f}\N{NO-BREAK SPACE}h"
    )


def _epochs(history: dict[str, Any]) -> list[int]:
    return [int(line["epoch"]) + 1 for line in history["epochs"]]


def _line(
    name: str, epochs: list[int], values: list[float], *, strong: bool, dash: tuple[float, ...] = SOLID
) -> Series:
    return Series(
        name, epochs, values, (), (), colour_of(0) if strong else MUTED, SOLID if strong else dash, strong
    )


def _lines_of_errors(errors: npt.NDArray[np.float64], step_hours: int) -> dict[str, list[float]]:
    """By name; over all lead times it is the root of the mean of the squares."""
    last = errors.shape[1]
    singles = dict.fromkeys((1, last)) if last > 1 else {}
    return {ALL_LEADS: np.sqrt(np.square(errors).mean(axis=1)).tolist()} | {
        f"{lead * step_hours} h": errors[:, lead - 1].tolist() for lead in singles
    }
