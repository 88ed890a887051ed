"""The device of a timed loop: its clock, its peak speed and its memory."""

from __future__ import annotations

import contextlib
import resource
import time
from contextlib import AbstractContextManager

import torch
from torch.nn import functional

# Dense peaks in TFLOP/s, from the makers' data sheets: bfloat16, and the TF32 in which PyTorch convolves float32.
PEAKS = {
    "H200": {"bf16": 989.0, "32": 494.5},
    "H100 PCIe": {"bf16": 756.0, "32": 378.0},
    "H100": {"bf16": 989.0, "32": 494.5},
    "A100": {"bf16": 312.0, "32": 156.0},
}
SIDE, CHANNELS = 1536, 256


def device_of(name: str, threads: int) -> torch.device:
    """The device, with so many threads for what runs on the processor."""
    torch.set_num_threads(threads)
    return torch.device(name)


def now(device: torch.device) -> float:
    """The time when the device has done all that it was asked for (s)."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def precision(device: torch.device, name: str) -> AbstractContextManager[object]:
    """The arithmetic of the precision `32` or `bf16-mixed`."""
    if name == "32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def peak_speed(device: torch.device, name: str) -> float | None:
    """FLOP/s that the device can reach: of a GPU what its maker states, of a processor what large products reach."""
    if device.type == "cuda":
        model = torch.cuda.get_device_name()
        found = next((known for part, known in PEAKS.items() if part in model), None)
        return None if found is None else 1e12 * found["32" if name == "32" else "bf16"]
    return max(_matrix_product(), _convolution())


def _matrix_product() -> float:
    a, b = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    return 2 * SIDE**3 / min(_timed(lambda: a @ b) for _ in range(5))


def _convolution() -> float:
    """On some processors oneDNN, which convolves, is faster than the library that multiplies matrices."""
    layout = torch.channels_last
    x = torch.randn(4, CHANNELS, 56, 56).contiguous(memory_format=layout)
    weight = torch.randn(CHANNELS, CHANNELS, 3, 3).contiguous(memory_format=layout)
    operations = 2 * 4 * 54 * 54 * weight.numel()
    with torch.inference_mode():
        return operations / min(_timed(lambda: functional.conv2d(x, weight)) for _ in range(5))


def _timed(function: object) -> float:
    begun = time.perf_counter()
    function()  # type: ignore[operator]
    return time.perf_counter() - begun


def peak_memory(device: torch.device) -> int:
    """Most bytes that were taken at once: on a GPU by tensors, else by this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
