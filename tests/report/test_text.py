import numpy as np
import pytest

from windrow.report.text import (
    decimals,
    enumeration,
    hours,
    moment,
    number,
    percent,
    region,
    scientific,
    score_units,
)

SPACE = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


def test_a_typical_value_gets_three_digits() -> None:
    assert decimals([0.3, 3.7, 15.0]) == 2
    assert decimals([0.051, 0.049]) == 4
    assert decimals([20000.0]) == 0
    assert decimals([0.0]) == 2


def test_numbers_have_a_true_minus_sign_and_zero_has_none() -> None:
    assert number(-1.5, decimals=2) == f"{MINUS}1.50"
    assert number(1.5, decimals=1, signed=True) == "+1.5"
    assert number(-0.004, decimals=2, signed=True) == "0.00"


def test_percent_says_its_sign() -> None:
    assert [percent(share) for share in (0.184, -0.5, 0.004)] == ["+18", f"{MINUS}50", "±0"]


def test_small_numbers_are_told_by_their_power_of_ten() -> None:
    found = [scientific(value).replace(SPACE, " ") for value in (1.24e-6, 1e-4, 0.0, 3.2e5)]
    assert found == ["1.2 × 10⁻⁶", "1.0 × 10⁻⁴", "0", "3.2 × 10⁵"]


def test_the_mean_squared_error_has_squared_units() -> None:
    assert score_units("mse", "K") == "K²"
    assert score_units("mse", "m s**-1") == "(m s**-1)²"
    assert score_units("mse", "(0 - 1)") == ""
    assert score_units("rmse", "K") == "K"


def test_lead_times_are_joined_where_they_are_neighbours() -> None:
    found = hours([3, 6, 12, 24, 36], among=[3, 6, 9, 12, 18, 24, 36])
    assert found.replace(SPACE, " ") == "3–6 h, 12 h and 24–36 h"


@pytest.mark.parametrize(
    ("parts", "text"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_enumeration(parts: list[str], text: str) -> None:
    assert enumeration(parts) == text


def test_times_and_places_read_naturally() -> None:
    assert moment(np.datetime64("2019-03-07T11:00")).replace(SPACE, " ") == "7 March 2019, 11:00 UTC"
    found = region(-48.0, 51.0, 350.0, 359.0)
    assert found.replace(SPACE, " ") == "48.0° S – 51.0° N, 10.0° W – 1.0° W"
