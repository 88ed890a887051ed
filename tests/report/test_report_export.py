"""The exported network as the report tells it."""

from pathlib import Path
from typing import Any

import pytest

from tests.report.test_report_steps import report_arguments
from windrow import cli
from windrow.files import write_json
from windrow.report.exported import exported

SPACE = "\N{NO-BREAK SPACE}"
COMPARISON = {
    "opset": 20,
    "samples": 20,
    "difference": 3.4e-6,
    "tolerance": 1e-4,
    "torch_ms": 12.345,
    "onnx_ms": 4.5,
    "bytes": 1_720_000,
}


def section(path: Path) -> str:
    """What the page says between the training and the audit."""
    page = (path / "report.html").read_text(encoding="utf-8").replace(SPACE, " ")
    return page.partition('<h2 id="training">')[2].partition('<h2 id="audit">')[0]


def test_the_report_says_how_the_exported_network_compares(world: Any, tmp_path: Path) -> None:
    write_json(tmp_path / "export.json", COMPARISON)
    assert cli.main([*report_arguments(world, tmp_path), "--export", str(tmp_path / "export.json")]) == 0
    found = section(tmp_path)
    assert "Exported network" in found
    for text in ("ONNX, opset 20", "3.4 × 10⁻⁶ of the spread", "20 windows", "above 1.0 × 10⁻⁴", "1.7 MB"):
        assert text in found
    assert "4.5 ms, by PyTorch 12.3 ms" in found


def test_without_an_export_there_is_no_section(world: Any, tmp_path: Path) -> None:
    assert cli.main([*report_arguments(world, tmp_path), "--export"]) == 0  # as the rule says it
    assert "Exported network" not in section(tmp_path)


def test_an_export_that_is_not_there_is_refused(
    world: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*report_arguments(world, tmp_path), "--export", str(tmp_path / "export.json")]) == 2
    assert "export.json is not there" in capsys.readouterr().err


def test_a_small_file_is_told_in_kilobytes() -> None:
    assert exported(COMPARISON | {"bytes": 43_210})["File"].replace(SPACE, " ") == "43 kB"
