from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import uniform_filter

from windrow.verification.thresholds import (
    COUNTS,
    Threshold,
    equitable_threat_score,
    fractions_skill_score,
    frequency_bias,
    threshold_scores,
)

Fields = npt.NDArray[np.float32]
UPPER, LOWER = Threshold(0.75, 5.0), Threshold(0.25, 2.0)


def scores(forecast: Any, truth: Any, *, threshold: Threshold = UPPER, sides: tuple[int, ...] = (1,)) -> Any:
    """Of one sample."""
    fields = [np.asarray(each, dtype=np.float32)[None, None] for each in (forecast, truth)]
    found = threshold_scores([fields[0]], fields[1], thresholds=(threshold,), neighbourhoods=sides)
    return {name: values.squeeze() for name, values in found.items()}


def table(found: Any) -> list[int]:
    return [int(found[name]) for name in COUNTS]


def made(seed: int, inits: int = 3, leads: int = 2, shape: tuple[int, int] = (11, 14)) -> Fields:
    return np.random.default_rng(seed).uniform(0, 8, (inits, leads, *shape)).astype(np.float32)


def test_a_worked_table_of_an_event_above_and_of_one_below() -> None:
    truth = [[5.0, 6.0, 1.0], [2.0, 3.0, 9.0]]
    forecast = [[7.0, 4.0, 5.0], [1.0, 2.0, 8.0]]
    assert table(scores(forecast, truth)) == [2, 1, 1, 2]
    assert table(scores(forecast, truth, threshold=LOWER)) == [1, 1, 1, 3]
    assert (UPPER.event, LOWER.event) == ("at or above", "at or below")


@pytest.mark.parametrize("place", [0.25, 0.75])
def test_a_threshold_between_two_neighbouring_numbers_keeps_them_apart(place: float) -> None:
    low = np.float32(280)
    both = np.array([[low, np.nextafter(low, np.float32(300))]])
    value = float(both[0, 0]) + place * (float(both[0, 1]) - float(both[0, 0]))
    assert Threshold(0.4, value).holds(both).tolist() == [[1, 0]]
    assert Threshold(0.6, value).holds(both).tolist() == [[0, 1]]


def test_points_without_a_value_in_either_are_in_no_count_and_their_sample_has_no_fractions() -> None:
    truth = [[5.0, np.nan, 1.0], [2.0, 3.0, 9.0]]
    forecast = [[7.0, 9.0, np.nan], [1.0, 2.0, 8.0]]
    found = scores(forecast, truth)
    assert table(found) == [2, 0, 0, 2]
    assert np.isnan([found["fss_error"], found["fss_reference"]]).all()


