import numpy as np
from scipy import ndimage

from windrow.verification.windows import GaussianWindows


def test_a_field_smaller_than_the_window_gets_a_smaller_one() -> None:
    assert GaussianWindows(4, 7).mean(np.ones((2, 4, 7))).shape == (2, 2, 1)
    np.testing.assert_allclose(GaussianWindows(4, 7).mean(np.ones((4, 7))), 1.0)


def test_windows_are_those_of_scipy_where_fields_are_wide_enough_for_tiles() -> None:
    fields = np.random.default_rng(1).normal(size=(2, 70, 130))
    expected = ndimage.gaussian_filter(fields, 1.5, truncate=3.5, axes=(1, 2))[:, 5:-5, 5:-5]
    np.testing.assert_allclose(GaussianWindows(70, 130).mean(fields), expected, atol=1e-12)


def test_only_windows_that_hold_a_marked_point_are_left_out() -> None:
    marked = np.zeros((12, 13), dtype=bool)
    marked[0, 0] = True
    assert GaussianWindows(12, 13).without(marked).tolist() == [[False, True, True], [True, True, True]]
