from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from windrow.grid import grid_of_rows
from windrow.verification.aggregate import read_scores
from windrow.verification.scores_file import created
from windrow.verification.scores_layout import SCORES, Axes, units_of


def axes(*, members: int = 0, units: tuple[str, ...] = ("K",), thresholds: tuple[float, ...] = (0.5,)) -> Axes:
    return Axes(
        forecasts=("cnn", "persistence"),
        variables=("2t", "10u")[: len(units)],
        units=units,
        regions=("domain", "alps"),
        init_hours=np.array([955488, 955489, 955500]),
        lead_hours=np.array([1, 2]),
        grid=grid_of_rows([50.0, 49.0, 48.0], [1.0, 2.0]),
        thresholds=thresholds,
        neighbourhoods=(1, 3),
        members=members,
    )


def test_samples_may_come_in_any_order_and_are_read_as_they_were_written(tmp_path: Path) -> None:
    mse = np.arange(2 * 1 * 2 * 2 * 3 * 2, dtype=np.float32).reshape(2, 1, 2, 2, 3, 2)
    hits = np.arange(2 * 1 * 1 * 3 * 2, dtype=np.int32).reshape(2, 1, 1, 3, 2)
    with created(tmp_path / "scores.nc", axes(), {"windrow_settings": "{}"}) as file:
        file.write(2, {"mse": mse[..., 2:, :], "hits": hits[..., 2:, :]})
        file.write(0, {"mse": mse[..., :2, :], "hits": hits[..., :2, :]})
        file.write(0, {"mae": mse, "bias": mse})
    scores = read_scores(tmp_path / "scores.nc")
    np.testing.assert_array_equal(scores.mse, mse)
    np.testing.assert_array_equal(scores.hits, hits)
    assert scores.hits.dtype == np.int32
    assert scores.mse.dims == ("forecast", "variable", "region", "weighting", "init_time", "lead_time")
    hours = (scores.init_time.values - np.datetime64("2009-01-01")) / np.timedelta64(1, "h")
    assert hours.tolist() == [0, 1, 12]
    assert scores.attrs["windrow_settings"] == "{}"
    assert scores.ssim.isnull().all()


def test_totals_bring_their_own_coordinates(tmp_path: Path) -> None:
    with created(tmp_path / "scores.nc", axes(), {}) as file:
        file.add_axis("quantile", np.array([0.05, 0.5]), {"units": "1"})
        file.add_axis("condition", np.array([270.5, 271.5, 272.5]), {})
        file.add("conditional_truth", np.ones((2, 1, 2, 3, 2)))
        file.add_value("wavelength", ("wavenumber_bin",), np.array([900.0, 300.0]), {"units": "km"})
        file.add("power", np.ones((3, 1, 2, 2)))
        file.add("bias_map", np.ones((2, 1, 2, 3, 2)))
    with xr.open_dataset(tmp_path / "scores.nc", decode_timedelta=False) as scores:
        assert scores.conditional_truth.sel(quantile=0.5, condition=271.5).shape == (2, 1, 2)
        assert scores.power.sel(field="truth").shape == (1, 2, 2)
        assert scores.wavelength.dims == ("wavenumber_bin",)
        assert scores.bias_map.dims == ("forecast", "variable", "lead_time", "latitude", "longitude")


def test_every_score_says_its_units_and_its_formula(tmp_path: Path) -> None:
    with created(tmp_path / "scores.nc", axes(members=5), {}):
        pass
    with xr.open_dataset(tmp_path / "scores.nc", decode_timedelta=False) as scores:
        for name, score in SCORES.items():
            if score.per_sample:
                assert scores[name].attrs["long_name"]
                assert scores[name].attrs["comment"]
        assert [scores[name].units for name in ("mse", "mae", "acc", "hits", "spread")] == [
            "K2",
            "K",
            "1",
            "1",
            "K2",
        ]


def test_scores_without_what_they_need_are_not_there(tmp_path: Path) -> None:
    with created(tmp_path / "scores.nc", axes(thresholds=()), {}):
        pass
    with xr.open_dataset(tmp_path / "scores.nc") as scores:
        assert {"mse", "ssim"} <= set(scores.variables)
        assert not {"hits", "fss_error", "crps", "spread"} & set(scores.variables)


@pytest.mark.parametrize(
    ("units", "expected"),
    [(("K",), "K2"), (("m s-1",), "(m s-1)2"), (("1",), "1"), (("K", "K"), "K2"), (("K", "m s-1"), None)],
)
def test_squared_units(units: tuple[str, ...], expected: str | None) -> None:
    assert units_of(SCORES["mse"], units) == expected
