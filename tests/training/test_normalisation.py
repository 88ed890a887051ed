import datetime as dt
from typing import Any

import numpy as np
import pytest
import torch

from windrow.climatology import Climatology, calendar_rows
from windrow.errors import UserError
from windrow.grid import grid_of_rows
from windrow.stages import Layout
from windrow.training.normalisation import Normalisation

STATISTICS = {"variables": {"2t": {"mean": 280.0, "std": 4.0}, "tcc": {"mean": 0.5, "std": 0.25}}}
NAMES = ("2t", "tcc")
GRID: Any = {"grid": grid_of_rows([0.0], [0.0, 1.0, 2.0]), "attributes": {}}


def layout(**other: Any) -> Layout:
    given = {
        "origin": dt.datetime(2007, 1, 31, 22),
        "step_hours": 1,
        "block_steps": 10,
        "variables": NAMES,
        "ny": 1,
        "nx": 3,
    }
    return Layout(**(given | other))


def test_fields_lose_the_mean_and_are_divided_by_the_standard_deviation() -> None:
    normalise = Normalisation(STATISTICS, NAMES)
    fields = torch.tensor([284.0, 0.25]).reshape(1, 1, 2, 1, 1)
    assert normalise(fields, torch.zeros(1, 1, dtype=torch.long)).flatten().tolist() == [1.0, -1.0]


def test_rows_run_over_months_and_hours() -> None:
    rows = calendar_rows(np.array([0, 3]), 4, layout())
    assert rows.tolist() == [[22, 23, 24, 25], [25, 26, 27, 28]]
    assert calendar_rows(np.array([0]), 3, layout(step_hours=6, origin=dt.datetime(2007, 12, 31))).tolist() == [
        [44, 45, 46]
    ]


def test_departures_from_climatology_use_the_mean_of_month_hour_and_point() -> None:
    means = np.arange(24 * 2 * 3, dtype=np.float32).reshape(1, 24, 2, 1, 3)
    climatology = Climatology(months=(1,), hours=tuple(range(24)), variables=NAMES, means=means, **GRID)
    table = climatology.table(NAMES)
    assert table.shape == (288, 2, 1, 3)
    assert np.isnan(table[24:]).all()
    normalise = Normalisation(STATISTICS, NAMES, torch.from_numpy(table))
    rows = torch.tensor([[5]])
    fields = torch.from_numpy(means[:, 5:6]) + torch.tensor([4.0, 0.25])[:, None, None]
    torch.testing.assert_close(normalise(fields, rows), torch.ones(1, 1, 2, 1, 3))


@pytest.mark.parametrize("with_table", [False, True])
def test_inverse_brings_the_targets_back(with_table: bool) -> None:
    table = torch.randn(288, 2, 3, 4) if with_table else None
    normalise = Normalisation(STATISTICS, NAMES, table)
    fields, rows = torch.randn(5, 6, 2, 3, 4), torch.randint(0, 288, (5, 6))
    back = normalise.inverse(normalise(fields, rows)[:, :, [1]], rows, [1])
    torch.testing.assert_close(back, fields[:, :, [1]])


def test_a_variable_without_statistics_is_refused() -> None:
    with pytest.raises(UserError, match=r"statistics\.json has no t850"):
        Normalisation(STATISTICS, ("2t", "t850"))
