import numpy as np
import pytest
import xarray as xr
from scipy.signal import lfilter
from scipy.stats import t as student
from scipy.stats import ttest_1samp

from windrow.errors import UserError
from windrow.verification.bootstrap import Draws, draw_blocks
from windrow.verification.significance import against_best, compare, diebold_mariano

HOURS = 6 * np.arange(4 * 140)
DIMENSIONS = ("forecast", "variable", "init_time", "lead_time")


def times_of(hours: np.ndarray) -> np.ndarray:
    return np.datetime64("2019-01-01", "ns") + hours * np.timedelta64(1, "h")


def draws_of(hours: np.ndarray) -> Draws:
    return draw_blocks(times_of(hours), block_days=7, resamples=400, seed=42, moving=True)


def scores_of(values: dict[str, np.ndarray], *, score: str = "mse", hours: np.ndarray = HOURS) -> xr.Dataset:
    """Scores of one variable: each forecast's of shape (init_time, lead_time)."""
    leads = next(iter(values.values())).shape[1]
    return xr.Dataset(
        {score: (DIMENSIONS, np.stack(list(values.values()))[:, None])},
        coords={
            "forecast": list(values),
            "variable": ["2t"],
            "init_time": times_of(hours),
            "lead_time": 1 + np.arange(leads),
        },
    )


def one_lead(values: dict[str, np.ndarray]) -> xr.Dataset:
    """The same, but each series of a variable of its own."""
    scores = scores_of(values).squeeze("variable", drop=True).rename(lead_time="variable")
    return scores.expand_dims(lead_time=[12])


def noise(seed: int, *shape: int, memory: float = np.exp(-6 / 24)) -> np.ndarray:
    """Series of variance 1 that remember a day."""
    white = np.random.default_rng(seed).normal(size=(shape[0] + 50, *shape[1:]))
    return lfilter([np.sqrt(1 - memory**2)], [1, -memory], white, axis=0)[50:]


def test_without_lags_the_test_of_diebold_and_mariano_is_that_of_student() -> None:
    # Mean 2.5, sum of squares 5: 2.5 / sqrt(5 / 16) = 4.4721, times sqrt((4 + 1 - 2) / 4) = 3.8730.
    statistic, _ = diebold_mariano(np.array([1.0, 2.0, 3.0, 4.0]), lags=0)
    assert statistic == pytest.approx(3.8730, abs=1e-4)
    series = np.random.default_rng(1).normal(0.3, 1, (50, 3))
    independent = ttest_1samp(series, 0)
    np.testing.assert_allclose(diebold_mariano(series, lags=0), [independent.statistic, independent.pvalue])


def test_lags_enter_with_the_weights_of_bartlett_and_the_correction_of_harvey() -> None:
    # Departures -1.5 -0.5 0.5 1.5: products one apart sum to 0.75 - 0.25 + 0.75 = 1.25, weight 1/2 on either side.
    # Variance (5 + 1.25) / 16, statistic 2.5 / 0.625 = 4, times sqrt((4 + 1 - 4 + 2 / 4) / 4) = 2.4495.
    statistic, p = diebold_mariano(np.array([1.0, 2.0, 3.0, 4.0]), lags=1)
    assert statistic == pytest.approx(2.4495, abs=1e-4)
    assert p == pytest.approx(2 * student.sf(2.4495, 3), abs=1e-5)


def test_gaps_keep_the_distances_in_time() -> None:
    series = np.random.default_rng(2).normal(0.5, 1, 40)
    series[[3, 4, 17, 30]] = np.nan
    mean, number, lags = np.nanmean(series), 36, 5
    total = np.nansum((series - mean) ** 2)
    for lag in range(1, lags + 1):
        total += 2 * (1 - lag / (lags + 1)) * np.nansum((series[lag:] - mean) * (series[:-lag] - mean))
    horizon = lags + 1
    small = (number + 1 - 2 * horizon + horizon * (horizon - 1) / number) / number
    expected = mean / np.sqrt(total / number**2) * np.sqrt(small)
    assert diebold_mariano(series, lags=lags)[0] == pytest.approx(expected)


def test_too_few_samples_for_the_lags_give_no_p_value_and_equal_scores_give_one() -> None:
    assert np.isnan(diebold_mariano(np.array([1.0, 2.0, 3.0]), lags=4)).all()
    assert np.isnan(diebold_mariano(np.full(9, np.nan), lags=1)).all()
    np.testing.assert_array_equal(diebold_mariano(np.zeros(9), lags=1), [0, 1])


def test_a_forecast_that_is_better_every_day_is_better_and_the_other_one_worse() -> None:
    weather = noise(1, len(HOURS), 2)  # both have the same good and bad days, which pairing takes out
    scores = scores_of({"cnn": 9 + weather, "persistence": 9.2 + weather + 0.1 * noise(2, len(HOURS), 2)})
    found = compare(scores, draws_of(HOURS), forecasts=["cnn", "persistence"], references=["cnn", "persistence"])
    assert found["verdict"].sel(forecast="cnn", reference="persistence").values.ravel().tolist() == [1, 1]
    assert found["verdict"].sel(forecast="persistence", reference="cnn").values.ravel().tolist() == [-1, -1]
    assert found["verdict"].sel(forecast="cnn", reference="cnn").values.ravel().tolist() == [0, 0]
    assert np.isnan(found["p"].sel(forecast="cnn", reference="cnn")).all()
    ours = found.sel(forecast="cnn", reference="persistence", variable="2t")
    means = scores["mse"].mean("init_time").sel(variable="2t")
    np.testing.assert_allclose(ours["value"], means.sel(forecast="cnn"))
    np.testing.assert_allclose(ours["difference"], means.sel(forecast="cnn") - means.sel(forecast="persistence"))
    assert (ours["lower"] < ours["difference"]).all()
    assert (ours["difference"] < ours["upper"]).all()
    assert (ours["upper"] < 0).all()


