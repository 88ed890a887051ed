from collections import defaultdict
from itertools import islice
from pathlib import Path
from typing import Any

import eccodes
import numpy as np
import pytest

from windrow import cli
from windrow.errors import UserError
from windrow.sample import archive as archive_module
from windrow.sample import simulate, write_sample

SHAPE = (48, 56)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample")
    write_sample(root, years=(2007, 2008), days=1)
    return root


def _messages(path: Path, *keys: str) -> list[dict[str, Any]]:
    """The wanted keys of every message, and its `values` (y, x)."""
    found = []
    with path.open("rb") as stream:
        while (handle := eccodes.codes_grib_new_from_file(stream)) is not None:
            message = {key: eccodes.codes_get(handle, key) for key in keys}
            message["values"] = eccodes.codes_get_values(handle).reshape(SHAPE)
            message["pv"] = eccodes.codes_get_array(handle, "pv") if "_ml" in path.name else None
            found.append(message)
            eccodes.codes_release(handle)
    return found


def _bytes(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def test_the_archive_has_two_files_for_every_hour_and_its_marker(archive: Path) -> None:
    hours = [f"{year}/01/{year}0101{hour:02d}" for year in (2007, 2008) for hour in range(24)]
    expected = {f"{hour}_{kind}.grb" for hour in hours for kind in ("sf", "ml")}
    assert set(_bytes(archive)) == expected | {"sample.json"}


def test_surface_messages_have_the_keys_of_the_archive(archive: Path) -> None:
    keys = ("paramId", "shortName", "typeOfLevel", "dataDate", "dataTime", "step", "units", "localUsePresent")
    messages = _messages(archive / "2007/01/2007010113_sf.grb", *keys, "centre", "edition", "bitsPerValue")
    assert [message["shortName"] for message in messages] == ["2t", "tcc", "msl", "10u", "10v"]
    assert [message["paramId"] for message in messages] == [167, 164, 151, 165, 166]
    assert [message["units"] for message in messages] == ["K", "(0 - 1)", "Pa", "m s**-1", "m s**-1"]
    shared = {
        "typeOfLevel": "surface",
        "dataDate": 20070101,
        "dataTime": 1300,
        "step": 0,
        "centre": "ecmf",
        "localUsePresent": 0,
        "edition": 1,
        "bitsPerValue": 16,
    }
    for message in messages:
        assert {key: message[key] for key in shared} == shared


def test_the_land_sea_mask_comes_once_a_month_in_a_bit_a_point(archive: Path) -> None:
    first = _messages(archive / "2008/01/2008010100_sf.grb", "shortName", "paramId", "bitsPerValue", "totalLength")
    assert [message["shortName"] for message in first] == ["2t", "tcc", "msl", "10u", "10v", "lsm"]
    lsm = first[-1]
    assert (lsm["paramId"], lsm["bitsPerValue"]) == (172, 1)
    assert lsm["totalLength"] < 450
    assert set(np.unique(lsm["values"])) == {0.0, 1.0}
    assert lsm["values"][round((53.7 - 48.0) / 0.3), round((9.0 - 0.6) / 0.3)] == 1  # Swabia
    assert lsm["values"][round((53.7 - 42.0) / 0.3), round((6.0 - 0.6) / 0.3)] == 0  # the sea south of Provence


def test_the_grid_runs_from_north_to_south_in_steps_of_three_tenths(archive: Path) -> None:
    keys = {
        "gridType": "regular_ll",
        "packingType": "grid_simple",
        "Ni": 56,
        "Nj": 48,
        "latitudeOfFirstGridPointInDegrees": 53.7,
        "latitudeOfLastGridPointInDegrees": 39.6,
        "longitudeOfFirstGridPointInDegrees": 0.6,
        "longitudeOfLastGridPointInDegrees": 17.1,
        "iDirectionIncrementInDegrees": 0.3,
        "jDirectionIncrementInDegrees": 0.3,
        "jScansPositively": 0,
    }
    for kind in ("sf", "ml"):
        for message in _messages(archive / f"2008/01/2008010100_{kind}.grb", *keys):
            assert {key: message[key] for key in keys} == keys


def test_model_levels_come_with_surface_pressure_and_surface_geopotential(archive: Path) -> None:
    path = archive / "2007/01/2007010100_ml.grb"
    messages = _messages(path, "paramId", "shortName", "typeOfLevel", "level")
    assert {message["typeOfLevel"] for message in messages} == {"hybrid"}
    found = [(message["shortName"], message["paramId"], message["level"]) for message in messages]
    assert found == [("lnsp", 152, 1), ("z", 129, 1), *(("t", 130, level) for level in (1, 2, 3, 4, 5))]
    assert {message["pv"].size for message in messages} == {2 * 6}


def test_850_hpa_lies_between_two_levels_of_the_files_at_every_point(archive: Path) -> None:
    lnsp, _, *temperature = _messages(archive / "2007/01/2007010106_ml.grb", "level")
    a, b = np.split(lnsp["pv"], 2)
    half = a[:, None, None] + b[:, None, None] * np.exp(lnsp["values"])
    full = [(half[message["level"] - 1] + half[message["level"]]) / 2 for message in temperature]
    assert np.all(np.diff(full, axis=0) > 0)
    assert np.all(full[0] < 85000.0)
    assert np.all(full[-1] > 85000.0)


def test_files_hold_the_simulated_values_to_the_precision_of_their_packing(archive: Path) -> None:
    fields = next(islice(simulate(2007, 1), 9, None))
    surface = _messages(archive / "2007/01/2007010109_sf.grb", "shortName")
    lnsp, ground, *temperature = _messages(archive / "2007/01/2007010109_ml.grb", "shortName")
    pairs = [(message["values"], fields[message["shortName"]]) for message in (*surface, lnsp, ground)]
    pairs += [(message["values"], fields["t"][i]) for i, message in enumerate(temperature)]
    for written, simulated in pairs:
        np.testing.assert_allclose(written, simulated, rtol=0, atol=np.ptp(simulated) / 2**15 + 1e-7)


def test_two_runs_give_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    write_sample(tmp_path, years=(2007, 2008), days=1)
    assert _bytes(tmp_path) == _bytes(archive)


def test_a_killed_run_can_be_repeated(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, written = archive_module._write, defaultdict(int)

    def killed(path: Path, messages: list[bytes]) -> None:
        written["files"] += 1
        if written["files"] > 7:
            raise KeyboardInterrupt
        write(path, messages)

    with monkeypatch.context() as patch:
        patch.setattr(archive_module, "_write", killed)
        with pytest.raises(KeyboardInterrupt):
            write_sample(tmp_path, years=(2007, 2008), days=1)
    assert len(_bytes(tmp_path)) == 8  # and the marker, which says that the rest is missing
    write_sample(tmp_path, years=(2007, 2008), days=1)
    assert _bytes(tmp_path) == _bytes(archive)


def test_a_complete_archive_is_left_alone(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "_write", lambda path, messages: pytest.fail(f"{path} was written again"))
    write_sample(archive, years=(2007, 2008), days=1)


def test_a_lost_file_is_written_again_and_progress_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    write_sample(tmp_path, years=(2008,), days=1)
    lost = tmp_path / "2008/01/2008010105_ml.grb"
    content = lost.read_bytes()
    lost.unlink()
    write_sample(tmp_path, years=(2008,), days=1, progress=told.append)
    assert lost.read_bytes() == content
    assert told == ["2008-01"]


def test_other_parameters_replace_the_archive(tmp_path: Path) -> None:
    write_sample(tmp_path, years=(2007,), days=1)
    write_sample(tmp_path, years=(2008,), days=1)
    assert all("2007" not in file for file in _bytes(tmp_path))


def test_an_archive_of_another_origin_is_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "2007/01/2007010100_sf.grb"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"GRIB")
    with pytest.raises(UserError, match="choose another directory"):
        write_sample(tmp_path, years=(2007,), days=1)
    assert _bytes(tmp_path) == {"2007/01/2007010100_sf.grb": b"GRIB"}


def test_a_marker_of_another_origin_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sample.json").write_text("{}")
    with pytest.raises(UserError, match="not from this command"):
        write_sample(tmp_path, years=(2007,), days=1)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"days": 0}, "0 days"),
        ({"months": (13,)}, "months from 1 to 12"),
        ({"months": ()}, "months from 1 to 12"),
        ({"years": ()}, "years from 1800"),
        ({"years": (207,)}, "years from 1800"),
        ({"seed": -1}, "0 or more"),
    ],
)
def test_senseless_parameters_are_refused(tmp_path: Path, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        write_sample(tmp_path, **parameters)
    assert _bytes(tmp_path) == {}


def test_the_command_tells_of_every_month_and_names_the_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["sample", str(tmp_path), "--days", "1"]) == 0
    told = [f"{year}-01 written" for year in (2007, 2008, 2009)]
    assert capsys.readouterr().out.splitlines() == [*told, f"{tmp_path} holds the sample"]
    assert cli.main(["sample", str(tmp_path), "--days", "1"]) == 0
    assert capsys.readouterr().out == f"{tmp_path} holds the sample\n"