def test_other_samples_keep_their_fractions_where_one_has_none() -> None:
    forecast, truth = made(0), made(1)
    whole = threshold_scores([forecast, truth], truth, thresholds=(UPPER,), neighbourhoods=(3,))
    forecast = forecast.copy()
    forecast[1, 0, 0, 0] = np.nan
    found = threshold_scores([forecast, truth], truth, thresholds=(UPPER,), neighbourhoods=(3,))
    assert np.isnan(found["fss_error"]).sum() == 1
    np.testing.assert_array_equal(found["fss_error"][1], whole["fss_error"][1])
    assert found["hits"].sum() >= whole["hits"].sum() - 1


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 9, 11])
def test_fractions_are_those_of_a_moving_mean_over_neighbourhoods_inside_the_domain(side: int) -> None:
    forecast, truth = made(2), made(3)
    found = threshold_scores([forecast], truth, thresholds=(LOWER, UPPER), neighbourhoods=(side,))
    inner = (slice(None), slice(None), *[slice(side // 2, size - (side - 1) // 2) for size in truth.shape[-2:]])
    for place, event in enumerate((np.less_equal, np.greater_equal)):
        threshold = (LOWER, UPPER)[place].value
        f, o = (
            uniform_filter(event(each, threshold).astype(np.float64), (1, 1, side, side))[inner]
            for each in (forecast, truth)
        )
        for name, expected in (("fss_error", (f - o) ** 2), ("fss_reference", f**2 + o**2)):
            np.testing.assert_allclose(
                found[name][0, place, 0], expected.mean(axis=(-2, -1)), rtol=1e-9, atol=1e-12
            )


def test_large_neighbourhoods_of_a_large_domain_are_counted_exactly() -> None:
    everywhere = np.full((1, 1, 90, 100), 9.0, dtype=np.float32)
    found = threshold_scores([everywhere], everywhere, thresholds=(UPPER,), neighbourhoods=(15, 17))
    np.testing.assert_array_equal(found["fss_reference"], 2.0)
    np.testing.assert_array_equal(found["fss_error"], 0.0)


def test_an_event_in_the_wrong_place_gains_skill_with_the_neighbourhood() -> None:
    truth, forecast = np.zeros((15, 15)), np.zeros((15, 15))
    truth[7, 7], forecast[7, 8] = 9.0, 9.0
    found = scores(forecast, truth, sides=(1, 3, 5))
    # each is in n² squares, both are in n (n - 1) of them: 1 - 2 n / (2 n²) = 1 - 1 / n
    expected = [0, 1 - 1 / 3, 1 - 1 / 5]
    assert fractions_skill_score(found["fss_error"], found["fss_reference"]).tolist() == pytest.approx(expected)


def test_a_neighbourhood_larger_than_the_domain_has_no_fractions() -> None:
    found = scores(np.zeros((4, 9)), np.zeros((4, 9)), sides=(4, 5))
    assert np.isnan(found["fss_error"]).tolist() == [False, True]


def test_scores_of_a_sample_do_not_depend_on_the_others() -> None:
    forecasts, truth = [made(4, 7), made(5, 7)], made(6, 7)
    options: Any = {"thresholds": (LOWER, UPPER), "neighbourhoods": (1, 3)}
    whole = threshold_scores(forecasts, truth, **options)
    part = threshold_scores([each[2:3, 1:] for each in forecasts], truth[2:3, 1:], **options)
    for name, values in part.items():
        np.testing.assert_array_equal(values, whole[name][..., 2:3, 1:])
    assert whole["hits"].shape == (2, 2, 7, 2)
    assert whole["fss_error"].shape == (2, 2, 2, 7, 2)
    assert whole["hits"].dtype == np.int32


def test_many_samples_are_scored_block_by_block_alike() -> None:
    forecast, truth = made(7, 40, 1, (64, 80)), made(8, 40, 1, (64, 80))
    found = threshold_scores([forecast], truth, thresholds=(UPPER,), neighbourhoods=(1,))
    assert found["hits"].sum() == ((forecast >= 5) & (truth >= 5)).sum()
    assert found["correct_negatives"].sum() == ((forecast < 5) & (truth < 5)).sum()


def test_a_truth_without_values_has_no_threshold_and_no_event() -> None:
    found = scores(np.zeros((3, 3)), np.full((3, 3), np.nan), threshold=Threshold(0.5, np.nan))
    assert table(found) == [0, 0, 0, 0]


def test_scores_of_finleys_tornadoes_are_the_published_ones() -> None:
    # Finley (1884): bias 100 / 51; by chance 100 · 51 / 2803 = 1.82 hits, so (28 - 1.82) / (123 - 1.82)
    hits, misses, false_alarms, correct_negatives = (np.array(count) for count in (28, 23, 72, 2680))
    assert float(frequency_bias(hits, misses, false_alarms)) == pytest.approx(1.96, abs=0.005)
    found = equitable_threat_score(hits, misses, false_alarms, correct_negatives)
    assert float(found) == pytest.approx(0.216, abs=0.0005)


def test_a_perfect_forecast_has_the_best_scores() -> None:
    found = scores([[9.0, 0.0], [0.0, 0.0]], [[9.0, 0.0], [0.0, 0.0]])
    hits, misses, false_alarms, rest = (found[name] for name in COUNTS)
    assert float(frequency_bias(hits, misses, false_alarms)) == 1
    assert float(equitable_threat_score(hits, misses, false_alarms, rest)) == 1
    assert float(fractions_skill_score(found["fss_error"], found["fss_reference"])) == 1


def test_without_an_event_there_is_no_score() -> None:
    zero, points = np.array(0), np.array(10)
    assert np.isnan(frequency_bias(zero, zero, zero))
    assert np.isnan(equitable_threat_score(zero, zero, zero, points))
    assert np.isnan(equitable_threat_score(points, zero, zero, zero))
    assert np.isnan(fractions_skill_score(zero, zero))


def test_sums_of_many_samples_do_not_overflow() -> None:
    large = np.full(4, 2**30, dtype=np.int32)
    assert equitable_threat_score(large, large, large, large)[0] == pytest.approx(0)
    assert frequency_bias(large, large, large)[0] == 1
