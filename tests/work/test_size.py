import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from windrow.config import Config
from windrow.configfile import read_config, validate
from windrow.sequences import split_windows
from windrow.testing import tiny_config
from windrow.work.size import (
    days_of,
    is_on_pressure,
    is_temperature,
    months_of_split,
    size,
    steps_of_month,
    steps_of_split,
    steps_of_year,
    windows_of,
)

ROOT = Path(__file__).parents[2]


def config_of(**changes: Any) -> Config:
    return validate({**tiny_config("archive"), **changes})


def everything(steps: range) -> npt.NDArray[np.bool_]:
    return np.ones(len(steps), dtype=bool)


def test_the_sizes_of_the_sample_are_those_of_its_file() -> None:
    found = size(read_config(ROOT / "config" / "sample.yaml"))
    assert found.points == 40 * 32
    assert found.field_bytes == 5120
    assert found.step_bytes == 3 * 5120
    assert (found.steps_of_day, found.months, found.months_of_year, found.window_steps) == (24, 3, 1, 24)
    assert found.forecasts == 5  # of the experiment and of four baselines
    assert found.climatology_bytes == 24 * 3 * 5120
    assert found.table_bytes == 288 * 5120
    assert (found.pressure_variables, found.temperatures) == (1, 1)
    assert found.read_messages == 2 + 3


def test_february_of_a_leap_year_has_a_day_more() -> None:
    assert steps_of_month(config_of(), "2008", "02") == 696
    assert steps_of_month(config_of(), "2007", "02") == 672


def test_a_year_has_the_months_of_the_period_alone() -> None:
    config = config_of()
    assert steps_of_year(config, "2008") == 744
    gmd = read_config(ROOT / "config" / "gmd2022.yaml")
    assert steps_of_year(gmd, "2008") == 366 * 24


def test_the_papers_test_split_has_as_many_windows_as_the_paper_says() -> None:
    gmd = read_config(ROOT / "config" / "gmd2022.yaml")
    assert windows_of(gmd, "test") == 8440
    assert days_of(gmd.splits.train) == 11 * 365 + 2  # 2008 and 2012 are leap years
    assert months_of_split(gmd, "train") == 11 * 12


@pytest.mark.parametrize("stride", [1, 5])
@pytest.mark.parametrize("within_month", [False, True])
def test_windows_are_as_many_as_the_index_of_samples_finds(stride: int, within_month: bool) -> None:
    days = [["2007-01-01", "2007-01-20"], ["2007-01-21", "2007-01-31"]]
    config = config_of(
        splits={**tiny_config("archive")["splits"], "train": days},
        sequences={"input_steps": 6, "target_steps": 4, "stride": stride, "within_month": within_month},
    )
    origin = dt.datetime(2007, 1, 1)
    options: dict[str, Any] = {"stride": stride, "within_month": within_month}
    found = split_windows(everything, config.splits.train, origin=origin, step_hours=1, length=10, **options)
    assert windows_of(config, "train") == len(found)


def test_steps_of_a_split_include_what_its_windows_look_back_on() -> None:
    config = config_of(sequences={"input_steps": 6, "target_steps": 4, "lookback_steps": 3})
    assert steps_of_split(config, "test") == 744 + 3
    assert size(config).known_steps == 9


def test_variables_are_told_by_their_names() -> None:
    assert [name for name in ("t850", "z50", "q1000", "2t", "10u", "tcc", "stl1") if is_on_pressure(name)] == [
        *("t850", "z50", "q1000")
    ]
    assert [name for name in ("t850", "2t", "tcc", "stl1", "msl", "tp") if is_temperature(name)] == [
        *("t850", "2t", "stl1")
    ]
