import contextlib
import datetime as dt
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow import cli
from windrow.config import Domain
from windrow.errors import UserError
from windrow.files import read_json
from windrow.grib.decode import read_field
from windrow.grib.grid import crop_to
from windrow.grib.inventory import as_columns, expected_times, listed, places_of, scan, variable_name
from windrow.testing import message, tiny_field

FIRST = dt.datetime(2007, 1, 1)
TIMES = expected_times(FIRST, FIRST + dt.timedelta(hours=4), step_hours=1)


def written(path: Path, *pairs: tuple[str, int], padding: bytes = b"") -> Path:
    times = {hour: FIRST + dt.timedelta(hours=hour) for _, hour in pairs}
    parts = [message(name, times[hour], tiny_field(name, times[hour])) + padding for name, hour in pairs]
    path.write_bytes(b"".join(parts))
    return path


def inventory_of(path: Path) -> dict[str, object]:
    grids: dict[str, dict[str, object]] = {}
    messages = list(scan([path], path.parent, grids))
    return as_columns(messages, TIMES, grids, month="2007-01")


ALL = [(name, hour) for hour in range(4) for name in ("2t", "tcc")]


def test_every_message_is_listed_where_it_lies(tmp_path: Path) -> None:
    path = written(tmp_path / "a.grib", *ALL)
    length = path.stat().st_size // 8
    found = places_of(inventory_of(path), "tcc")
    assert found == {hour: ("a.grib", (2 * hour + 1) * length, length) for hour in range(4)}


def test_the_zeros_that_mars_pads_with_are_no_damage(tmp_path: Path) -> None:
    path = written(tmp_path / "a.grib", *ALL, padding=b"\0" * 18)
    assert len(places_of(inventory_of(path), "2t")) == 4


def test_missing_and_doubled_hours_are_listed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.grib", ("2t", 0), ("2t", 1), ("2t", 1), ("2t", 3))
    inventory = inventory_of(path)
    described = inventory["variables"]["2t"]  # type: ignore[index]
    assert described["missing"] == ["2007-01-01T02:00:00"]
    assert described["doubled"] == ["2007-01-01T01:00:00"]
    with pytest.raises(UserError, match="2t is missing at 2007-01-01T02:00:00"):
        places_of(inventory, "2t")


def test_a_doubled_message_alone_is_an_error_too(tmp_path: Path) -> None:
    path = written(tmp_path / "a.grib", *ALL, ("2t", 2))
    with pytest.raises(UserError, match="2t is doubled at 2007-01-01T02:00:00; delete one of the messages"):
        places_of(inventory_of(path), "2t")


def test_names_carry_the_level_behind_them() -> None:
    assert variable_name("2t", "surface", 0) == "2t"
    assert variable_name("t", "isobaricInhPa", 850) == "t850"
    assert variable_name("t", "hybrid", 137) == "t_hybrid137"


HEADER = 60  # bytes of the first three sections of these messages


@settings(derandomize=True, deadline=None)
@given(
    message_number=st.integers(0, 2),
    place=st.integers(0, HEADER) | st.integers(0, 10**6),
    byte=st.integers(0, 255),
    cut=st.none() | st.integers(1, 10**6),
)
def test_damaged_bytes_end_in_one_sentence_or_not_at_all(
    tmp_path_factory: pytest.TempPathFactory, message_number: int, place: int, byte: int, cut: int | None
) -> None:
    path = written(tmp_path_factory.mktemp("damaged") / "a.grib", *ALL[:3])
    content = bytearray(path.read_bytes())
    length = len(content) // 3
    content[message_number * length + place % length] = byte
    path.write_bytes(bytes(content[: None if cut is None else max(1, cut % len(content))]))
    grids: dict[str, dict[str, object]] = {}
    with contextlib.suppress(UserError):
        for one in scan([path], path.parent, grids):
            crop = crop_to(grids[one.grid], Domain(south=49.6, west=2.6, nx=6, ny=5))
            read_field(path.parent, one.file, one.offset, one.length, crop)


