from typing import Any

import numpy as np
import pytest
import xarray as xr

from windrow.report.verdict import best_experiments, comparison_verdict, verdict

SPACE = "\N{NO-BREAK SPACE}"
BASELINES = ("persistence", "day_before")


def errors(**lines: list[float]) -> xr.DataArray:
    leads = [3 * place for place in range(1, len(next(iter(lines.values()))) + 1)]
    return xr.DataArray(
        np.array(list(lines.values())),
        coords={"forecast": list(lines), "lead_time": leads},
        dims=("forecast", "lead_time"),
    )


def said(mse: xr.DataArray, **options: Any) -> str:
    given = {"experiment": "cnn", "baselines": BASELINES, "units": "K²", **options}
    return verdict(mse, **given).replace(SPACE, " ")


def test_a_model_that_wins_is_said_to_be_below_the_best_baseline() -> None:
    # 2.31 / 2.86 = 0.808
    mse = errors(cnn=[0.5, 2.31], persistence=[0.6, 7.0], day_before=[3.0, 2.86])
    assert said(mse) == (
        "At 6 h the mean squared error is 2.31 K², 19 % below the best baseline, the same hour of the day before "
        "(2.86 K²). It beats every baseline at every lead time."
    )


def test_a_model_that_loses_is_said_to_be_above_the_best_baseline() -> None:
    mse = errors(cnn=[9.0, 15.0], persistence=[0.6, 6.0], day_before=[3.0, 7.0])
    assert said(mse) == (
        "At 6 h the mean squared error is 15.00 K², 150 % above the best baseline, the last field held (6.00 K²). "
        "At no lead time does it beat every baseline."
    )


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        ([3, 1, 1, 1], "It beats every baseline from lead time 6 h on."),
        ([1, 1, 3, 3], "It beats every baseline up to lead time 6 h, and not beyond."),
        ([1, 3, 1, 1], "It beats every baseline at 3 h and 9–12 h, and not at the other lead times."),
        ([3, 1, 1, 3], "It beats every baseline at 6–9 h, and not at the other lead times."),
        ([2, 2, 2, 2], "At no lead time does it beat every baseline."),
    ],
)
def test_the_second_sentence_names_the_lead_times_that_are_won(own: list[float], sentence: str) -> None:
    assert said(errors(cnn=own, persistence=[2, 2, 2, 2], day_before=[2, 5, 5, 2])).endswith(sentence)


def test_errors_that_are_equal_or_almost_so_are_not_given_as_zero_percent() -> None:
    assert ", as large as that of the best baseline" in said(errors(cnn=[2], persistence=[2], day_before=[3]))
    assert ", less than 1 % below the best" in said(errors(cnn=[1.999], persistence=[2], day_before=[3]))


def test_one_baseline_or_none_is_said_so() -> None:
    mse = errors(cnn=[1.5], persistence=[2.0])
    assert said(mse, baselines=["persistence"]).endswith("It beats the baseline at every lead time.")
    assert said(mse, baselines=[]) == (
        "At 3 h the mean squared error is 1.50 K². No baseline was asked for to compare it with."
    )


def test_the_comparison_names_the_best_experiment_of_each_lead_time() -> None:
    mse = errors(a=[1, 1, 4], b=[2, 2, 3], persistence=[2, 2, 4])
    assert best_experiments(mse, experiments=("a", "b")) == ["a", "a", "b"]
    text = comparison_verdict(mse, experiments=("a", "b"), baselines=["persistence"], units="K²")
    assert text.replace(SPACE, " ") == (
        "Lowest mean squared error among the experiments: a at 3–6 h and b at 9 h. At 9 h the mean squared error "
        "of b is 3.00 K², 25 % below the best baseline, the last field held (4.00 K²). "
        "It beats the baseline from lead time 9 h on."
    )


def test_one_experiment_alone_is_not_called_the_best() -> None:
    mse = errors(cnn=[1.5], persistence=[2.0])
    text = comparison_verdict(mse, experiments=("cnn",), baselines=["persistence"], units="K²")
    assert "experiments" not in text


def significance(verdicts: list[int], p: list[float]) -> xr.Dataset:
    return xr.Dataset({"verdict": ("lead_time", verdicts), "p": ("lead_time", p)})


def test_significance_is_said_of_the_end_and_of_the_wins() -> None:
    mse = errors(cnn=[3, 1, 1], persistence=[2, 2, 2], day_before=[2, 5, 5])
    assert said(mse, tested=significance([-1, 0, 1], [0.01, 0.4, 0.0001])) == (
        "At 9 h the mean squared error is 1.00 K², 50 % below the best baseline, the last field held (2.00 K²); the "
        "difference is significant (p below 0.001). It beats every baseline from lead time 6 h on, significantly at "
        "9 h."
    )
    text = said(mse, tested=significance([-1, 0, 0], [0.01, 0.4, 0.2]))
    assert "; the difference is not significant (p = 0.2). It beats" in text
    assert text.endswith("from lead time 6 h on, but nowhere significantly.")


def test_losses_are_said_to_be_significant() -> None:
    mse = errors(cnn=[3, 3], persistence=[2, 2], day_before=[2, 5])
    assert said(mse, tested=significance([-1, -1], [0.01, 0.01])).endswith(
        "At no lead time does it beat every baseline; it is significantly worse at every lead time."
    )
    assert said(mse, tested=significance([0, 0], [0.6, 0.6])).endswith(
        "At no lead time does it beat every baseline."
    )


def test_wins_that_are_all_significant_are_said_so() -> None:
    mse = errors(cnn=[1, 1], persistence=[2, 2], day_before=[2, 5])
    assert said(mse, tested=significance([1, 1], [0.01, 0.01])).endswith(
        "It beats every baseline at every lead time, significantly at all of them."
    )


def test_without_a_test_significance_is_not_spoken_of() -> None:
    mse = errors(cnn=[1], persistence=[2], day_before=[2])
    assert "significant" not in said(mse, tested=significance([0], [float("nan")]))


def test_a_winner_on_other_points_is_held_against_its_own_baselines() -> None:
    mse = errors(a=[3], b=[2], **{"persistence (a)": [1], "persistence (b)": [4]})
    text = comparison_verdict(
        mse,
        experiments=("a", "b"),
        baselines=["persistence (a)", "persistence (b)"],
        units="K²",
        foreign={("a", "persistence (b)"), ("b", "persistence (a)")},
    )
    assert "50\N{NO-BREAK SPACE}% below the best baseline, persistence (b)" in text
