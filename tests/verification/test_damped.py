import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from windrow import cuts, stages
from windrow.climatology import Climatology, read_climatology
from windrow.errors import UserError
from windrow.grid import grid_of_rows
from windrow.shards.layout import block_path, shape_of
from windrow.shards.reader import ShardReader
from windrow.stages import Layout
from windrow.statistics import split_hash
from windrow.verification import damped
from windrow.verification.baselines import Archive, damped_persistence
from windrow.verification.damped import Damping, fit_damping, lagged_sums, read_damping

LAYOUT = Layout(origin=dt.datetime(2007, 1, 1), step_hours=1, block_steps=24, variables=("2t", "tcc"), ny=2, nx=2)
DAY = ((dt.date(2007, 1, 1), dt.date(2007, 1, 1)),)


def archive(path: Path, fields: np.ndarray, *, missing: tuple[int, ...] = ()) -> ShardReader:
    """One block of a day; `fields` (step, variable, y, x)."""
    present = np.ones(24, dtype=bool)
    present[list(missing)] = False
    file = block_path(path, 0)
    file.parent.mkdir(parents=True)
    file.write_bytes(fields.astype("<f4").tobytes() + shape_of(LAYOUT).index_ending(present))
    return ShardReader(path, LAYOUT)


def climatology(value: float) -> Climatology:
    means = np.full((1, 24, 2, 2, 2), value, dtype=np.float32)
    return Climatology((1,), tuple(range(24)), ("2t", "tcc"), means, grid_of_rows([50.0, 51.0], [0.0, 1.0]), {})


def test_a_departure_that_halves_every_hour_has_the_factors_a_half_and_a_quarter(tmp_path: Path) -> None:
    halved = 3.0 + 0.5 ** np.arange(24.0)[:, None, None, None] * np.ones((1, 2, 2, 2))
    reader = archive(tmp_path, halved)
    found = fit_damping(reader, climatology(3.0), DAY, ("tcc",), leads=2)
    assert found["lead_hours"] == [1, 2]
    assert found["variables"]["tcc"]["factors"] == pytest.approx([0.5, 0.25], abs=1e-5)
    assert found["variables"]["tcc"]["pairs"] == [4 * 23, 4 * 22]


@pytest.mark.parametrize("steps", [1, 5, 8, 9])  # as many as the starts, and up to as many as all leads need
@pytest.mark.parametrize("missing", [True, False])
def test_sums_leave_out_pairs_without_a_value(steps: int, missing: bool) -> None:
    departures = np.random.default_rng(1).normal(size=(9, 4))
    if missing:
        departures[3, 1] = departures[5] = departures[0, 2] = np.nan
    departures, starts = departures[:steps], min(steps, 5)
    found = lagged_sums(departures, 4, starts=starts)
    for lead in (1, 2, 3, 4):
        expected = np.zeros(3)
        for step in range(min(starts, steps - lead)):
            for a, b in zip(departures[step], departures[step + lead], strict=True):
                if not (np.isnan(a) or np.isnan(b)):
                    expected += a * b, a * a, 1
        np.testing.assert_allclose(found[lead - 1], expected)


def test_no_pair_reaches_across_a_missing_hour(tmp_path: Path) -> None:
    fields = np.random.default_rng(2).normal(size=(24, 2, 2, 2)).astype(np.float32)
    reader = archive(tmp_path, fields, missing=(10,))
    found = fit_damping(reader, climatology(0.0), DAY, ("2t",), leads=3)["variables"]["2t"]
    assert found["pairs"] == [4 * (9 + 12), 4 * (8 + 11), 4 * (7 + 10)]
    a = fields[:, 0].astype(np.float64)
    pairs = [(step, step + 3) for step in [*range(7), *range(11, 21)]]
    expected = sum((a[s] * a[e]).sum() for s, e in pairs) / sum((a[s] ** 2).sum() for s, _ in pairs)
    assert found["factors"][2] == pytest.approx(expected)


