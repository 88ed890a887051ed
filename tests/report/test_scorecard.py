"""Cells of the scorecard."""

import numpy as np
import xarray as xr

from windrow.report.scorecard import Mark, line_of

MINUS = "\N{MINUS SIGN}"


def marks(score: str, *cells: tuple[float, float, int, float]) -> tuple[Mark, ...]:
    """Of cells of a value, the reference's value, a verdict and a p-value."""
    columns = zip(*cells, strict=True)
    names = ("value", "reference_value", "verdict", "p")
    found = xr.Dataset({name: ("lead_time", np.array(one)) for name, one in zip(names, columns, strict=True)})
    return line_of(found, score=score).marks


def test_a_smaller_error_is_better_by_its_share() -> None:
    better, worse, alike = marks("mse", (1.0, 4.0, 1, 1e-5), (6.0, 4.0, 0, 0.4), (4.0, 4.0, 0, 1.0))
    assert (better.text, better.kind) == ("▲+75", "sure-better")
    assert better.words == "better, significant, p below 0.001"
    assert (worse.text, worse.kind, worse.words) == (f"{MINUS}50", "worse", "worse, not significant, p = 0.4")
    assert (alike.text, alike.kind) == ("±0", "alike")


def test_a_correlation_is_better_by_its_share_of_the_way_to_one() -> None:
    better, worse = marks("acc", (0.95, 0.9, 1, 0.01), (0.8, 0.9, -1, 0.01))
    assert (better.text, better.kind) == ("▲+50", "sure-better")
    assert (worse.text, worse.kind) == (f"▼{MINUS}100", "sure-worse")


def test_a_score_without_a_best_value_is_better_by_its_share() -> None:
    (better,) = marks("psnr", (33.0, 30.0, 0, float("nan")))
    assert (better.text, better.words) == ("+10", "better, not significant")


def test_what_is_no_number_is_a_dash() -> None:
    (none,) = marks("mse", (float("nan"), 4.0, 0, float("nan")))
    assert (none.text, none.words, none.kind) == ("–", "no value", "none")
    (perfect,) = marks("mse", (1.0, 0.0, 0, float("nan")))
    assert perfect.text == "?"
