"""The tables of the training benchmark, from what the timed loops told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from tables import at_least, at_most, digits, duration, markdown, middle, size

DEVICES = {"cpu": "CPU", "cuda": "GPU"}
PUBLISHED_SAMPLES, PUBLISHED_MINUTES = 1.86e6, {1: 492.7, 64: 31.0}  # AMBS on A100s, Gong et al. (2022)

Told = Mapping[str, Any]


@dataclass(frozen=True)
class Model:
    """What was measured of a network's training.

    Attributes
    ----------
    rate
        Samples a second.
    flop
        Of one sample, forward and backward.
    missing
        Why nothing was measured.
    """

    name: str
    device: str
    precision: str = "32"
    compiled: bool = False
    strategy: str = ""
    parameters: int = 0
    rate: float = 0.0
    flop: float = 0.0
    peak_speed: float | None = None
    peak_bytes: int = 0
    missing: str = ""


def ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    """The median of the ratios of two that took turns."""
    return median(one / other for one, other in zip(ones, others, strict=True))


def loops_table(found: Mapping[tuple[str, str], Told]) -> str:
    """Lightning's loop against the bare one."""
    rows = []
    for (name, device), told in found.items():
        times = ratio(told["lightning"], told["bare"])
        figures = [middle(told["lightning"]), middle(told["bare"]), f"{times:.3f} ×", at_most(times, 1.05)]
        rows.append([f"`{name}`, {DEVICES[device]}", *figures])
    header = ["a step of the sample's experiment", "`windrow train`", "bare PyTorch", "ratio", "to reach"]
    return "**Lightning's loop with all callbacks against a bare loop**\n\n" + markdown(header, rows)


def loader_table(found: Mapping[tuple[str, str], Told]) -> str:
    """What the loader costs."""
    rows = []
    for (name, device), told in found.items():
        share = 100 * ratio(told["wait"], told["bare"])
        speed = ratio(told["fixed"], told["bare"])
        wait = [middle(told["wait"]), f"{digits(share)} %", at_most(share, 2, " %")]
        rows.append([f"`{name}`, {DEVICES[device]}", *wait, f"{speed:.3f} ×", at_least(speed, 0.97)])
    header = [
        "the bare loop",
        "wait for a batch",
        "of a step",
        "to reach",
        "against a batch in memory",
        "to reach",
    ]
    return "**Batches from the shards**\n\n" + markdown(header, rows)


def names_table(told: Told) -> str:
    """What names cost."""
    low, difference, high = quantiles([a - b for a, b in zip(told["named"], told["plain"], strict=True)], n=4)
    made = told["made"]
    rows = [[f"`{name}`", duration(max(seconds, 1e-9))] for name, seconds in told["operations"].items()]
    own = made * told["operations"]["make"]
    share = 100 * own / median(told["plain"])
    return (
        "**Named tensors: an operation beyond that of the tensor**\n\n"
        + markdown(["operation", "on the CPU"], rows)
        + f"\n\nA step of the sample's `weatherbench_cnn` makes {made} of them, which is {duration(own)} of "
        f"{middle(told['plain'])} ({digits(share)} %). In turn with the same step on plain tensors it took "
        f"{difference * 1e6:+.0f} µs (median of the differences; half of them lie between {low * 1e6:+.0f} and "
        f"{high * 1e6:+.0f} µs)."
    )


def convolutions_table(found: Mapping[tuple[str, str, bool], Told]) -> str:
    """The ConvLSTM against its convolutions."""
    rows = []
    for (device, precision, compiled), told in found.items():
        share = 100 * ratio(told["bare"], told["network"])
        figures = [middle(told["network"]), middle(told["bare"]), f"{share:.0f} %", at_least(share, 60, " %")]
        rows.append([f"{DEVICES[device]}, {way(precision, compiled)}, {told['windows']} samples", *figures])
    header = ["forward and backward", "the network", "its convolutions alone", "their speed reached", "to reach"]
    title = "**The paper's ConvLSTM (92 × 56, 64 features, 12 + 12 steps) against the convolutions it contains**"
    return f"{title}\n\n" + markdown(header, rows)


def processes_table(found: Mapping[tuple[str, int, int], Told]) -> str:
    """Several processes against one."""
    rows = []
    for (name, processes, threads), told in found.items():
        seconds, one = median(told["seconds"]), median(found[name, 1, 1]["seconds"])
        split = ["", ""]
        if told["silent"]:
            silent = median(told["silent"])
            split = [duration(silent), duration(max(seconds - silent, 0.0)) if seconds > silent else "not seen"]
        rate = f"{digits(told['windows'] / seconds)}"
        words = f"`{name}`, {processes} × {threads}"
        rows.append([words, str(told["windows"]), duration(seconds), rate, f"{one / seconds:.2f} ×", *split])
    header = ["processes × threads", "samples", "a step", "samples/s", "of 1 × 1", "computing", "communication"]
    title = "**Two processes against one: the same samples in a step, gloo, paper's domain**"
    return f"{title}\n\n" + markdown(header, rows)


def way(precision: str, compiled: bool) -> str:
    """The precision and whether the network was compiled."""
    return ("fp32" if precision == "32" else precision) + (", compiled" if compiled else "")


def models_table(models: Sequence[Model]) -> str:
    """All networks."""
    rows = []
    for model in models:
        words = (
            f"`{model.name}`, `{model.strategy}`, {DEVICES[model.device]}, {way(model.precision, model.compiled)}"
        )
        if model.missing:
            rows.append([f"`{model.name}` {model.missing}", *[""] * 6])
            continue
        speed = model.rate * model.flop
        share = f"{100 * speed / model.peak_speed:.0f} %" if model.peak_speed else "not known"
        figures = [f"{model.parameters:,}", f"{digits(model.flop / 1e9)} GFLOP", digits(model.rate)]
        rows.append([words, *figures, f"{speed / 1e9:.0f} GFLOP/s", share, size(model.peak_bytes)])
    header = ["training", "parameters", "a sample", "samples/s", "reached", "of the peak", "peak memory"]
    title = "**Every network, 92 × 56 points, 12 + 12 steps**"
    return f"{title}\n\n" + markdown(header, rows)


def with_published(models: Sequence[Model]) -> list[str]:
    """How long the training of the paper's ConvLSTM would take with the rates that were found."""
    lines = [
        f"{DEVICES[model.device]}, {way(model.precision, model.compiled)}: "
        f"{duration(PUBLISHED_SAMPLES / model.rate)} ({digits(model.rate)} samples/s)"
        for model in models
        if model.name == "convlstm" and model.rate
    ]
    if not lines:
        return []
    published = " and ".join(
        f"{minutes} minutes on {count} A100{'s' if count > 1 else ''}"
        for count, minutes in PUBLISHED_MINUTES.items()
    )
    return [
        f"The paper's ConvLSTM on its 1.86 million samples, extrapolated: {'; '.join(lines)}. AMBS: {published}."
    ]
