import math
from typing import Any

import pytest
import torch

from windrow.errors import UserError
from windrow.training.loss_weights import counted_variables, loss_weights, pressure_hpa
from windrow.training.losses import Weights
from windrow.training_settings import LossWeights

LATITUDE = torch.deg2rad(torch.tensor([[0.0, 0.0], [60.0, 60.0]]))
DIFFERENCES = {"2t": 0.5, "t850": 0.25, "tcc": 1.0}


def made(*names: str, leads: int = 3, **settings: Any) -> Weights:
    return loss_weights(
        LossWeights.model_validate(settings),
        names or ("2t", "t850"),
        leads=leads,
        latitude=LATITUDE,
        difference_std=DIFFERENCES,
    )


def test_without_settings_all_count_alike() -> None:
    found = made()
    assert found.leads.tolist() == [1, 1, 1]
    assert found.variables.tolist() == [1, 1]
    assert found.points.tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"variables": {"2t": 3.0, "t850": 1.0}}, [1.5, 0.5]),
        ({"level": True}, [2000 / 1850, 1700 / 1850]),
        ({"diff_variance": True}, [2 * 4 / 20, 2 * 16 / 20]),
        ({"variables": {"2t": 4.0, "t850": 1.0}, "diff_variance": True}, [1.0, 1.0]),
    ],
)
def test_variables_count_by_factor_level_and_variance(settings: dict[str, Any], expected: list[float]) -> None:
    assert made(**settings).variables.tolist() == pytest.approx(expected)


def test_a_variable_without_a_factor_of_its_own_has_the_factor_1() -> None:
    assert made("2t", "tcc", variables={"tcc": 3}).variables.tolist() == [0.5, 1.5]


def test_points_count_by_the_cosine_of_their_latitude() -> None:
    found = made(area=True).points
    torch.testing.assert_close(found, torch.tensor([[4 / 3, 4 / 3], [2 / 3, 2 / 3]]))


def test_lead_times_count_by_a_power() -> None:
    assert made(lead_time=0.5).leads.tolist() == pytest.approx([12 / 7, 6 / 7, 3 / 7])
    assert made(lead_time=2.0).leads.tolist() == pytest.approx([3 / 7, 6 / 7, 12 / 7])


def test_all_kinds_have_the_mean_one() -> None:
    found = made(
        variables={"2t": 0.2, "t850": 7}, level=True, area=True, diff_variance=True, lead_time=0.9, leads=12
    )
    for values in (found.leads, found.variables, found.points):
        assert values.dtype == torch.float32
        assert values.mean().item() == pytest.approx(1)
        assert values.min() > 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("t850", 850),
        ("vo50", 50),
        ("q1", 1),
        ("2t", 1000),
        ("10u", 1000),
        ("tcc", 1000),
        ("stl1", 1000),
        ("swvl4", 1000),
        ("tco3", 1000),
    ],
)
def test_the_level_of_a_variable_stands_in_its_name(name: str, expected: float) -> None:
    assert pressure_hpa(name) == expected


def test_variables_with_a_factor_are_in_the_loss_or_else_the_targets() -> None:
    assert counted_variables(LossWeights(), ("2t",)) == ("2t",)
    assert counted_variables(LossWeights(variables={"tcc": 1, "t850": 2}), ("2t",)) == ("tcc", "t850")


def test_a_variable_that_never_changes_cannot_count_by_its_changes() -> None:
    settings = LossWeights(diff_variance=True)
    with pytest.raises(
        UserError, match=r"z never changes over the training split; set training\.loss_weights\.diff"
    ):
        loss_weights(settings, ("z",), leads=1, latitude=LATITUDE, difference_std={"z": 0.0})


def test_a_global_grid_weighs_its_poles_by_almost_nothing() -> None:
    latitude = torch.linspace(-math.pi / 2, math.pi / 2, 19)[:, None].expand(19, 4)
    found = loss_weights(LossWeights(area=True), ("2t",), leads=1, latitude=latitude, difference_std={})
    assert found.points[0].abs().max() < 1e-6
    assert found.points.mean().item() == pytest.approx(1)
