"""The benchmark's pure helpers; it is never timed here."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import xarray as xr

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def loaded(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tables() -> Iterator[ModuleType]:
    yield loaded("tables")
    sys.modules.pop("tables")


@pytest.fixture(scope="module")
def training_tables(tables: ModuleType) -> Iterator[ModuleType]:
    yield loaded("training_tables")
    sys.modules.pop("training_tables")


@pytest.fixture(scope="module")
def check_scores() -> Iterator[ModuleType]:
    yield loaded("check_scores")
    sys.modules.pop("check_scores")


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


def test_the_memory_of_each_task_is_told_and_the_largest_is_judged(tables: ModuleType) -> None:
    peaks = {"a month": [200_000_000, 300_000_000], "a year": [1_240_000_000], "a decade": []}
    assert tables.peaks_told(peaks, 1.0) == "0.30 GB for a month, 1.24 GB for a year; ≤ 1 GB, **missed**"
    assert tables.peaks_told(peaks, 2.0).endswith("≤ 2 GB, reached")


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


@pytest.mark.parametrize("name", ["data", "verification", "training"])
def test_the_readme_has_a_place_for_the_tables(tables: ModuleType, name: str) -> None:
    assert "new" in tables.put_between((BENCHMARKS / "README.md").read_text(encoding="utf-8"), name, "new")


def test_loops_are_compared_turn_by_turn(training_tables: ModuleType) -> None:
    told = {
        "lightning": [2.2, 1.0, 1.1],
        "bare": [2.0, 1.0, 1.0],
        "wait": [0.0, 0.05, 0.1],
        "fixed": [1.9, 1.0, 0.9],
    }
    found = {("convlstm", "cpu"): told}
    # ratios 1.1, 1.0, 1.1; waits of 0, 5 and 10 %; speeds .95, 1, .9
    assert (
        training_tables.loops_table(found)
        .splitlines()[-1]
        .endswith("| 1.10 s | 1.00 s | 1.100 × | ≤ 1.05 ×, **missed** |")
    )
    assert (
        training_tables.loader_table(found)
        .splitlines()[-1]
        .endswith("| 50.0 ms | 5.00 % | ≤ 2 %, **missed** | 0.950 × | ≥ 0.97 ×, **missed** |")
    )


def test_communication_is_what_steps_take_longer_than_silent_ones(training_tables: ModuleType) -> None:
    def told(seconds: float, silent: list[float]) -> dict[str, object]:
        return {"seconds": [seconds] * 3, "silent": silent, "windows": 8}

    found = {("x", 1, 1): told(4.0, []), ("x", 2, 1): told(2.5, [2.0, 2.0])}
    rows = training_tables.processes_table(found).splitlines()[-2:]
    assert rows[0] == "| `x`, 1 × 1 | 8 | 4.00 s | 2.00 | 1.00 × |  |  |"
    assert rows[1] == "| `x`, 2 × 1 | 8 | 2.50 s | 3.20 | 1.60 × | 2.00 s | 500 ms |"


def test_a_network_is_told_with_its_share_of_the_peak_and_one_that_is_missing_with_why(
    training_tables: ModuleType,
) -> None:
    made = training_tables.Model(
        "unet",
        "cpu",
        strategy="direct",
        parameters=1234,
        rate=10.0,
        flop=2e9,
        peak_speed=1e11,
        peak_bytes=500_000_000,
    )
    missing = training_tables.Model("mfai", "cpu", missing="is not installed")
    rows = training_tables.models_table([made, missing]).splitlines()[-2:]
    assert rows[0] == "| `unet`, `direct`, CPU, fp32 | 1,234 | 2.00 GFLOP | 10.0 | 20 GFLOP/s | 20 % | 500 MB |"
    assert rows[1] == "| `mfai` is not installed |  |  |  |  |  |  |"


def test_the_papers_training_is_extrapolated_from_its_network_alone(training_tables: ModuleType) -> None:
    models = [training_tables.Model(name, "cpu", rate=1000.0) for name in ("unet", "convlstm")]
    (line,) = training_tables.with_published(models)
    assert "CPU, fp32: 31.0 min (1000 samples/s)." in line  # 1.86 million samples
    assert training_tables.with_published(models[:1]) == []


CONDITION = {"condition": [280.5, 281.5]}


@pytest.fixture
def scores() -> xr.Dataset:
    values: dict[str, Any] = {
        "mse": ("init_time", [1.0, 2.0, np.nan]),
        "hits": ("init_time", [4, 5, 6]),
        "coherence": ("wavenumber_bin", [0.9, 0.1]),
        "conditional_truth": ("condition", [280.5, 281.4]),
        "conditional_count_forecast": ("condition", [9000.0, 3.0]),
        "units": ("variable", ["K"]),
    }
    return xr.Dataset(values, coords=CONDITION)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("mse", ("init_time", [1.00001, 2.0, np.nan])),
        ("hits", ("init_time", [4, 5, 6])),
        ("coherence", ("wavenumber_bin", [0.9, 0.105])),
        ("conditional_truth", ("condition", [280.6, 300.0])),
        ("units", ("variable", ["K"])),
    ],
)
def test_scores_that_differ_by_rounding_are_the_same(
    check_scores: ModuleType, scores: xr.Dataset, name: str, values: Any
) -> None:
    assert check_scores.compare(scores, xr.Dataset({name: values}, coords=CONDITION)) == []


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("mse", ("init_time", [1.01, 2.0, np.nan]), "differs by up to 0.01 at 2"),
        ("mse", ("init_time", [1.0, 2.0, 3.0]), "not the same values are missing"),
        ("mse", ("init_time", [1.0, 2.0]), "shape (2,) and ours (3,)"),
        ("hits", ("init_time", [4, 5, 7]), "differs by up to 1 at 6"),
        ("coherence", ("wavenumber_bin", [0.9, 0.2]), "differs by up to 0.1 at 0.9"),
        ("conditional_truth", ("condition", [280.9, 281.4]), "differs by up to 0.4 at 280"),
        ("units", ("variable", ["m"]), "not the same"),
        ("rmse", ("init_time", [1.0, 2.0, 3.0]), "ours has none"),
    ],
)
def test_scores_that_differ_are_told(
    check_scores: ModuleType, scores: xr.Dataset, name: str, values: Any, told: str
) -> None:
    theirs = xr.Dataset({name: values}, coords=CONDITION)
    assert check_scores.compare(scores, theirs) == [f"{name}: {told}"]
