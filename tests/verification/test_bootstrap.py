import numpy as np
import pytest
import xarray as xr
from scipy.signal import lfilter

from windrow.verification.bootstrap import Draws, band, bands, draw_blocks, resample, resampled_mean

START = np.datetime64("2019-01-01T11", "ns")
SETTINGS = {"block_days": 7, "resamples": 50, "seed": 42, "moving": True}


def times_of(hours: np.ndarray) -> np.ndarray:
    return START + np.asarray(hours) * np.timedelta64(1, "h")


def draws_of(hours: np.ndarray, **settings: object) -> Draws:
    return draw_blocks(times_of(hours), **(SETTINGS | settings))


def scores_of(hours: np.ndarray, **values: np.ndarray) -> xr.Dataset:
    """Scores of shape (init_time, lead_time), of one forecast and variable."""
    dimensions = ("forecast", "variable", "init_time", "lead_time")
    leads = next(iter(values.values())).shape[1]
    return xr.Dataset(
        {name: (dimensions, one[None, None]) for name, one in values.items()},
        coords={
            "forecast": ["cnn"],
            "variable": ["2t"],
            "init_time": times_of(hours),
            "lead_time": 1 + np.arange(leads),
        },
    )


@pytest.mark.parametrize("moving", [True, False])
def test_resampling_is_the_plain_loop_over_drawn_days(moving: bool) -> None:
    # 40 days of six-hourly samples with gaps; a day that is drawn twice gives its samples twice.
    random = np.random.default_rng(1)
    hours = np.sort(random.choice(6 * np.arange(160), 120, replace=False))
    hours -= hours[0]
    mse, bias = random.random((120, 3)) + 1, random.random((120, 3))
    scores = scores_of(hours, mse=mse, bias=bias)
    draws = draws_of(hours, moving=moving)
    found = resample(scores, "error_std", draws).values[0, 0]
    days = hours // 24
    place = days.max() + 1
    same = np.random.default_rng(42)
    fixed = days * (place // 7) // place
    drawn = same.integers(place if moving else fixed.max() + 1, size=(50, place // 7))
    for number, blocks in enumerate(drawn):
        if moving:
            kept = [np.flatnonzero(days == (first + step) % place) for first in blocks for step in range(7)]
        else:
            kept = [np.flatnonzero(fixed == block) for block in blocks]
        again = np.concatenate(kept)
        expected = np.sqrt((mse[again] - bias[again] ** 2).mean(axis=0))
        np.testing.assert_allclose(found[:, number], expected)


def test_ratios_are_formed_from_the_sums_of_each_resample() -> None:
    random = np.random.default_rng(2)
    hours = 24 * np.arange(35)
    error, reference = random.random((35, 1)), random.random((35, 1))
    draws = draws_of(hours)
    found = resample(scores_of(hours, fss_error=error, fss_reference=reference), "fss", draws).values[0, 0, 0]
    expected = 1 - (draws.counts @ error) / (draws.counts @ reference)
    np.testing.assert_allclose(found, expected[:, 0])


def test_samples_without_a_number_are_left_out_of_the_resamples() -> None:
    random = np.random.default_rng(3)
    hours = 12 * np.arange(70)
    mse = random.random((70, 2))
    holes = mse.copy()
    holes[::7, 1] = np.nan
    draws = draws_of(hours)
    found = resampled_mean(scores_of(hours, mse=holes)["mse"], draws).values[0, 0]
    whole = np.arange(70) % 7 != 0
    without = draws_of(hours[1:])  # the first sample is one of those left out, the days stay the same but for it
    assert len(without.starts) == len(draws.starts)
    times = np.repeat(draws.counts, 2, axis=1)
    np.testing.assert_allclose(found[0], times @ mse[:, 0] / times.sum(axis=1))
    np.testing.assert_allclose(found[1], times[:, whole] @ mse[whole, 1] / times[:, whole].sum(axis=1))


def test_the_order_of_the_samples_does_not_matter() -> None:
    random = np.random.default_rng(4)
    hours = 6 * np.arange(160)
    mse = random.random((160, 2))
    mixed = random.permutation(160)
    first = resample(scores_of(hours, mse=mse), "mse", draws_of(hours))
    second = resample(scores_of(hours[mixed], mse=mse[mixed]), "mse", draws_of(hours[mixed]))
    np.testing.assert_allclose(first, second)


def test_a_draw_is_repeatable_and_depends_on_the_seed() -> None:
    hours = np.arange(24 * 40)
    assert np.array_equal(draws_of(hours).counts, draws_of(hours).counts)
    assert not np.array_equal(draws_of(hours).counts, draws_of(hours, seed=43).counts)


@pytest.mark.parametrize("stride", [1, 3, 24, 48])
def test_blocks_are_as_long_in_time_whatever_the_distance_of_the_samples(stride: int) -> None:
    hours = np.arange(0, 24 * 365, stride)
    draws = draws_of(hours)
    assert (draws.blocks, draws.block_days) == (52, 7)
    per_resample = draws.counts @ np.diff([*draws.starts, len(hours)])
    assert per_resample.mean() == pytest.approx(len(hours), rel=0.01)
    assert (draws.counts.sum(axis=1) * max(stride, 24) / 24).mean() == pytest.approx(364, rel=0.01)


def test_a_missing_day_keeps_its_place_and_a_long_gap_is_closed_to_a_block() -> None:
    days = np.array([*range(20), *range(22, 40), *range(400, 435)])
    draws = draws_of(24 * days, moving=False)
    # 40 days, 7 from the 40th to the first behind the gap, 35 days from there on: 81 in all, 11 blocks
    assert draws.blocks == 11
    assert draws.counts.shape == (50, len(days))


def test_fixed_blocks_come_as_a_whole() -> None:
    draws = draws_of(24 * np.arange(35), moving=False)
    blocks = draws.counts.reshape(50, 5, 7)
    assert (blocks == blocks[:, :, :1]).all()
    assert (draws.counts.sum(axis=1) == 35).all()


def test_blocks_are_shortened_where_there_are_fewer_than_five() -> None:
    draws = draws_of(np.arange(24 * 31))
    assert (draws.block_days, draws.blocks, draws.usable) == (6, 5, True)
    assert draws.note == "The samples span 31 days, so blocks of 6 and not of 7 days were drawn."
    assert draws_of(np.arange(24 * 35)).note == ""


@pytest.mark.parametrize("hours", [np.arange(97), np.arange(1), np.array([0, 9000, 18000, 27000])])
def test_with_too_few_days_there_are_no_bands_and_the_reason_is_told(hours: np.ndarray) -> None:
    draws = draws_of(hours)
    assert not draws.usable
    assert "too few for bands and for statements on significance, which need 5 blocks of 3 days" in draws.note
    found = bands(scores_of(hours, mse=np.ones((len(hours), 2))), draws)
    assert found["mse"].shape == (1, 1, 2, 2)
    assert np.isnan(found["mse"]).all()


def test_shorter_blocks_than_three_days_are_drawn_if_they_were_asked_for() -> None:
    assert draws_of(np.arange(24 * 6), block_days=1).blocks == 6


def test_bands_are_widened_for_few_blocks() -> None:
    # Student's t with 4 degrees of freedom has its 5 % at -2.1318; times sqrt(5/4) that is -2.3835, where the normal
    # distribution has 0.86 %. With 51 degrees: -1.6753 times sqrt(52/51) is -1.6916, 4.54 %.
    assert draws_of(np.arange(24 * 35)).tail == pytest.approx(0.00857, abs=2e-5)
    assert draws_of(np.arange(24 * 364)).tail == pytest.approx(0.0454, abs=1e-4)


def test_a_band_is_between_quantiles_of_the_resamples() -> None:
    draws = draws_of(np.arange(24 * 35))
    values = xr.DataArray(np.random.default_rng(5).random((2, 50)), dims=("lead_time", "resample"))
    values[1, :10] = np.nan  # as a ratio of no events
    found = band(values, draws)
    assert found["band"].values.tolist() == ["lower", "upper"]
    for lead, kept in ((0, values.values[0]), (1, values.values[1, 10:])):
        np.testing.assert_allclose(found[lead], np.quantile(kept, [draws.tail, 1 - draws.tail]))
    assert np.isnan(band(xr.full_like(values, np.nan), draws)).all()


def test_every_aggregate_has_a_band_of_its_own_shape() -> None:
    hours = 6 * np.arange(160)
    counts = np.random.default_rng(6).integers(1, 9, (160, 2))
    names = ("mse", "mae", "bias", "acc", "ssim", "hits", "misses", "false_alarms", "correct_negatives")
    scores = scores_of(hours, **dict.fromkeys(names, counts + 0.5))
    found = bands(scores, draws_of(hours))
    assert {"rmse", "error_std", "frequency_bias", "ets"} <= set(found.data_vars)
    assert all(one.dims == ("forecast", "variable", "lead_time", "band") for one in found.values())
    assert (found["mse"].sel(band="lower") < found["mse"].sel(band="upper")).all()
    assert list(bands(scores, draws_of(hours), names=["rmse"])) == ["rmse"]


@pytest.mark.parametrize("moving", [True, False])
def test_bands_of_a_series_with_memory_hold_its_mean_about_as_often_as_they_say(moving: bool) -> None:
    # 500 years of an autoregressive error that remembers 36 h, mean 10; a bootstrap of single samples holds it
    # in 38 %. Blocks of 7 days cut off a part of the memory, so that a little is missing to 90 %.
    random = np.random.default_rng(7)
    noise = random.normal(size=(4 * 364 + 100, 500))
    series = 10 + lfilter([1], [1, -np.exp(-6 / 36)], noise, axis=0)[100:]
    hours = 6 * np.arange(len(series))
    found = bands(scores_of(hours, bias=series), draws_of(hours, resamples=400, moving=moving))["bias"][0, 0]
    covered = ((found.sel(band="lower") <= 10) & (found.sel(band="upper") >= 10)).mean().item()
    assert 0.8 < covered < 0.95
