"""The curves of the training."""

import re
from typing import Any

from windrow.report.history import error_curve


def test_errors_are_told_over_all_lead_times_and_at_the_first_and_last(world: Any) -> None:
    told = re.search('aria-label="([^"]*)"', error_curve(world.history, "2t", units="K", step_hours=6))
    assert told
    # The root of (9 + 16 + 25) / 3 is 4.08, that of (9 + 16 + 49) / 3 is 4.97.
    assert told[1] == (
        "Lines of the validation RMSE of 2t over 3 epochs: all lead times from 4.08 to 4.97; 6 h from 3 to 3; "
        "18 h from 5 to 7."
    )


def test_one_lead_time_is_one_line(world: Any) -> None:
    history = world.history | {
        "epochs": [line | {"validation_rmse": {"2t": [2.0]}} for line in world.history["epochs"]]
    }
    assert "over 3 epochs: all lead times from 2 to 2." in error_curve(history, "2t", units="K", step_hours=1)
