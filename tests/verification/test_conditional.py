import numpy as np
import numpy.typing as npt
import pytest

from windrow.verification.conditional import FINE, QUANTILES, Axis, Conditional, axis_of, quantiles_of

Fields = npt.NDArray[np.float32]


def made(inits: int = 50, leads: int = 2) -> tuple[list[Fields], Fields]:
    """Two forecasts, the second warmer by 2 K, with errors that grow with lead time."""
    rng = np.random.default_rng(0)
    truth = 280 + 4 * rng.standard_normal((inits, leads, 6, 7))
    error = rng.standard_normal(truth.shape) * np.arange(1, leads + 1)[:, None, None]
    forecasts = [truth + error, truth + error + 2]
    return [each.astype(np.float32) for each in forecasts], truth.astype(np.float32)


def axis() -> Axis:
    return axis_of(260.0, 300.0, units="K")


def counted(forecasts: list[Fields], truth: Fields) -> Conditional:
    found = Conditional(axis(), forecasts=len(forecasts), leads=truth.shape[1])
    found.add(forecasts, truth)
    return found


def test_quantiles_are_those_of_the_pooled_values_to_the_width_of_a_fine_bin() -> None:
    forecasts, truth = made()
    result = counted(forecasts, truth).result()
    bins = axis()
    compared = 0
    for number, forecast in enumerate(forecasts):
        for lead in range(truth.shape[1]):
            pairs = (forecast[:, lead].ravel(), truth[:, lead].ravel())
            for found, (given, asked) in ((result.truth, pairs), (result.forecast, pairs[::-1])):
                for place, centre in enumerate(bins.centres):
                    values = asked[(given >= centre - 0.5) & (given < centre + 0.5)]
                    if len(values):
                        expected = np.quantile(values.astype(np.float64), QUANTILES)
                        np.testing.assert_allclose(found[number, lead, place], expected, atol=bins.width / FINE)
                        compared += 1
                    else:
                        assert np.isnan(found[number, lead, place]).all()
    assert compared > 100


def test_a_warm_forecast_lies_above_the_truth_in_both_factorisations() -> None:
    truth = np.linspace(270.05, 289.95, 200, dtype=np.float32).reshape(2, 1, 10, 10)
    result = counted([truth + 2], truth).result(quantiles=(0.5,))
    bins = axis()
    middle = int(np.searchsorted(bins.centres, 280.5))
    assert result.truth[0, 0, middle, 0] == pytest.approx(278.5, abs=0.1)
    assert result.forecast[0, 0, middle, 0] == pytest.approx(282.5, abs=0.1)


def test_counts_are_those_of_the_values_in_each_bin() -> None:
    truth = np.array([280.2, 280.9, 281.0, 281.5], dtype=np.float32).reshape(1, 1, 2, 2)
    forecast = np.array([281.1, 281.2, 281.3, 283.0], dtype=np.float32).reshape(1, 1, 2, 2)
    result = counted([forecast], truth).result()
    assert result.truth.shape == (1, 1, axis().size, 3)
    at = {float(centre): place for place, centre in enumerate(axis().centres)}
    of_forecast, of_truth = result.forecast_count[0, 0], result.truth_count[0, 0]
    assert [int(of_forecast[at[centre]]) for centre in (281.5, 283.5)] == [3, 1]
    assert [int(of_truth[at[centre]]) for centre in (280.5, 281.5)] == [2, 2]
    assert of_forecast.sum() == of_truth.sum() == 4


def test_parts_and_merged_counts_are_the_same_as_all_at_once() -> None:
    forecasts, truth = made()
    first, second = (Conditional(axis(), forecasts=2, leads=2) for _ in range(2))
    for found, start, stop in ((first, 0, 1), (second, 1, 40), (first, 40, 50)):
        found.add([each[start:stop] for each in forecasts], truth[start:stop])
    first.merge(second)
    ours, theirs = counted(forecasts, truth).result(), first.result()
    np.testing.assert_array_equal(theirs.truth, ours.truth)
    np.testing.assert_array_equal(theirs.forecast, ours.forecast)
    np.testing.assert_array_equal(theirs.truth_count, ours.truth_count)


def test_counts_do_not_overflow_however_many_parts_are_merged() -> None:
    truth = np.full((1, 1, 2, 2), 280.55, dtype=np.float32)
    found = counted([truth], truth)
    for _ in range(40):
        found.merge(found)
    result = found.result()
    place = int(np.searchsorted(axis().centres, 280.5))
    assert int(result.truth_count[0, 0, place]) == 4 * 2**40
    np.testing.assert_allclose(result.truth[0, 0, place], [280.505, 280.55, 280.595], atol=1e-6)


def test_points_without_a_value_are_left_out_for_their_forecast_alone() -> None:
    forecasts, truth = made()
    whole = counted(forecasts, truth).result()
    holed = forecasts[1].copy()
    holed[3, 0, 1, :] = np.nan
    result = counted([forecasts[0], holed], truth).result()
    np.testing.assert_array_equal(result.truth[0], whole.truth[0])
    assert result.truth_count[1, 0].sum() == whole.truth_count[1, 0].sum() - 7
    without = truth.copy()
    without[:, 1] = np.nan
    assert counted(forecasts, without).result().truth_count[:, 1].sum() == 0


def test_a_forecast_that_diverged_is_counted_in_the_last_bin() -> None:
    truth = np.full((1, 1, 1, 2), 280.5, dtype=np.float32)
    forecast = np.array([np.inf, -1e30], dtype=np.float32).reshape(1, 1, 1, 2)
    result = counted([forecast], truth).result()
    assert result.forecast_count[0, 0, [0, -1]].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("low", "high", "units", "width"),
    [(260.3, 301.7, "K", 1.0), (0.0, 1.0, "1", 0.02), (98000.0, 104200.0, "Pa", 200.0), (5.0, 5.0, "m", 1.0)],
)
def test_bins_are_of_one_degree_or_of_a_round_width_and_enclose_the_truth(
    low: float, high: float, units: str, width: float
) -> None:
    found = axis_of(low, high, units=units)
    assert found.width == pytest.approx(width)
    assert found.low / width == pytest.approx(round(found.low / width))
    assert found.low <= low
    assert found.low + found.size * width >= high
    assert found.size <= 64


def test_quantiles_of_a_worked_histogram() -> None:
    # four values evenly in the second bin: 1.125, 1.375, 1.625, 1.875; one in the last: 3.5
    counts = np.array([[0, 4, 0, 1], [0, 0, 0, 0]])
    found = quantiles_of(counts, (0.0, 0.5, 0.625, 1.0))
    assert found[0].tolist() == [1.125, 1.625, 1.75, 3.5]
    assert np.isnan(found[1]).all()
