import io
import time
from typing import Any

import pytest

from windrow.progress import bar, telling


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((0, 10, 3600.0, "epoch 1"), "[------------------------------] 0 %, epoch 1, 1:00:00 left"),
        ((5, 10, 750.4, "epoch 3"), "[###############---------------] 50 %, epoch 3, 0:12:30 left"),
        ((199, 200, 0.6, "epoch 20"), "[#############################-] 99 %, epoch 20, 0:00:01 left"),
        ((10, 10, 0.0), "[##############################] 100 %, 0:00:00 left"),
        ((1, 3, 100 * 3600 + 59.0), "[##########--------------------] 33 %, 100:00:59 left"),
    ],
)
def test_the_bar_says_how_far_it_is_and_what_is_left(given: tuple[Any, ...], expected: str) -> None:
    assert bar(*given) == expected


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_every_so_many_seconds(clock: list[float]) -> None:
    log = io.StringIO()
    for result in telling("abcdefgh", 8, seconds=5.0, stream=log):
        assert result in "abcdefgh"
        clock[0] += 2.0  # a part takes 2 s, so that a line is due after the third and the sixth
    assert log.getvalue().splitlines() == [bar(3, 8, 10.0), bar(6, 8, 4.0)]


def test_a_terminal_has_one_line_that_changes(clock: list[float]) -> None:
    terminal = Terminal()
    for _ in telling(range(2), 2, stream=terminal):
        clock[0] += 1.0
    assert terminal.getvalue() == f"\r{bar(1, 2, 1.0)}\r{bar(2, 2, 0.0)}\n"


def test_a_terminal_s_line_is_ended_before_a_failure_is_told() -> None:
    terminal = Terminal()
    with pytest.raises(ZeroDivisionError):
        list(telling((1 // (2 - number) for number in range(3)), 3, stream=terminal))
    assert terminal.getvalue().endswith("left\n")
