"""The benchmark's pure helpers; it is never timed here."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    specification = importlib.util.spec_from_file_location("benchmark_tables", BENCHMARKS / "tables.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_a_table_aligns_its_figures_to_the_right(tables: ModuleType) -> None:
    found = tables.markdown(["", "median"], [["cp", "1.00 s"]])
    assert found == "|  | median |\n| --- | ---: |\n| cp | 1.00 s |"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3.5e-5, "35.0 µs"),
        (0.00128, "1.28 ms"),
        (0.533, "533 ms"),
        (1.0, "1.00 s"),
        (24.34, "24.3 s"),
        (119.0, "119 s"),
        (1158.0, "19.3 min"),
        (7200.0, "2.00 h"),
        (259200.0, "3.00 d"),
    ],
)
def test_a_duration_has_three_digits_and_a_fitting_unit(tables: ModuleType, seconds: float, text: str) -> None:
    assert tables.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0612, "0.0612"), (0.887, "0.887"), (1.5, "1.50"), (65.64, "65.6"), (1234.5, "1234")],
)
def test_a_figure_has_three_digits(tables: ModuleType, value: float, text: str) -> None:
    assert tables.digits(value) == text


@pytest.mark.parametrize(("count", "text"), [(12, "12 B"), (57_400_000_000, "57.4 GB"), (7.1e11, "710 GB")])
def test_bytes_are_told_in_decimal_units(tables: ModuleType, count: float, text: str) -> None:
    assert tables.size(count) == text


def test_the_ratio_is_that_of_the_medians(tables: ModuleType) -> None:
    assert tables.times_faster([1.0, 9.0, 2.0], [10.0, 8.0, 50.0]) == 5.0


def test_the_largest_peak_and_the_whole_spread_are_told(tables: ModuleType) -> None:
    assert tables.megabytes([50_000_000, 71_400_000]) == "71 MB"
    assert tables.spread([2.0, 1.0, 4.0]) == "1.00 s – 4.00 s"


def test_a_target_is_reached_or_missed(tables: ModuleType) -> None:
    assert tables.verdict(25.1, 25.0) == "25 ×, reached"
    assert tables.verdict(0.49, 0.5) == "0.5 ×, **missed**"
    assert tables.verdict(2.0, None) == ""


def test_what_stands_between_the_markers_is_replaced_and_nothing_else(tables: ModuleType) -> None:
    text = "before\n<!-- begin: data -->\nold\n<!-- end: data -->\nafter\n"
    once = tables.put_between(text, "data", r"new \1")
    assert once == "before\n<!-- begin: data -->\nnew \\1\n<!-- end: data -->\nafter\n"
    assert tables.put_between(once, "data", r"new \1") == once


@pytest.mark.parametrize("text", ["", "<!-- begin: data -->", "<!-- end: data --><!-- begin: data -->"])
def test_a_text_without_the_markers_is_refused(tables: ModuleType, text: str) -> None:
    with pytest.raises(ValueError, match="no place for data"):
        tables.put_between(text, "data", "new")


def test_the_readme_has_a_place_for_the_tables(tables: ModuleType) -> None:
    assert "new" in tables.put_between((BENCHMARKS / "README.md").read_text(encoding="utf-8"), "data", "new")
