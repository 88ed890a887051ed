import numpy as np
import pytest
from scipy.stats import false_discovery_control

from windrow.verification.corrections import benjamini_hochberg, holm


def test_holm_multiplies_by_the_comparisons_that_are_left() -> None:
    # in order 0.005 x 4, 0.01 x 3, 0.03 x 2, 0.04 x 1, and none below the one before it
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])


def test_benjamini_hochberg_multiplies_by_the_comparisons_over_the_rank() -> None:
    # in order 0.005 x 4 / 1, 0.01 x 4 / 2, 0.03 x 4 / 3, 0.04 x 4 / 4, and none above the one after it
    found = benjamini_hochberg(np.array([0.01, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(found, [0.02, 0.04, 0.04, 0.02])


def test_benjamini_hochberg_is_that_of_scipy() -> None:
    p = np.random.default_rng(1).random((6, 7)) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p).ravel(), false_discovery_control(p, axis=None))


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_what_was_not_compared_is_no_part_of_the_family(adjust: object) -> None:
    assert callable(adjust)
    found = adjust(np.array([[0.9, np.nan], [0.01, np.nan]]))
    assert np.isnan(found[:, 1]).all()
    np.testing.assert_allclose(found[1, 0], 0.02)
    assert np.isnan(adjust(np.full(3, np.nan))).all()
    assert adjust(np.array([0.6, 0.7])).max() <= 1
