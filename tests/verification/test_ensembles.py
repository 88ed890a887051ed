import math

import numpy as np
import pytest

from windrow.verification.ensembles import RankHistogram, crps, spread

NAN = np.nan


def ensemble(*values: float) -> np.ndarray:
    """Members at a single point."""
    return np.array(values, dtype=np.float32).reshape(-1, 1, 1)


def point(value: float) -> np.ndarray:
    return np.array([[value]], dtype=np.float32)


def test_crps_of_a_worked_example() -> None:
    # |1-3|, |2-3|, |4-3| have the mean 4/3; the differences 1, 3 and 2, each counted twice, add up to 12
    members, truth = ensemble(4.0, 1.0, 2.0), point(3.0)
    assert crps(members, truth, fair=False)[0, 0] == pytest.approx(4 / 3 - 12 / (2 * 3 * 3), abs=1e-6)
    assert crps(members, truth)[0, 0] == pytest.approx(4 / 3 - 12 / (2 * 3 * 2), abs=1e-6)


@pytest.mark.parametrize("fair", [True, False])
@pytest.mark.parametrize("count", [2, 3, 8])
def test_crps_equals_the_double_sum_over_members(count: int, fair: bool) -> None:
    generator = np.random.default_rng(1)
    members = (280 + generator.normal(size=(count, 2, 3, 4))).astype(np.float32)
    truth = (280 + generator.normal(size=(2, 3, 4))).astype(np.float32)
    x, y = members.astype(np.float64), truth.astype(np.float64)
    pairs = sum(np.abs(one - other) for one in x for other in x)
    expected = np.abs(x - y).mean(axis=0) - pairs / (2 * count * (count - 1 if fair else count))
    np.testing.assert_allclose(crps(members, truth, fair=fair), expected, atol=1e-5)


def test_crps_of_one_member_is_the_absolute_error() -> None:
    assert crps(ensemble(281.5), point(280.0), fair=False)[0, 0] == 1.5


def test_the_fair_crps_of_draws_from_a_normal_distribution_is_that_of_the_distribution() -> None:
    # Gneiting et al. (2005) have the closed form; the fair score has it as its expectation with any number of members
    mean, deviation, truth = 280.0, 2.0, 281.0
    z = (truth - mean) / deviation
    density, distribution = math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi), 0.5 * (1 + math.erf(z / math.sqrt(2)))
    exact = deviation * (z * (2 * distribution - 1) + 2 * density - 1 / math.sqrt(math.pi))
    draws = np.random.default_rng(2).normal(mean, deviation, size=(4, 200, 300)).astype(np.float32)
    found = crps(draws, np.full((200, 300), truth, dtype=np.float32))
    assert abs(found.mean() - exact) < 4 * found.std() / math.sqrt(found.size)
    assert crps(draws, np.full((200, 300), truth), fair=False).mean() > exact + 0.2


def test_the_crps_of_one_member_has_no_fair_form() -> None:
    with pytest.raises(ValueError, match="the fair CRPS of 1 members"):
        crps(ensemble(1.0), point(1.0))


def test_points_without_a_value_have_no_crps() -> None:
    assert np.isnan(crps(ensemble(1.0, NAN), point(1.0))).all()
    assert np.isnan(crps(ensemble(1.0, 2.0), point(NAN))).all()


def test_spread_is_the_variance_about_the_ensemble_mean() -> None:
    assert spread(ensemble(279.0, 280.0, 284.0))[0, 0] == pytest.approx((4 + 1 + 9) / 2)
    assert np.isnan(spread(ensemble(1.0, NAN))).all()
    with pytest.raises(ValueError, match="the spread of one member"):
        spread(ensemble(1.0))


def test_the_rank_is_the_number_of_members_below_the_truth() -> None:
    histogram = RankHistogram(3)
    members = np.array([3.0, 1.0, 2.0], dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 1, 5))
    truth = np.array([[[0.5, 1.5, 1.7, 2.5, 9.0]]])
    histogram.add(members, truth, np.array([0]))
    assert histogram.counts.tolist() == [1, 2, 1, 1]


def test_points_without_a_value_have_no_rank() -> None:
    histogram = RankHistogram(2)
    members = np.array([[[[1.0, NAN, 1.0]]], [[[2.0, 2.0, 2.0]]]])
    histogram.add(members, np.array([[[1.5, 1.5, NAN]]]), np.array([0]))
    assert histogram.counts.tolist() == [0, 1, 0]


def test_ties_are_dealt_out_evenly_over_the_ranks_between_them() -> None:
    histogram = RankHistogram(3)
    members = np.array([0.0, 0.0, 1.0])[:, None, None, None] * np.ones((1, 1, 50, 60))
    histogram.add(members, np.zeros((1, 50, 60)), np.array([5]))
    assert histogram.counts[3] == 0
    np.testing.assert_allclose(histogram.counts[:3], 1000, atol=4 * math.sqrt(3000 * 2 / 9))


def test_a_truth_drawn_like_the_members_has_a_flat_histogram() -> None:
    drawn = np.random.default_rng(3).normal(size=(5, 2, 100, 100))
    histogram = RankHistogram(4)
    histogram.add(drawn[1:], drawn[0], np.array([0, 1]))
    np.testing.assert_allclose(histogram.counts, 4000, atol=4 * math.sqrt(20000 * 0.2 * 0.8))


def test_counts_are_kept_by_lead_and_variable_and_are_the_same_in_any_chunks() -> None:
    generator = np.random.default_rng(4)
    members = generator.integers(0, 3, size=(3, 6, 2, 2, 4, 5)).astype(np.float32)  # full of ties
    truth = generator.integers(0, 3, size=(6, 2, 2, 4, 5)).astype(np.float32)
    hours = np.arange(-2, 4) * 12  # two of them before 1900
    whole, parts, other = (RankHistogram(3, (2, 2)) for _ in range(3))
    whole.add(members, truth, hours)
    parts.add(members[:, 4:], truth[4:], hours[4:])
    other.add(members[:, :4], truth[:4], hours[:4])
    parts.merge(other)
    np.testing.assert_array_equal(parts.counts, whole.counts)
    assert whole.counts.shape == (2, 2, 4)
    assert (whole.counts.sum(axis=-1) == 6 * 20).all()
    one = RankHistogram(3)
    one.add(members[:, :, 1, 0], truth[:, 1, 0] + 0.5, hours)
    shifted = RankHistogram(3, (2, 2))
    shifted.add(members, truth + 0.5, hours)
    np.testing.assert_array_equal(shifted.counts[1, 0], one.counts)
