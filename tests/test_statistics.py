import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from windrow.statistics import Moments, merged, moments, split_hash

finite = st.floats(-1e3, 1e3, width=32)


@given(
    st_numpy.arrays(np.float32, st.integers(1, 50), elements=finite),
    st_numpy.arrays(np.float32, st.integers(0, 50), elements=finite),
)
def test_merged_moments_are_those_of_all_values(
    one: np.ndarray[Any, np.dtype[np.float32]], other: np.ndarray[Any, np.dtype[np.float32]]
) -> None:
    found = merged(moments(one), moments(other))
    both = np.concatenate([one, other]).astype(np.float64)
    assert found.count == both.size
    assert found.mean == pytest.approx(both.mean(), rel=1e-12, abs=1e-9)
    assert found.std == pytest.approx(both.std(), rel=1e-9, abs=1e-6)
    assert (found.minimum, found.maximum) == (both.min(), both.max())


def test_nothing_merged_with_something_is_something() -> None:
    something = moments(np.array([1.0, 3.0], dtype=np.float32))
    assert merged(Moments(), something, Moments()) == something


def two_pass(month: xr.Dataset, name: str, days: int) -> dict[str, float]:
    values = month[name].values[: 24 * days].astype(np.float64)
    steps = np.diff(values, axis=0)
    return {
        "mean": values.mean(),
        "std": values.std(),
        "min": values.min(),
        "max": values.max(),
        "diff_mean": steps.mean(),
        "diff_std": steps.std(),
        "count": values.size,
        "diff_count": steps.size,
    }


def test_statistics_equal_a_two_pass_computation(tiny: Any) -> None:
    found = json.loads((tiny.path / "statistics.json").read_text())["variables"]
    with xr.open_dataset(tiny.extracted(2007)) as month:
        for name in ("2t", "tcc"):
            assert found[name] == pytest.approx(two_pass(month, name, 31), rel=1e-12)


def test_climatology_is_the_mean_per_hour_and_point(tiny: Any) -> None:
    with xr.open_dataset(tiny.extracted(2007)) as month, xr.open_dataset(tiny.path / "climatology.nc") as found:
        expected = month["2t"].astype(np.float64).groupby("time.hour").mean()
        assert found.month.values.tolist() == [1]
        np.testing.assert_allclose(found["2t"].sel(month=1), expected, rtol=1e-6)
        assert (found["count"] == 31).all()


def spoil(path: Path, steps: slice) -> None:
    with netCDF4.Dataset(path, "a") as month:
        month["2t"][steps] = 999.0


def statistics_of(tiny: Any, path: Path, month: Path, days: str) -> tuple[bytes, bytes]:
    content = tiny.content | {"splits": tiny.content["splits"] | {"train": [["2007-01-01", days]]}}
    own = type(tiny)(path, content)
    part, statistics, climatology = path / "part.nc", path / "statistics.json", path / "climatology.nc"
    options = ("--month", "2007-01", "--extracted", month, "--output", part)
    own.step("statistics_month", *options, year="2007", month="01")
    own.step("statistics", "--parts", part, "--statistics", statistics, "--climatology", climatology)
    return statistics.read_bytes(), climatology.read_bytes()


def test_statistics_come_from_the_training_split_only(tiny: Any, tmp_path: Path) -> None:
    month = Path(shutil.copy(tiny.extracted(2007), tmp_path / "month.nc"))
    before = statistics_of(tiny, tmp_path, month, "2007-01-20")
    spoil(month, slice(20 * 24, None))  # after the training days
    assert statistics_of(tiny, tmp_path, month, "2007-01-20") == before
    spoil(month, slice(19 * 24, 19 * 24 + 1))  # the last training day
    assert statistics_of(tiny, tmp_path, month, "2007-01-20") != before


def test_the_step_between_two_months_is_counted_where_they_touch() -> None:
    from windrow.statistics_part import Part, whole

    def part(first: int, fields: list[float]) -> Part:
        values = np.array(fields)
        edges = np.array([fields[0], fields[-1]]).reshape(2, 1, 1, 1)
        return Part(
            month=1,
            train=(),
            variables=("2t",),
            states=(moments(values),),
            differences=(moments(np.diff(values)),),
            hours=np.arange(24),
            hour_mean=np.zeros((24, 1, 1, 1)),
            hour_count=np.zeros(24, dtype=np.int64),
            edge_hours=np.array([first, first + len(fields) - 1]),
            edges=edges,
            latitude=np.zeros(1),
            longitude=np.zeros(1),
            attributes={},
        )

    _, (touching,) = whole([part(3, [7.0, 8.0]), part(0, [1.0, 2.0, 4.0])], step_hours=1)
    assert (touching.count, touching.mean) == (4, pytest.approx((1 + 2 + 3 + 1) / 4))
    _, (apart,) = whole([part(0, [1.0, 2.0, 4.0]), part(4, [7.0, 8.0])], step_hours=1)
    assert (apart.count, apart.mean) == (3, pytest.approx((1 + 2 + 1) / 3))


def test_the_split_hash_follows_the_days_and_not_their_order() -> None:
    one, other = (dt.date(2007, 1, 1), dt.date(2007, 1, 31)), (dt.date(2008, 1, 1), dt.date(2008, 1, 31))
    assert split_hash((one, other)) == split_hash((other, one))
    assert split_hash((one,)) != split_hash((other,))


def test_another_months_file_is_refused(tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from windrow import cli, stages

    settings = stages.settings_of("statistics_month", tiny.config, year="2007", month="01")
    options = [
        "--month",
        "2007-01",
        "--extracted",
        str(tiny.extracted(2009)),
        "--output",
        str(tmp_path / "part.nc"),
    ]
    assert cli.main(["statistics_month", "--settings", settings, *options]) == 2
    assert "does not hold the training days 2007-01-01 to 2007-01-31" in capsys.readouterr().err
    assert not (tmp_path / "part.nc").exists()


def test_parts_of_another_split_are_refused(tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from windrow import cli, stages

    content = tiny.content | {"splits": tiny.content["splits"] | {"train": [["2007-01-01", "2007-01-30"]]}}
    settings = stages.settings_of("statistics", type(tiny)(tmp_path, content).config)
    outputs = ["--statistics", str(tmp_path / "s.json"), "--climatology", str(tmp_path / "c.nc")]
    assert cli.main(["statistics", "--settings", settings, "--parts", str(tiny.path / "part.nc"), *outputs]) == 2
    assert "are of another training split" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
