"""The model of a job, and what is known of machines: how fast they are, what a mapped file counts for."""

from __future__ import annotations

from dataclasses import dataclass

MB = 2**20
STORAGE = 100e6  # bytes a second of one process from a shared file system, at a guess
CPU_FLOPS = 100e9  # operations a second of a core in large convolutions: measured 95 to 119
GPU_FLOPS = 8e12  # of a GPU in single precision, at a guess: not half of an A100's peak without tensor cores
SHORT_SPEED = 3.0  # of 16-bit numbers on a GPU over single ones, at a guess
CUDA_MB, CUDA_DEVICE_MB = 1500, 600  # of a process on the host and on the device, at a guess
MAPPED_MB = 1000  # of mapped blocks that are asked for; the kernel takes more back where it needs room


@dataclass(frozen=True)
class Work:
    """The model of a job, before any reserve.

    Attributes
    ----------
    memory_mb, fixed_mb
        Of a node; `fixed_mb` needs no reserve, as mapped blocks and libraries do not.
    cpu_seconds, cores
        Time of all cores together, and how many share it.
    start
        Seconds before that, which nobody shares.
    read, written
        Bytes.
    """

    memory_mb: float
    cpu_seconds: float
    read: float
    written: float
    cores: float = 1.0
    start: float = 0.0
    fixed_mb: float = 0.0
    device_mb: float = 0.0


def mapped_mb(content: float, *, most: float = MAPPED_MB) -> float:
    """Blocks that are mapped count as memory while there is room (MB)."""
    return min(most, content / MB)
