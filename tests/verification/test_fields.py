import numpy as np

from windrow.verification.fields import fields_of
from windrow.verification.inputs import Samples

HERE = np.zeros((2, 3), dtype=bool)


def samples() -> Samples:
    """Two forecasts of two variables from two initial times, three lead times ahead."""
    fields = np.arange(2 * 3 * 2 * 4 * 5, dtype=np.float32).reshape(2, 3, 2, 4, 5)
    return Samples(
        init_hours=np.array([0, 1]),
        forecasts=[fields + 1, fields + 2],
        members=None,
        truth=fields.copy(),
        climatology=fields - 1,
    )


def test_fields_of_one_variable_are_taken_out() -> None:
    found = fields_of(samples(), 1, HERE)
    np.testing.assert_array_equal(found.truth, samples().truth[:, :, 1])
    np.testing.assert_array_equal(found.forecasts[1], samples().truth[:, :, 1] + 2)
    assert found.missing.tolist() == [0, 0]


def test_a_point_without_truth_is_left_out_for_all_and_missing_from_none() -> None:
    given = samples()
    given.truth[1, 2, 0, 3, 3] = np.nan
    given.forecasts[0][1, 2, 0, 3, 3] = np.nan
    found = fields_of(given, 0, HERE)
    assert [np.argwhere(np.isnan(field)).tolist() for field in (found.truth, *found.forecasts)] == [
        [[1, 2, 3, 3]]
    ] * 3
    assert found.missing.tolist() == [0, 0]
    assert not np.isnan(fields_of(given, 1, HERE).truth).any()


def test_a_point_that_one_forecast_lacks_is_left_out_for_all_and_counted() -> None:
    given = samples()
    given.forecasts[1][0, 0, 0, 0, :2] = [np.nan, np.inf]
    found = fields_of(given, 0, HERE)
    assert all(np.isnan(field[0, 0, 0, :2]).all() for field in (found.truth, *found.forecasts))
    assert np.isnan(found.forecasts[0]).sum() == 2
    assert found.missing.tolist() == [0, 2]


def test_a_lead_time_that_a_forecast_does_not_have_is_kept_for_the_others() -> None:
    given, absent = samples(), HERE.copy()
    absent[1, 2] = True
    given.forecasts[1][:, 2] = np.nan
    found = fields_of(given, 0, absent)
    assert np.isfinite(found.forecasts[0]).all()
    assert np.isfinite(found.truth).all()
    assert found.missing.tolist() == [0, 0]
