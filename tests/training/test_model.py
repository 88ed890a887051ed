import datetime as dt
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.training.made import (
    INPUT_STEPS,
    LENGTH,
    NX,
    NY,
    STATISTICS,
    TARGET_STEPS,
    physical,
    settings,
    surroundings,
)
from windrow.config import Sequences
from windrow.stages import Train
from windrow.training.calendar import calendar
from windrow.training.model import ForecastModel, empty_surroundings, normalised_differences

ROWS = torch.arange(LENGTH).expand(2, -1)
TIMES = torch.from_numpy(calendar(np.array([0, 5]), LENGTH, settings("direct").layout))


class Zero(nn.Module):
    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.clone())
        return x.new_zeros(len(x), self.outputs, *x.shape[2:])


def table() -> np.ndarray:
    """A climatology (row, variable, y, x) that differs everywhere."""
    return np.random.default_rng(4).normal(size=(288, 2, NY, NX)).astype(np.float32)


def model_of(its: Train, network: nn.Module | None = None, **given: Any) -> ForecastModel:
    made = ForecastModel(its, surroundings(its, **given))
    if network is not None:
        made.strategy.network = network
    return made


def test_differences_are_in_deviations_of_the_variable() -> None:
    mean, std = normalised_differences(STATISTICS, ("tcc", "2t"))
    assert mean == pytest.approx([-0.2, 0.1])
    assert std == pytest.approx([0.5, 0.5])


def test_a_network_that_says_nothing_gives_the_mean() -> None:
    model = model_of(settings("direct", targets=["tcc", "2t"]), Zero(2 * TARGET_STEPS))
    found = model.forecast(physical(2, INPUT_STEPS), ROWS, TIMES)
    assert found.features == ("tcc", "2t")
    assert found.dimensions == ("window", "time", "variable", "y", "x")
    expected = torch.tensor([0.5, 280.0])[:, None, None].expand(2, TARGET_STEPS, 2, NY, NX)
    torch.testing.assert_close(found.tensor, expected)


def test_with_anomalies_it_gives_the_climatology_of_the_hours_to_come() -> None:
    its = settings({"name": "direct", "anomaly": True}, targets=["tcc"])
    means = table()
    model = model_of(its, Zero(TARGET_STEPS), table=means)
    found = model.forecast(physical(2, INPUT_STEPS), ROWS + torch.tensor([[0], [30]]), TIMES)
    rows = np.array([[3, 4, 5, 6], [33, 34, 35, 36]])
    np.testing.assert_allclose(found.tensor.numpy(), means[rows][:, :, 1:], rtol=1e-6)


def test_with_anomalies_a_change_is_one_of_the_departure() -> None:
    its = settings({"name": "diff_ar", "anomaly": True, "history": 1})
    means = table()
    fields = physical(2, INPUT_STEPS)
    found = model_of(its, Zero(2), table=means).forecast(fields, ROWS, TIMES).tensor.numpy()
    departure = fields[:, -1, :1].numpy() - means[2, :1]
    for lead in range(TARGET_STEPS):
        np.testing.assert_allclose(found[:, lead], means[3 + lead, :1] + departure, rtol=1e-5)


def test_a_scaled_change_is_one_of_the_mean_difference_in_physical_units() -> None:
    fields = physical(2, INPUT_STEPS)
    model = model_of(settings("scaled_ar", targets=["2t", "tcc"]), Zero(2))
    found = model.forecast(fields, ROWS, TIMES).tensor
    steps = torch.arange(1.0, TARGET_STEPS + 1)[:, None, None, None]
    change = torch.tensor([0.4, -0.05])[:, None, None]
    torch.testing.assert_close(found, fields[:, -1:] + steps * change)


def test_forecasts_need_no_truth_but_on_the_boundary() -> None:
    fields = physical(2)
    free = model_of(settings("diff_ar"), Zero(2))
    assert not free.needs_truth
    known = free.forecast(fields[:, :INPUT_STEPS], ROWS, TIMES).tensor
    torch.testing.assert_close(free.forecast(fields, ROWS, TIMES).tensor, known)
    bounded = model_of(settings({"name": "diff_ar", "boundary_width": 1}), Zero(2))
    assert bounded.needs_truth
    found = bounded.forecast(fields, ROWS, TIMES).tensor
    torch.testing.assert_close(found[..., 0, :], fields[:, INPUT_STEPS:, :1, 0])
    torch.testing.assert_close(found[..., 1:-1, 1:-1], known[..., 1:-1, 1:-1])


def test_the_network_sees_normalised_fields_forcings_of_its_time_and_statics() -> None:
    inputs = {"forcings": ["hour"], "statics": ["z", "boundary"]}
    its = settings({"name": "diff_ar", "history": 1, "boundary_width": 1}, inputs=inputs)
    network = Zero(2)
    fields = physical(2)
    model_of(its, network).forecast(fields, ROWS, TIMES)
    seen = network.seen[0]
    assert seen.shape == (2, 2 + 2 + 2, NY, NX)
    torch.testing.assert_close(seen[:, 0], (fields[:, 2, 0] - 280) / 4)
    torch.testing.assert_close(seen[:, 1], (fields[:, 2, 1] - 0.5) / 0.25)
    for window, hour in enumerate((3, 8)):
        angle = torch.tensor(2 * np.pi * hour / 24)
        expected = torch.stack([torch.sin(angle), torch.cos(angle)]).float()
        torch.testing.assert_close(seen[window, 2:4, 0, 0], expected, atol=1e-6, rtol=0)
    heights = torch.arange(20.0).reshape(NY, NX)
    torch.testing.assert_close(seen[0, 4], (heights - 9.5) / heights.std(correction=0))
    assert seen[0, 5].tolist() == [[1] * 5, [1, 0, 0, 0, 1], [1, 0, 0, 0, 1], [1] * 5]


def test_fields_before_the_window_are_given_too() -> None:
    its = settings({"name": "diff_ar", "history": 5})
    its = its.model_copy(update={"sequences": Sequences(input_steps=3, target_steps=4, lookback_steps=2)})
    network = Zero(2)
    fields = physical(2, 5 + TARGET_STEPS)
    rows = torch.zeros(2, 9, dtype=torch.long)
    found = model_of(its, network).forecast(fields[:, :5], rows, torch.zeros(2, 9, 8))
    assert network.seen[0].shape[1] == 5 * 2
    torch.testing.assert_close(found.tensor, fields[:, 4:5, :1].expand(-1, TARGET_STEPS, -1, -1, -1))


def test_all_that_a_trained_model_needs_comes_with_its_weights() -> None:
    inputs = {"forcings": ["solar_zenith", "day_of_year"], "statics": ["z", "latitude"]}
    its = settings({"name": "scaled_ar", "anomaly": True}, inputs=inputs)
    model = model_of(its, table=table())
    weights = model.state_dict()
    again = ForecastModel(its, empty_surroundings(its, STATISTICS, weights))
    again.load_state_dict(weights, strict=True)
    times = torch.from_numpy(
        calendar(np.array([0, 5]), LENGTH, its.layout.model_copy(update={"origin": dt.datetime(2007, 6, 1)}))
    )
    given = physical(2, INPUT_STEPS), ROWS, times
    assert again.forecast(*given).tensor.equal(model.forecast(*given).tensor)
