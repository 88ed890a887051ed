import datetime as dt
import json
import math
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from windrow import cli, cuts, extracted, statistics_part, statistics_pass
from windrow.errors import UserError
from windrow.grid import Grid, grid_of_rows
from windrow.statistics import Moments, difference_moments, merged, moments, split_hash
from windrow.statistics_merge import mean_bands, whole
from windrow.statistics_part import Part, read_part, write_part
from windrow.statistics_pass import bands_of_month, scope_of_month

Floats = np.ndarray[Any, np.dtype[np.float64]]
OFFSETS = st.sampled_from([0.0, 280.0, -5e5, 1e7])


def exactly(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation of the numbers among the values, in rational numbers, in two passes."""
    numbers = [Fraction(value) for value in values.ravel().tolist() if not math.isnan(value)]
    mean = sum(numbers, Fraction(0)) / len(numbers)
    return float(mean), math.sqrt(sum((one - mean) ** 2 for one in numbers) / len(numbers))


def assert_exact(found: Moments, values: Floats) -> None:
    mean, std = exactly(values)
    assert found.std == pytest.approx(std, rel=1e-12, abs=1e-160)
    assert abs(found.mean - mean) <= 1e-12 * max(abs(mean), std)
    assert (found.count, found.nan_count) == (np.isfinite(values).sum(), np.isnan(values).sum())
    assert (found.minimum, found.maximum) == (np.nanmin(values), np.nanmax(values))


def float32_fields(**elements: Any) -> st.SearchStrategy[Any]:
    numbers = st.floats(-1e3, 1e3, width=32, **elements)
    return st_numpy.arrays(
        np.float32, st_numpy.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=numbers
    )


@given(float32_fields(), OFFSETS, st.lists(st.integers(0, 12), max_size=4), st.randoms(use_true_random=False))
def test_moments_of_any_chunks_in_any_order_are_exact_to_1e_12(
    fields: Any, offset: float, cuts: list[int], random: Any
) -> None:
    values = (fields + np.float32(offset)).astype(np.float64)
    parts = [moments(chunk) for chunk in np.split(values, sorted(cuts))]
    random.shuffle(parts)
    assert_exact(merged(*parts), values)
    assert merged(*parts) == merged(*reversed(parts))
    assert_exact(merged(merged(*parts[:2]), merged(*parts[2:])), values)


@given(float32_fields(allow_subnormal=False), OFFSETS)
def test_moments_of_differences_are_exact_to_1e_12(fields: Any, offset: float) -> None:
    values = (fields + np.float32(offset)).astype(np.float64)
    found = difference_moments(values)
    assert found.count == values[1:].size
    if found.count:
        assert_exact(found, np.diff(values, axis=0))


@given(st_numpy.arrays(np.float64, 20, elements=st.sampled_from([math.nan, 1.0, 2.5, -7.0])))
def test_what_is_not_a_number_is_counted_apart(values: Floats) -> None:
    numbers = values[~np.isnan(values)]
    assert moments(values).nan_count == 20 - len(numbers)
    if len(numbers):
        assert_exact(moments(values), values)
    steps = np.diff(values.reshape(10, 2), axis=0)
    assert difference_moments(values.reshape(10, 2)).nan_count == np.isnan(steps).sum()
    if not np.isnan(steps).all():
        assert_exact(difference_moments(values.reshape(10, 2)), steps)


def test_a_large_offset_costs_no_digits_in_long_series() -> None:
    random = np.random.default_rng(0)
    series = (5e5 + random.standard_normal((600, 500)).cumsum(axis=0) / 20).astype(np.float32).astype(np.float64)
    found = merged(*(moments(chunk) for chunk in np.split(series, 25)))
    wide = series.astype(np.longdouble)
    mean = wide.sum() / wide.size
    assert abs(found.mean - mean) <= 1e-15 * mean
    assert found.std == pytest.approx(float(np.sqrt(((wide - mean) ** 2).sum() / wide.size)), rel=1e-13)
    steps = np.diff(series, axis=0).ravel()
    chunks = [difference_moments(series[first : first + 25]) for first in range(0, 599, 24)]
    assert merged(*chunks).mean == pytest.approx(math.fsum(steps) / steps.size, rel=1e-13)
    assert merged(*chunks).count == steps.size


def test_nothing_merged_with_something_is_something() -> None:
    something = moments(np.array([1.0, 3.0]))
    assert merged(Moments(), something, Moments()) == something
    assert merged(Moments(nan_count=2), Moments(nan_count=1)) == Moments(nan_count=3)
    assert math.isnan(Moments().std)


def test_infinite_values_are_refused() -> None:
    with pytest.raises(ValueError, match="infinite"):
        moments(np.array([1.0, -math.inf]))


def test_a_constant_has_no_spread_to_the_last_bit() -> None:
    assert moments(np.full(1000, np.float64(np.float32(0.1)))).std == 0


def two_pass(month: xr.Dataset, name: str, days: int) -> dict[str, float]:
    values = month[name].values[: 24 * days].astype(np.float64)
    steps = np.diff(values, axis=0)
    return {
        "mean": values.mean(),
        "std": values.std(),
        "min": values.min(),
        "max": values.max(),
        "count": values.size,
        "nan_count": 0,
        "diff_mean": math.fsum(steps.ravel()) / steps.size,
        "diff_std": steps.std(),
        "diff_count": steps.size,
    }


def test_statistics_equal_a_two_pass_computation(tiny: Any) -> None:
    found = json.loads((tiny.path / "statistics.json").read_text())["variables"]
    with xr.open_dataset(tiny.extracted(2007)) as month:
        for name in ("2t", "tcc"):
            assert found[name] == pytest.approx(two_pass(month, name, 31), rel=1e-12)


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


GRID = grid_of_rows([50.0, 50.3, 50.6, 50.9], [1.0, 1.3, 1.6])


def make_month(
    path: Path, number: tuple[int, int], lost: Iterable[int] = (), nan: float = 0.0, grid: Grid = GRID
) -> xr.DataArray:
    """An extracted month of `z` without the lost hours, with a share of values that are no numbers."""
    random = np.random.default_rng(number)
    first, end = dt.datetime(*number, 1), dt.datetime(number[0] + number[1] // 12, number[1] % 12 + 1, 1)
    length = int((end - first) / dt.timedelta(hours=1))
    kept = sorted(set(range(length)) - set(lost))
    fields = (5e4 + random.standard_normal((len(kept), *grid.shape)).cumsum(axis=0)).astype(np.float32)
    fields[random.random(fields.shape) < nan] = np.nan
    times = [first + dt.timedelta(hours=hour) for hour in kept]
    made = extracted.created(path, times=times, grid=grid, variables={"z": {"units": "m2 s-2"}}, attributes={})
    with made as file:
        if kept:
            file["z"][:] = fields
    axes = {"time": np.array(times, dtype="datetime64[ns]")}
    return xr.DataArray(fields.astype(np.float64), dims=("time", "latitude", "longitude"), coords=axes)


def part_of(path: Path, month: Path, number: tuple[int, int], days: tuple[int, int] | None = None) -> Part:
    """The statistics of all days of a month, or of the first to the last of `days`."""
    first, last = days or (1, 30 if number[1] in (4, 6) else 31)
    train = ((dt.date(*number, first), dt.date(*number, last)),)
    with extracted.opened(month) as opened:
        scope = scope_of_month(opened, train, ("z",), step_hours=1, number=number)
        write_part(path, scope, bands_of_month(opened, scope), settings="{}")
    return read_part(path)


def hourly_steps(fields: xr.DataArray) -> Floats:
    """Differences between fields an hour apart."""
    adjacent = np.diff(fields.time.values) == np.timedelta64(1, "h")
    return np.diff(fields.values, axis=0)[adjacent]


@pytest.mark.parametrize("nan", [0.0, 0.02])
def test_what_is_there_is_counted_and_no_difference_reaches_across_a_gap(tmp_path: Path, nan: float) -> None:
    lost = {0, 1, 30, 31, 32, 100, 743}
    fields = make_month(tmp_path / "month.nc", (2007, 1), lost, nan)
    part = part_of(tmp_path / "part.nc", tmp_path / "month.nc", (2007, 1))
    steps = hourly_steps(fields)
    assert len(steps) == 744 - 1 - 2 - 1 - 4 - 2  # two at the start, one at the end, gaps of three and one
    assert_exact(part.states[0], fields.values)
    assert_exact(part.differences[0], steps)
    (band,) = mean_bands([part])
    hours = fields.groupby("time.hour")
    np.testing.assert_allclose(band.means[:, 0], hours.mean(), rtol=1e-12)
    np.testing.assert_array_equal(np.broadcast_to(band.count, band.means.shape)[:, 0], hours.count())
    assert part.scope.hour_count.sum() == 744 - len(lost)


@pytest.mark.parametrize("nan", [0.0, 0.02])
def test_months_merge_to_the_statistics_of_one_series(tmp_path: Path, nan: float) -> None:
    lost = {1: {5}, 2: set(range(28 * 24)), 3: set(), 4: set(range(10)), 5: set(), 6: {719}}
    fields = [make_month(tmp_path / f"{number}.nc", (2007, number), lost[number], nan) for number in lost]
    days = {2: (1, 28), 5: (1, 31)}
    parts = [
        part_of(tmp_path / f"p{number}.nc", tmp_path / f"{number}.nc", (2007, number), days.get(number))
        for number in lost
    ]
    series = xr.concat(fields, "time")
    (states,), (differences,) = whole(parts, step_hours=1)
    assert_exact(states, series.values)
    assert_exact(differences, hourly_steps(series))
    assert whole(parts[::-1], step_hours=1) == ((states,), (differences,))


def test_a_month_without_any_hour_merges_as_nothing(tmp_path: Path) -> None:
    make_month(tmp_path / "empty.nc", (2007, 4), set(range(720)))
    fields = make_month(tmp_path / "month.nc", (2008, 4))
    empty = part_of(tmp_path / "p0.nc", tmp_path / "empty.nc", (2007, 4))
    full = part_of(tmp_path / "p1.nc", tmp_path / "month.nc", (2008, 4))
    assert empty.scope.span is None
    assert whole([empty, full], step_hours=1) == (full.states, full.differences)
    (band,) = mean_bands([empty, full])
    np.testing.assert_allclose(band.means[:, 0], fields.groupby("time.hour").mean(), rtol=1e-12)
    (nothing,) = mean_bands([empty])
    assert np.isnan(nothing.means).all()


def test_the_step_between_two_months_is_counted_where_they_touch(tmp_path: Path) -> None:
    fields = {number: make_month(tmp_path / f"{number}.nc", (2007, number)) for number in (3, 4)}
    whole_march = part_of(tmp_path / "p3.nc", tmp_path / "3.nc", (2007, 3))
    part_march = part_of(tmp_path / "q3.nc", tmp_path / "3.nc", (2007, 3), (1, 30))
    april = part_of(tmp_path / "p4.nc", tmp_path / "4.nc", (2007, 4))
    _, (touching,) = whole([april, whole_march], step_hours=1)
    assert_exact(touching, hourly_steps(xr.concat(list(fields.values()), "time")))
    _, (apart,) = whole([part_march, april], step_hours=1)
    assert apart.count == (30 * 24 - 1 + 30 * 24 - 1) * 12


def test_bands_of_rows_and_short_pieces_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    number = (2007, 1)
    make_month(tmp_path / "month.nc", number, {50}, nan=0.01)
    one = part_of(tmp_path / "one.nc", tmp_path / "month.nc", number)
    (in_one,) = mean_bands([one])
    monkeypatch.setattr(statistics_part, "_BAND_VALUES", 24 * 3 * 3)  # three rows, then one
    monkeypatch.setattr(statistics_pass, "_PIECE_VALUES", 45)  # five steps of three rows
    other = part_of(tmp_path / "other.nc", tmp_path / "month.nc", number)
    for kind in ("states", "differences"):
        (a,), (b,) = getattr(one, kind), getattr(other, kind)
        assert (a.mean, a.std) == pytest.approx((b.mean, b.std), rel=1e-12)
        assert (a.count, a.nan_count, a.minimum, a.maximum) == (b.count, b.nan_count, b.minimum, b.maximum)
    bands = list(mean_bands([other]))
    assert [band.rows for band in bands] == [slice(0, 3), slice(3, 4)]
    np.testing.assert_array_equal(np.concatenate([band.means for band in bands], axis=2), in_one.means)
    _, (linked,) = whole([one, one], step_hours=-743)  # the month as if it followed itself
    _, (again,) = whole([other, other], step_hours=-743)
    assert (linked.mean, linked.std) == pytest.approx((again.mean, again.std), rel=1e-12)


def test_the_same_parts_give_the_same_bytes_in_any_order(tiny: Any, tmp_path: Path) -> None:
    own = two_months(tiny, tmp_path)
    found = []
    for order in (["1.nc", "2.nc"], ["2.nc", "1.nc"]):
        assert merge(own, [tmp_path / name for name in order]) == 0
        found.append([(tmp_path / name).read_bytes() for name in ("statistics.json", "climatology.nc")])
    assert found[0] == found[1]


def two_months(tiny: Any, path: Path) -> Any:
    """Statistics of January 2007 and 2008 as `1.nc` and `2.nc`, for a split that trains on both."""
    splits = tiny.content["splits"] | {
        "train": [["2007-01-01", "2007-01-31"], ["2008-01-01", "2008-01-20"]],
        "validation": [["2008-01-21", "2008-01-31"]],
    }
    own = type(tiny)(path, tiny.content | {"splits": splits})
    for number, year in enumerate((2007, 2008), start=1):
        options = ("--month", f"{year}-01", "--extracted", tiny.extracted(year), "--output", path / f"{number}.nc")
        own.step("statistics_month", *options, year=str(year), month="01")
    return own


def merge(own: Any, parts: list[Path]) -> int:
    settings = cuts.settings_of("statistics", own.config)
    outputs = [
        "--statistics",
        str(own.path / "statistics.json"),
        "--climatology",
        str(own.path / "climatology.nc"),
    ]
    return cli.main(["statistics", "--settings", settings, "--parts", *map(str, parts), *outputs])


def test_a_month_that_is_added_is_merged_from_the_parts_alone(tiny: Any, tmp_path: Path) -> None:
    own = two_months(tiny, tmp_path)
    part = tmp_path / "2007.nc"
    shutil.copy(tiny.path / "part.nc", part)  # as it was made for the split that trains on this month alone
    assert merge(own, [part, tmp_path / "2.nc"]) == 0
    with xr.open_dataset(tiny.extracted(2007)) as one, xr.open_dataset(tiny.extracted(2008)) as other:
        values = xr.concat([one["2t"], other["2t"][: 20 * 24]], "time").astype(np.float64)
    found = json.loads((tmp_path / "statistics.json").read_text())["variables"]["2t"]
    assert found["mean"] == pytest.approx(values.values.mean(), rel=1e-12)
    assert found["std"] == pytest.approx(values.values.std(), rel=1e-12)
    with xr.open_dataset(tmp_path / "climatology.nc") as merged_means:
        expected = values.groupby("time.hour").mean()
        np.testing.assert_allclose(merged_means["2t"].sel(month=1), expected, rtol=1e-6)
        assert (merged_means["count"] == 51).all()


def test_memory_does_not_grow_with_the_years(tmp_path: Path) -> None:
    grid = grid_of_rows(np.arange(40.0), np.arange(50.0))
    make_month(tmp_path / "month.nc", (2007, 4), range(48, 720), grid=grid)
    part = part_of(tmp_path / "part.nc", tmp_path / "month.nc", (2007, 4))
    peaks = []
    for years in (2, 2, 20):  # the first time for what is loaded once
        tracemalloc.start()
        for band in mean_bands([part] * years):
            del band
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.1 * peaks[1] < 4 * grid.shape[0] * grid.shape[1] * 24 * 8


def test_the_split_hash_follows_the_days_and_not_their_order() -> None:
    one, other = (dt.date(2007, 1, 1), dt.date(2007, 1, 31)), (dt.date(2008, 1, 1), dt.date(2008, 1, 31))
    assert split_hash((one, other)) == split_hash((other, one))
    assert split_hash((one,)) != split_hash((other,))


def refused(tiny: Any, month: Path, output: Path) -> None:
    settings = cuts.settings_of("statistics_month", tiny.config, year="2007", month="01")
    options = ["--month", "2007-01", "--extracted", str(month), "--output", str(output)]
    assert cli.main(["statistics_month", "--settings", settings, *options]) == 2
    assert not output.exists()


def test_another_months_file_is_refused(tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(tiny, tiny.extracted(2009), tmp_path / "part.nc")
    assert "holds times outside 2007-01; give that month" in capsys.readouterr().err


def test_a_month_without_a_variable_is_refused(
    tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_month(tmp_path / "month.nc", (2007, 1))
    refused(tiny, tmp_path / "month.nc", tmp_path / "part.nc")
    assert "the extracted month lacks 2t, tcc; run extract again" in capsys.readouterr().err


def test_infinite_values_in_a_month_are_refused(
    tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    month = Path(shutil.copy(tiny.extracted(2007), tmp_path / "month.nc"))
    with netCDF4.Dataset(month, "a") as file:
        file["tcc"][100] = np.inf
    refused(tiny, month, tmp_path / "part.nc")
    assert "tcc has infinite values in the extracted month; mend the archive" in capsys.readouterr().err


def test_a_month_of_other_days_than_the_training_split_is_refused(
    tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = cuts.settings_of("statistics_month", tiny.config, year="2009", month="01")
    options = ["--month", "2009-01", "--extracted", str(tiny.extracted(2009)), "--output", str(tmp_path / "p.nc")]
    assert cli.main(["statistics_month", "--settings", settings, *options]) == 2
    assert "2009-01 has no day of the training split" in capsys.readouterr().err


def test_parts_of_another_split_are_refused(tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = tiny.content | {"splits": tiny.content["splits"] | {"train": [["2007-01-01", "2007-01-30"]]}}
    assert merge(type(tiny)(tmp_path, content), [tiny.path / "part.nc"]) == 2
    assert "are of another training split" in capsys.readouterr().err
    assert merge(type(tiny)(tmp_path, tiny.content), [tiny.path / "part.nc"] * 2) == 2  # one month counted twice
    assert "are of another training split" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_parts_of_other_variables_or_another_grid_are_refused(
    tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads(json.dumps(tiny.content))
    content["dataset"]["variables"] = ["2t"]
    assert merge(type(tiny)(tmp_path, content), [tiny.path / "part.nc"]) == 2
    assert "is of other variables or time steps; run statistics_month again" in capsys.readouterr().err
    own = two_months(tiny, tmp_path)
    with netCDF4.Dataset(tmp_path / "2.nc", "a") as file:
        file["latitude"][0] += 0.1
    assert merge(own, [tmp_path / "1.nc", tmp_path / "2.nc"]) == 2
    assert "is of another grid than" in capsys.readouterr().err


def test_a_variable_without_spread_or_without_values_is_refused(
    tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    month = Path(shutil.copy(tiny.extracted(2007), tmp_path / "month.nc"))
    settings = cuts.settings_of("statistics_month", tiny.config, year="2007", month="01")
    options = ["--month", "2007-01", "--extracted", str(month), "--output", str(tmp_path / "part.nc")]
    for value, text in ((0.1, "2t is constant over"), (np.nan, "2t has no value in the training split")):
        with netCDF4.Dataset(month, "a") as file:
            file["2t"][:] = value
        assert cli.main(["statistics_month", "--settings", settings, *options]) == 0
        assert merge(type(tiny)(tmp_path, tiny.content), [tmp_path / "part.nc"]) == 2
        assert text in capsys.readouterr().err
    assert not (tmp_path / "statistics.json").exists()


@pytest.mark.parametrize("content", [None, b"", b"no netCDF"])
def test_a_part_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "part.nc"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot read .*part.nc .*; run statistics_month again"):
        read_part(path)


def test_the_steps_import_nothing_heavy(tiny: Any, tmp_path: Path) -> None:
    settings = cuts.settings_of("statistics_month", tiny.config, year="2007", month="01")
    options = ["--month", "2007-01", "--extracted", str(tiny.extracted(2007)), "--output", str(tmp_path / "p.nc")]
    code = (
        "import sys; from windrow import climatology, cli; cli.main(sys.argv[1:]); "
        "sys.exit(', '.join({'zarr', 'xarray', 'dask', 'torch', 'pandas', 'eccodes', 'scipy'} & {*sys.modules}) or 0)"
    )
    command = [sys.executable, "-c", code, "statistics_month", "--settings", settings, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert (tmp_path / "p.nc").exists()