def test_factors_are_what_xarray_says_of_the_training_split_alone_in_any_pieces(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--shards", tiny.shards, "--climatology", tiny.path / "climatology.nc")
    tiny.step("damping", *options, "--output", tmp_path / "damping.json")
    written = json.loads((tmp_path / "damping.json").read_text())
    with xr.open_dataset(tiny.extracted(2007)) as month:
        field = month["2t"].astype(np.float64)
        a = (field.groupby("time.hour") - field.groupby("time.hour").mean()).values
    expected = [(a[:-lead] * a[lead:]).sum() / (a[:-lead] ** 2).sum() for lead in (1, 2, 3, 4)]
    assert written["variables"]["2t"]["factors"] == pytest.approx(expected, rel=1e-4)
    assert written["split_hash"] == split_hash(tiny.config.splits.train)
    monkeypatch.setattr(damped, "_CHUNK_VALUES", 1)
    settings = stages.Damping.model_validate_json(cuts.settings_of("damping", tiny.config))
    means = read_climatology(tiny.path / "climatology.nc", settings.train)
    pieces = fit_damping(ShardReader(tiny.shards, settings.layout), means, settings.train, ("2t",), leads=4)
    assert pieces["variables"]["2t"]["factors"] == pytest.approx(written["variables"]["2t"]["factors"], rel=1e-12)
    assert pieces["variables"]["2t"]["pairs"] == written["variables"]["2t"]["pairs"]


def test_damped_persistence_is_the_climatology_and_a_part_of_the_last_departure(tiny: Any) -> None:
    layout = cuts.layout(tiny.config)
    means = read_climatology(tiny.path / "climatology.nc", tiny.config.splits.train)
    factors = np.array([[0.9, 0.3], [0.8, 0.2], [0.7, 0.1]])
    found = damped_persistence(
        Archive(ShardReader(tiny.shards, layout), means, ("2t",), Damping(("tcc", "2t"), factors)),
        np.array([30, 41]),
        2,
    )
    with xr.open_dataset(tiny.extracted(2007)) as training:
        field, mean = training["2t"].values, training["2t"].groupby("time.hour").mean().values
    for place, init in enumerate((30, 41)):
        for lead, factor in ((1, 0.3), (2, 0.2)):
            expected = mean[(init + lead) % 24] + factor * (field[init] - mean[init % 24])
            np.testing.assert_allclose(found[place, lead - 1, 0], expected, rtol=1e-5)


def test_constant_fields_are_damped_to_the_climatology(tmp_path: Path) -> None:
    reader = archive(tmp_path, np.ones((24, 2, 2, 2)))
    assert fit_damping(reader, climatology(1.0), DAY, ("2t",), leads=1)["variables"]["2t"]["factors"] == [0.0]


def test_a_lead_without_a_pair_of_hours_is_refused(tmp_path: Path) -> None:
    reader = archive(tmp_path, np.ones((24, 2, 2, 2)), missing=(6, 12, 18))
    with pytest.raises(UserError, match=r"no two fields of 2t that are 6 h apart .* lengthen splits.train"):
        fit_damping(reader, climatology(0.0), DAY, ("2t",), leads=6)


def content(**changed: Any) -> dict[str, Any]:
    variables = {"2t": {"factors": [0.5, 0.25]}, "tcc": {"factors": [0.4, 0.2]}}
    return {"split_hash": split_hash(DAY), "lead_hours": [1, 2], "variables": variables} | changed


def test_factors_are_read_by_lead_and_variable(tmp_path: Path) -> None:
    path = tmp_path / "damping.json"
    path.write_text(json.dumps(content()))
    found = read_damping(path, DAY, LAYOUT)
    np.testing.assert_array_equal(found.of(("tcc", "2t"), 1), [[0.4, 0.5]])
    with pytest.raises(UserError, match="not of msl; run the stage damping again"):
        found.of(("msl",), 1)
    with pytest.raises(UserError, match="not of 3 lead times; run the stage damping again"):
        found.of(("2t",), 3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"split_hash": "0"}, "is of another training split; run the stage damping again"),
        ({"lead_hours": [3, 6]}, "is of another time step; run the stage damping again"),
        ({"variables": {"2t": {"factors": [0.5]}, "tcc": {"factors": [0.5, 0.4]}}}, "is damaged"),
        ({"variables": []}, "is damaged"),
    ],
)
def test_factors_of_something_else_are_refused(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "damping.json"
    path.write_text(json.dumps(content(**changed)))
    with pytest.raises(UserError, match=message):
        read_damping(path, DAY, LAYOUT)


def test_damped_persistence_without_its_factors_is_refused(tiny: Any) -> None:
    reader = ShardReader(tiny.shards, cuts.layout(tiny.config))
    with pytest.raises(UserError, match="needs its factors; run the stage damping and give its file by --damping"):
        damped_persistence(Archive(reader, climatology(0.0), ("2t",)), np.array([30]), 2)
