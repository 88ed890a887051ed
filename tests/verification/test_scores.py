import numpy as np
import pytest

from windrow.verification.scores import score_all


def test_scores_of_a_worked_example() -> None:
    truth = np.array([[280.0, 281.0], [282.0, 283.0]], dtype=np.float32)
    forecast = truth + np.array([[1.0, -2.0], [0.0, 3.0]], dtype=np.float32)
    found = score_all(forecast, truth)
    assert float(found["mse"]) == pytest.approx((1 + 4 + 9) / 4)
    assert float(found["mae"]) == pytest.approx(6 / 4)
    assert float(found["bias"]) == pytest.approx(2 / 4)


def test_scores_keep_the_leading_dimensions() -> None:
    forecast = np.zeros((3, 4, 2, 5, 6), dtype=np.float32)
    assert {score.shape for score in score_all(forecast, forecast).values()} == {(3, 4, 2)}
