import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from windrow.verification.quantiles import exact_quantiles

PROBABILITIES = (0.0, 0.05, 0.5, 0.95, 1.0)
finite = st.floats(-(2.0**100), 2.0**100, width=32)


@given(arrays(np.float32, st.integers(1, 30), elements=finite), st.integers(0, 30))
def test_quantiles_are_those_of_numpy_however_the_values_are_dealt_out(
    values: npt.NDArray[np.float32], cut: int
) -> None:
    found = exact_quantiles(lambda: [values[:cut], values[cut:]], PROBABILITIES)
    expected = np.quantile(values.astype(np.float64), PROBABILITIES)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * np.abs(values).max())


def test_values_that_differ_in_the_last_bit_are_told_apart() -> None:
    low = np.float32(280)
    values = np.array([low, np.nextafter(low, np.float32(300)), -low], dtype=np.float32)
    assert exact_quantiles(lambda: [values], (0.5, 1.0)).tolist() == [float(values[0]), float(values[1])]


def test_what_is_no_number_is_left_out() -> None:
    values = np.array([[3, np.nan], [1, 2]], dtype=np.float32)
    assert exact_quantiles(lambda: [values], (0.0, 0.5, 1.0)).tolist() == [1, 2, 3]


@pytest.mark.parametrize("values", [[], [np.nan]])
def test_of_no_values_there_are_no_quantiles(values: list[float]) -> None:
    assert np.isnan(exact_quantiles(lambda: [np.array(values, dtype=np.float32)], (0.5,))).all()