def damaged(path: Path, place: int, byte: int) -> str:
    content = bytearray(written(path, *ALL[:3]).read_bytes())
    second = len(content) // 3
    content[second + place] = byte
    path.write_bytes(bytes(content))
    with pytest.raises(UserError, match=rf"a\.grib is truncated or damaged at byte {second}: .*fetch") as caught:
        list(scan([path], path.parent, {}))
    return str(caught.value)


@pytest.mark.parametrize(
    ("place", "byte", "text"),
    [
        (32, 0, "its header cannot be read"),  # century 0
        (7, 9, "GRIB edition 9"),
        (4, 1, "of which the file has"),
        (10, 255, "with sections of"),
        (6, 200, "does not end in 7777"),
        (0, 0, "bytes that are no GRIB message"),
    ],
)
def test_damage_of_a_header_is_told_with_file_and_offset(tmp_path: Path, place: int, byte: int, text: str) -> None:
    if place == 0:
        path = written(tmp_path / "b.grib", ALL[0])
        path.write_bytes(path.read_bytes() + b"RIB" + path.read_bytes())
        with pytest.raises(UserError, match=text):
            list(scan([path], tmp_path, {}))
    else:
        assert text in damaged(tmp_path / "a.grib", place, byte)


def test_a_field_of_another_size_is_refused_by_the_decoder(tmp_path: Path) -> None:
    path = written(tmp_path / "a.grib", ALL[0])
    grids: dict[str, dict[str, object]] = {}
    (found,) = scan([path], tmp_path, grids)
    grid = grids[found.grid] | {"nx": 12}
    crop = crop_to(grid | {"last_longitude": 5.3}, Domain(south=49.6, west=2.6, nx=6, ny=5))
    with pytest.raises(UserError, match=r"a\.grib: the message at byte 0 cannot be decoded \(80 values on"):
        read_field(tmp_path, found.file, found.offset, found.length, crop)


def run(tmp_path: Path, *, step_hours: int = 1) -> int:
    given_settings = {"root": str(tmp_path / "archive"), "files": "{year}.grib", "step_hours": step_hours}
    output = str(tmp_path / "out.json")
    text = json.dumps(given_settings)
    return cli.main(["inventory", "--settings", text, "--month", "2007-01", "--output", output])


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "archive").mkdir()
    return tmp_path / "archive" / "2007.grib"


def test_an_empty_file_is_named(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive.touch()
    assert run(tmp_path) == 2
    assert "2007.grib is empty; fetch this file again" in capsys.readouterr().err


def test_a_month_without_messages_is_told(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    time = FIRST + dt.timedelta(days=40)
    archive.write_bytes(message("2t", time, tiny_field("2t", time)))
    assert run(tmp_path) == 2
    assert "holds no messages of 2007-01" in capsys.readouterr().err


def test_times_off_the_step_are_listed_and_told(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(archive, ("2t", 0), ("2t", 1), ("tcc", 2), ("2t", 3))
    assert run(tmp_path, step_hours=3) == 0
    assert "2t: 1 times off the step of 3 h are left out, 2007-01-01T01:00:00" in capsys.readouterr().out
    inventory = read_json(tmp_path / "out.json")
    assert inventory["off_step"] == {"2t": ["2007-01-01T01:00:00"], "tcc": ["2007-01-01T02:00:00"]}
    with pytest.raises(UserError, match=r"the archive has no tcc; its 1 times, .* are not on the step"):
        places_of(inventory, "tcc")


def test_a_replaced_file_of_the_same_size_is_another_inventory(archive: Path, tmp_path: Path) -> None:
    written(archive, ("2t", 0))
    assert run(tmp_path) == 0
    before = read_json(tmp_path / "out.json")
    os.utime(archive, ns=(1, 1))
    assert run(tmp_path) == 0
    after = read_json(tmp_path / "out.json")
    assert after["files"] == {"name": ["2007.grib"], "size": [archive.stat().st_size], "mtime_ns": [1]}
    assert before["files"]["mtime_ns"] != [1]


def test_levels_that_cannot_be_asked_for_are_gathered() -> None:
    names = ["2t", *(f"t_hybrid{level}" for level in (1, 6, 7, 8, 9, 10)), "t850"]
    assert listed(names) == "2t, t850, t on hybrid levels 1, 6-10 (not readable yet)"
