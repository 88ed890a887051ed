"""The curves of the training."""

from typing import Any

from windrow.report.history import duration, errors, losses, throughput


def test_the_epoch_that_was_kept_is_named_from_one(world: Any) -> None:
    (chart,) = losses(world.history).charts
    assert "The lowest validation loss, 0.4, is that of epoch 2, whose weights were kept." in chart.alt
    rows = chart.spec["data"]["values"]
    assert [row for row in rows if row["series"] == "kept"] == [{"series": "kept", "x": 2, "y": 0.4}]
    assert [row["y"] for row in rows if row["series"] == "training"] == [0.9, 0.5, 0.3]


def test_errors_are_told_over_all_lead_times_and_at_the_first_and_last(world: Any) -> None:
    group = errors(world.history, {"2t": "K"}, step_hours=6)
    assert group
    # The root of (9 + 16 + 25) / 3 is 4.08, that of (9 + 16 + 49) / 3 is 4.97.
    assert group.charts[0].alt == (
        "Lines of the validation RMSE of 2t over 3 epochs: all lead times from 4.08 to 4.97; 6 h from 3 to 3; "
        "18 h from 5 to 7."
    )
    assert [key.name for key in group.keys] == ["all lead times", "6 h", "18 h"]


def test_one_lead_time_is_one_line(world: Any) -> None:
    history = world.history | {
        "epochs": [line | {"validation_rmse": {"2t": [2.0]}} for line in world.history["epochs"]]
    }
    group = errors(history, {"2t": "K"}, step_hours=1)
    assert group
    assert "over 3 epochs: all lead times from 2 to 2." in group.charts[0].alt


def test_the_speed_is_windows_per_second(world: Any) -> None:
    (chart,) = throughput(world.history).charts
    assert [row["y"] for row in chart.spec["data"]["values"]] == [13.3333] * 3


def test_durations_have_a_fitting_unit() -> None:
    assert [duration(seconds).replace("\N{NO-BREAK SPACE}", " ") for seconds in (45, 720, 12240)] == [
        "45 s",
        "12 min",
        "3.4 h",
    ]