def test_what_is_better_for_an_error_is_worse_for_a_correlation() -> None:
    values = {"cnn": 0.8 + 0.01 * noise(3, len(HOURS), 1), "persistence": 0.9 + 0.01 * noise(4, len(HOURS), 1)}
    assert compare(scores_of(values, score="mae"), draws_of(HOURS), score="mae")["verdict"].item() == 1
    assert compare(scores_of(values, score="acc"), draws_of(HOURS), score="acc")["verdict"].item() == -1


def test_a_score_of_sums_is_compared_by_the_bootstrap_alone() -> None:
    random = np.random.default_rng(5)
    error = {name: size * random.random((len(HOURS), 1)) for name, size in (("cnn", 0.2), ("persistence", 0.4))}
    scores = scores_of(error, score="fss_error").merge(
        scores_of(dict.fromkeys(error, np.ones((len(HOURS), 1))), score="fss_reference")
    )
    found = compare(scores, draws_of(HOURS), score="fss")
    assert np.isnan(found["p_dm"].item())
    assert found["p"].item() == found["p_bootstrap"].item() < 1e-6
    assert found["verdict"].item() == 1
    assert found["difference"].item() == pytest.approx(0.1, abs=0.01)


def test_the_larger_p_value_counts_and_is_corrected_for_all_comparisons_of_the_call() -> None:
    scores = scores_of({name: 9 + noise(seed, len(HOURS), 3) for seed, name in enumerate(("cnn", "a", "b"))})
    found = compare(scores, draws_of(HOURS))
    assert found["p"].shape == (1, 2, 1, 3)
    np.testing.assert_array_equal(found["p"], np.maximum(found["p_bootstrap"], found["p_dm"]))
    assert found["p_holm"].min().item() == pytest.approx(min(6 * found["p"].min().item(), 1))
    assert (found["p_holm"] >= found["p_benjamini_hochberg"]).all()


def test_only_samples_that_both_have_are_compared() -> None:
    ours, theirs = 4 + noise(6, len(HOURS), 1), 5 + noise(7, len(HOURS), 1)
    theirs[:100] = np.nan
    ours[:100] = 1000
    found = compare(scores_of({"cnn": ours, "archive": theirs}), draws_of(HOURS))
    assert found["value"].item() == pytest.approx(ours[100:].mean())
    assert found["verdict"].item() == 1


def test_nothing_is_significant_where_there_are_too_few_days_or_no_scores() -> None:
    hours = np.arange(97)
    few = scores_of({"cnn": np.ones((97, 1)), "persistence": np.full((97, 1), 9.0)}, hours=hours)
    found = compare(few, draws_of(hours))
    assert (found["difference"].item(), found["verdict"].item()) == (-8, 0)
    assert np.isnan([found[name].item() for name in ("lower", "upper", "p", "p_dm", "p_holm")]).all()
    nothing = {"cnn": np.ones((len(HOURS), 1)), "climatology": np.full((len(HOURS), 1), np.nan)}
    assert compare(scores_of(nothing, score="acc"), draws_of(HOURS), score="acc")["verdict"].item() == 0


def test_the_best_reference_is_chosen_for_each_lead_time() -> None:
    flat = np.ones((len(HOURS), 1))
    scores = scores_of({"cnn": flat * [4, 4], "persistence": flat * [5, 9], "climatology": flat * [7, 3]})
    found = against_best(compare(scores, draws_of(HOURS)))
    assert found["reference"].values.ravel().tolist() == ["persistence", "climatology"]
    assert found["verdict"].values.ravel().tolist() == [1, -1]
    likeness = against_best(compare(scores.rename(mse="ssim"), draws_of(HOURS), score="ssim"))
    assert likeness["reference"].values.ravel().tolist() == ["climatology", "persistence"]


def test_of_equally_good_forecasts_few_seem_different_and_those_that_are_better_are_found() -> None:
    # 300 pairs whose scores remember a day; uncorrected p-values are below 0.05 in about one of twenty.
    weather = noise(8, len(HOURS), 1)
    own, other = noise(9, len(HOURS), 300), noise(10, len(HOURS), 300)
    draws = draws_of(HOURS)
    alike = compare(one_lead({"cnn": 9 + weather + own, "persistence": 9 + weather + other}), draws)
    assert (alike["p"] < 0.05).mean().item() < 0.09
    assert (alike["p_dm"] < 0.05).mean().item() < 0.11
    assert (alike["p_bootstrap"] < 0.05).mean().item() < 0.11
    assert (alike["verdict"] != 0).mean().item() < 0.02
    apart = compare(one_lead({"cnn": 8 + weather + own, "persistence": 9 + weather + other}), draws)
    assert (apart["verdict"] == 1).mean().item() > 0.9


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"score": "bias"}, "cannot be compared by bias; take one of mse, rmse"),
        ({"correction": "bonferroni"}, "there is no correction bonferroni; take one of holm, benjamini_hochberg"),
        ({"references": ["ifs"]}, "ifs is not among the forecasts; take one of cnn, persistence"),
        ({"references": []}, "there is no forecast to compare with; name references"),
    ],
)
def test_comparisons_that_make_no_sense_are_refused(asked: dict[str, object], message: str) -> None:
    scores = scores_of(dict.fromkeys(("cnn", "persistence"), np.ones((len(HOURS), 1))))
    with pytest.raises(UserError, match=message):
        compare(scores, draws_of(HOURS), **asked)
