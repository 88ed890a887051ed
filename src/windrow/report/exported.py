"""How the exported network compares with the trained one."""

from __future__ import annotations

from typing import Any

from windrow.report.text import counted, quantity, scientific


def exported(comparison: dict[str, Any]) -> dict[str, str]:
    """What `windrow export` has found, in words."""
    windows = counted(comparison["samples"], "window")
    return {
        "Format": f"ONNX, opset {comparison['opset']}",
        "Largest difference": f"{scientific(comparison['difference'])} of the spread of the forecasts, on {windows} of "
        f"the test split; an export ends in an error above {scientific(comparison['tolerance'])}",
        "A forecast from one window": f"{_milliseconds(comparison['onnx_ms'])}, by PyTorch "
        f"{_milliseconds(comparison['torch_ms'])} (medians, on the same threads)",
        "File": _size(comparison["bytes"]),
    }


def _milliseconds(value: float) -> str:
    return quantity(value, "ms", decimals=1)


def _size(count: int) -> str:
    return quantity(count / 1e6, "MB", decimals=1) if count >= 1e6 else quantity(count / 1e3, "kB", decimals=0)
