import datetime as dt
import json
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr

from windrow import cli, cuts
from windrow.climatology import read_climatology
from windrow.errors import UserError
from windrow.statistics import split_hash


def on_other_days(tiny: Any, path: Path) -> Any:
    """The same dataset with a training split that is a day shorter."""
    content = json.loads(json.dumps(tiny.content))
    content["splits"]["train"] = [["2007-01-01", "2007-01-30"]]
    return type(tiny)(path, content)


def test_climatology_is_the_mean_per_hour_and_point(tiny: Any) -> None:
    with xr.open_dataset(tiny.extracted(2007)) as month, xr.open_dataset(tiny.path / "climatology.nc") as found:
        expected = month["2t"].astype(np.float64).groupby("time.hour").mean()
        assert found.month.values.tolist() == [1]
        np.testing.assert_allclose(found["2t"].sel(month=1), expected, rtol=1e-6)
        assert (found["count"] == 31).all()
        assert "2t_count" not in found


def test_values_that_are_no_numbers_are_counted_out_at_each_point(tiny: Any, tmp_path: Path) -> None:
    month = tmp_path / "month.nc"
    month.write_bytes(tiny.extracted(2007).read_bytes())
    with netCDF4.Dataset(month, "a") as file:
        file["2t"][[5, 29, 300], 2, 3] = np.nan
        file["2t"][7::24, 0, 0] = np.nan  # never there at 7 o'clock
    options = ("--month", "2007-01", "--extracted", month, "--output", tmp_path / "part.nc")
    tiny.step("statistics_month", *options, year="2007", month="01")
    outputs = ("--statistics", tmp_path / "statistics.json", "--climatology", tmp_path / "climatology.nc")
    tiny.step("statistics", "--parts", tmp_path / "part.nc", *outputs)
    with xr.open_dataset(month) as fields, xr.open_dataset(tmp_path / "climatology.nc") as found:
        hours = fields["2t"].astype(np.float64).groupby("time.hour")
        np.testing.assert_allclose(found["2t"].sel(month=1), hours.mean(), rtol=1e-6)
        np.testing.assert_array_equal(found["2t_count"].sel(month=1), hours.count())
        assert "tcc_count" not in found
        statistics = json.loads((tmp_path / "statistics.json").read_text())["variables"]["2t"]
        assert statistics["nan_count"] == 34
        assert statistics["count"] == int(fields["2t"].count())
    read = read_climatology(tmp_path / "climatology.nc", tiny.config.splits.train)
    assert read.variables == ("2t", "tcc")
    assert read.attributes["2t"]["units"] == "K"
    assert "ancillary_variables" not in read.attributes["2t"]


def test_a_climatology_of_another_split_is_refused(tiny: Any) -> None:
    path = tiny.path / "climatology.nc"
    assert read_climatology(path, tiny.config.splits.train).months == (1,)
    with pytest.raises(UserError, match=r"climatology.nc is of another training split; run the stage statistics"):
        read_climatology(path, ((dt.date(2007, 1, 1), dt.date(2007, 1, 30)),))


def test_a_climatology_without_a_split_is_refused(tiny: Any, tmp_path: Path) -> None:
    path = tmp_path / "climatology.nc"
    path.write_bytes((tiny.path / "climatology.nc").read_bytes())
    with netCDF4.Dataset(path, "a") as file:
        del file.split_hash
    with pytest.raises(UserError, match="is of another training split"):
        read_climatology(path, tiny.config.splits.train)


def test_an_hour_that_no_training_day_has_is_refused(tiny: Any, tmp_path: Path) -> None:
    path = tmp_path / "climatology.nc"
    path.write_bytes((tiny.path / "climatology.nc").read_bytes())
    with netCDF4.Dataset(path, "a") as file:
        file["2t"][0, 7] = np.nan
    found = read_climatology(path, tiny.config.splits.train)
    assert found.at([dt.datetime(2009, 1, 1, 7)], ("tcc",)).shape == (1, 1, 5, 6)
    with pytest.raises(UserError, match="nothing for month 1 at 07 hours, because that hour is missing on all"):
        found.at([dt.datetime(2009, 1, 1, 6), dt.datetime(2009, 1, 1, 7)], ("2t",))


def changed_hash(source: Path, path: Path) -> Path:
    path.write_bytes(source.read_bytes())
    with netCDF4.Dataset(path, "a") as file:
        file.split_hash = "0" * 16
    return path


def train(tiny: Any, output: Path, climatology: Path) -> int:
    content = json.loads(json.dumps(tiny.content))
    content["experiments"]["cnn"]["training"]["epochs"] = 1
    settings = cuts.settings_of("train", type(tiny)(tiny.path, content).config, experiment="cnn")
    paths = {
        "shards": tiny.shards,
        "statistics": tiny.path / "statistics.json",
        "climatology": climatology,
        "statics": tiny.path / "statics.nc",
        "work": output / "work",
        "model": output / "model.ckpt",
        "history": output / "history.json",
    }
    return cli.main(
        ["train", "--settings", settings, *(str(word) for name in paths for word in (f"--{name}", paths[name]))]
    )


def forecast(tiny: Any, own: Any, model: Path, climatology: Path, output: Path) -> int:
    settings = cuts.settings_of("forecast", own.config, experiment="cnn", split="test")
    paths = {"shards": tiny.shards, "climatology": climatology, "model": model, "output": output}
    return cli.main(
        ["forecast", "--settings", settings, *(str(word) for name in paths for word in (f"--{name}", paths[name]))]
    )


def verify(tiny: Any, own: Any, forecasts: Path, climatology: Path, output: Path) -> int:
    settings = cuts.settings_of("verify", own.config)
    paths = {"forecasts": forecasts, "shards": tiny.shards, "climatology": climatology, "output": output}
    paths |= {name: tiny.path / f"{name}.json" for name in ("statistics", "damping")}
    return cli.main(
        ["verify", "--settings", settings, *(str(word) for name in paths for word in (f"--{name}", paths[name]))]
    )


def test_no_stage_mixes_training_splits(tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right, wrong = tiny.path / "climatology.nc", changed_hash(tiny.path / "climatology.nc", tmp_path / "other.nc")
    other = on_other_days(tiny, tmp_path)
    model, forecasts, scores = (tmp_path / name for name in ("model.ckpt", "forecasts.zarr", "scores.nc"))

    def says(text: str) -> bool:
        return text in capsys.readouterr().err

    assert train(tiny, tmp_path, wrong) == 2
    assert says(f"{wrong} is of another training split; run the stage statistics again")
    assert not model.exists()
    assert train(tiny, tmp_path, right) == 0
    assert forecast(tiny, tiny, model, wrong, forecasts) == 2
    assert says(f"{wrong} is of another training split; run the stage statistics again")
    assert forecast(tiny, other, model, right, forecasts) == 2
    assert says(f"{model} was trained on other days than splits.train; run the stage train again")
    assert not forecasts.exists()
    assert forecast(tiny, tiny, model, right, forecasts) == 0
    assert verify(tiny, tiny, forecasts, wrong, scores) == 2
    assert says(f"{wrong} is of another training split; run the stage statistics again")
    assert verify(tiny, other, forecasts, right, scores) == 2
    assert says(f"{forecasts} comes from a model of another training split; run the stage forecast again")
    assert not scores.exists()
    assert verify(tiny, tiny, forecasts, right, scores) == 0


def test_the_climatology_carries_the_hash_of_its_split(tiny: Any) -> None:
    with netCDF4.Dataset(tiny.path / "climatology.nc") as file:
        assert file.split_hash == split_hash(tiny.config.splits.train)
