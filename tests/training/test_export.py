"""Export to ONNX and forecasts from new GRIB files, with a model that was trained here."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from tests.training.test_fit import options
from windrow import cli, cuts
from windrow.training import export

EXPERIMENTS = ("convlstm", "cnn")


@pytest.fixture(scope="module", params=EXPERIMENTS)
def trained(tiny: Any, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    path = tmp_path_factory.mktemp(request.param)
    assert cli.main(options(tiny, path, request.param, epochs=1)) == 0
    return path / "model.ckpt"


def exported(tiny: Any, model: Path, tmp_path: Path) -> int:
    settings = cuts.settings_of("export", tiny.config)
    output = ("--output", str(tmp_path / "model.onnx"), "--report", str(tmp_path / "export.json"))
    return cli.main(
        ["export", "--settings", settings, "--shards", str(tiny.shards), "--model", str(model), *output]
    )


def test_the_exported_network_forecasts_as_the_trained_one(tiny: Any, trained: Path, tmp_path: Path) -> None:
    assert exported(tiny, trained, tmp_path) == 0
    found = json.loads((tmp_path / "export.json").read_text())
    assert found["samples"] == 20
    assert found["difference"] < 1e-4
    assert found["opset"] == onnx.load(tmp_path / "model.onnx").opset_import[0].version
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    assert session.get_modelmeta().custom_metadata_map["variables"] == "2t,tcc"
    assert {one.name for one in session.get_inputs()} <= set(export.INPUTS)


def test_a_network_that_differs_is_not_let_out(
    tiny: Any, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write = export._write

    def another(network: torch.nn.Module, *rest: Any) -> None:
        weight = next(network.parameters())
        kept = weight.detach().clone()
        weight.data.mul_(1.01)
        write(network, *rest)
        weight.data.copy_(kept)

    monkeypatch.setattr(export, "_write", another)
    assert exported(tiny, trained, tmp_path) == 2
    assert "the exported network differs from the trained one by" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_difference_is_relative_to_the_spread_of_each_target() -> None:
    expected = np.zeros((2, 1, 1, 2, 1, 1), dtype=np.float32)
    expected[:, 0, 0, 0, 0, 0] = (280.0, 284.0)  # deviation 2
    expected[:, 0, 0, 1, 0, 0] = (0.0, 1.0)  # deviation 0.5
    found = expected.copy()
    found[0, 0, 0, 0, 0, 0] += 0.5
    assert export.relative_difference(found, expected) == pytest.approx(0.25)
    found[1, 0, 0, 1, 0, 0] += 0.5
    assert export.relative_difference(found, expected) == pytest.approx(1.0)


@pytest.fixture
def newest(tiny: Any, tmp_path: Path) -> Path:
    """Six hours of the last day of the test month, 7 to 12 UTC, in a file of their own."""
    whole = (tiny.path / "archive" / "2009" / "01" / "fields.grib").read_bytes()
    path = tmp_path / "latest.grib"
    hour = len(whole) // 744
    path.write_bytes(whole[-17 * hour : -11 * hour])
    return path


@pytest.mark.parametrize("suffix", [".nc", ".zarr", ".grib"])
def test_a_forecast_from_new_fields_is_that_of_the_model(
    tiny: Any, trained: Path, newest: Path, tmp_path: Path, suffix: str
) -> None:
    output = tmp_path / f"forecast{suffix}"
    command = ["predict", "--checkpoint", str(trained), "--grib", str(newest), "--output", str(output)]
    assert cli.main(command) == 0
    hours, values = read(output)
    assert hours == [dt.datetime(2009, 1, 31, hour) for hour in (13, 14, 15, 16)]
    np.testing.assert_allclose(values, forecast_by_hand(tiny, trained), atol=2e-3 if suffix == ".grib" else 1e-4)


def read(path: Path) -> tuple[list[dt.datetime], np.ndarray[Any, Any]]:
    if path.suffix == ".grib":
        return read_grib(path)
    import xarray

    engine: dict[str, Any] = {"engine": "zarr"} if path.suffix == ".zarr" else {}
    with xarray.open_dataset(path, decode_timedelta=True, **engine) as found:
        times = (found.init_time.values[0] + found.lead_time.values).astype("datetime64[s]")
        return times.astype(object).tolist(), found["2t"].sortby("latitude").values[0]


def read_grib(path: Path) -> tuple[list[dt.datetime], np.ndarray[Any, Any]]:
    import eccodes

    hours, values = [], []
    with path.open("rb") as file:
        while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
            date = eccodes.codes_get(handle, "validityDate", int)
            hour = eccodes.codes_get(handle, "validityTime", int) // 100
            hours.append(dt.datetime.strptime(f"{date}{hour:02d}", "%Y%m%d%H"))
            assert eccodes.codes_get(handle, "shortName") == "2t"
            assert eccodes.codes_get(handle, "dataDate", int) == 20090131
            shape = (eccodes.codes_get(handle, "Nj", int), eccodes.codes_get(handle, "Ni", int))
            rows = eccodes.codes_get_values(handle).reshape(shape)
            values.append(rows if eccodes.codes_get(handle, "jScansPositively", int) else rows[::-1])
            eccodes.codes_release(handle)
    return hours, np.array(values)


def forecast_by_hand(tiny: Any, model: Path) -> np.ndarray[Any, Any]:
    """From the extracted month instead of the messages."""
    import xarray

    from windrow.climatology import calendar_rows
    from windrow.training.calendar import calendar
    from windrow.training.trained import load_trained

    trained = load_trained(model)
    with xarray.open_dataset(tiny.extracted(2009)) as month:
        fields = np.stack([month[name].values[-17:-11] for name in ("2t", "tcc")], axis=1)[None]
        south_first = bool(month.latitude[0] < month.latitude[-1])
    layout = trained.settings.layout
    first = np.array([(dt.datetime(2009, 1, 31, 7) - layout.origin.replace(tzinfo=None)) // dt.timedelta(hours=1)])
    given = (fields, calendar_rows(first, 10, layout), calendar(first, 10, layout))
    with torch.inference_mode():
        found = trained.model.forecast(*map(torch.from_numpy, given)).tensor[0, :, 0].numpy()
    return found if south_first else found[:, ::-1]


def test_predict_says_all_that_differs_from_the_training(
    tiny: Any, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from windrow.testing import message, tiny_field

    times = [dt.datetime(2009, 1, 31, hour) for hour in range(3)]
    path = tmp_path / "short.grib"
    path.write_bytes(b"".join(message("2t", time, tiny_field("2t", time)) for time in times))
    command = ["predict", "--checkpoint", str(trained), "--grib", str(path), "--output", str(tmp_path / "f.nc")]
    assert cli.main(command) == 2
    told = capsys.readouterr().err
    assert "tcc" in told
    assert not (tmp_path / "f.nc").exists()


def test_an_unknown_format_is_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["predict", "--checkpoint", "nothing", "--grib", "nothing", "--output", str(tmp_path / "f.txt")]
    assert cli.main(command) == 2
    assert "has no known format; take one of .nc, .zarr, .grib" in capsys.readouterr().err
