"""What the observers of the training leave to the report."""

from typing import Any

from windrow.report.observed import error_maps, spread, state_errors


def test_the_error_of_each_lead_time_is_drawn_with_its_bias(world: Any) -> None:
    group = state_errors(world.history, {"2t": "K"}, step_hours=6)
    assert group
    rows = group.charts[0].spec["data"]["values"]
    assert [(row["x"], row["y"]) for row in rows if row["series"] == "RMSE"] == [(6, 3), (12, 4), (18, 6)]
    assert [row["y"] for row in rows if row["series"] == "bias"] == [0.1, 0.2, -0.3]


def test_a_block_is_as_large_as_its_points() -> None:
    # Blocks of 3 x 3 points over 4 x 5: the last row and the last two columns have blocks of their own.
    assert spread([[1.0, 2.0], [3.0, 4.0]], 3, (4, 5)).tolist() == [*[[1, 1, 1, 2, 2]] * 3, [3, 3, 3, 4, 4]]


def test_the_map_of_the_errors_is_one_picture(world: Any) -> None:
    (viewer,) = error_maps(world.history, {"2t": "K"}, {"2t": "T"}, shape=(4, 5))
    assert viewer.panels[0].high == 4.0
    assert "from 1 to 4 K" in viewer.alt
    assert viewer.cases == ("all windows",)


def test_a_training_without_observers_shows_none(world: Any) -> None:
    old = {name: value for name, value in world.history.items() if name != "observers"}
    for history in (old, world.history | {"observers": {}}):
        assert state_errors(history, {"2t": "K"}, step_hours=1) is None
        assert error_maps(history, {"2t": "K"}, {"2t": "T"}, shape=(4, 5)) == []
    assert state_errors(world.history, {"tcc": "1"}, step_hours=1) is None
