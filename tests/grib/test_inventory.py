"""The inventory: real messages, whole and damaged, of both editions, scanned without decoding."""

import contextlib
import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import eccodes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow import cli
from windrow.config import Domain
from windrow.errors import UserError
from windrow.files import read_json
from windrow.grib.contents import Contents, listed, read_contents
from windrow.grib.decode import Fields, Place
from windrow.grib.grid import crop_to
from windrow.grib.headers import CONSTANT, EMPTY, FINE, Kinds, variable_name
from windrow.grib.inventory import Message, scan
from windrow.grib.recipe import recipe_of
from windrow.testing import message, tiny_field

FIRST = dt.datetime(2007, 1, 1)
DOMAIN = Domain(south=49.6, west=2.6, nx=6, ny=5)


def written(path: Path, *pairs: tuple[str, int], padding: bytes = b"") -> Path:
    times = {hour: FIRST + dt.timedelta(hours=hour) for _, hour in pairs}
    parts = [message(name, times[hour], tiny_field(name, times[hour])) + padding for name, hour in pairs]
    path.write_bytes(b"".join(parts))
    return path


def scanned(*paths: Path, root: Path | None = None, journal: Path | None = None) -> list[Message]:
    return list(scan(list(paths), root or paths[0].parent, Kinds(), journal=journal))


def contents_of(tmp_path: Path, *pairs: tuple[str, int], padding: bytes = b"") -> Contents:
    (tmp_path / "archive").mkdir(exist_ok=True)
    written(tmp_path / "archive" / "2007.grib", *pairs, padding=padding)
    assert run(tmp_path) == 0
    return read_contents(tmp_path / "out.json")


ALL = [(name, hour) for hour in range(4) for name in ("2t", "tcc")]


def test_every_message_is_listed_where_it_lies(tmp_path: Path) -> None:
    contents = contents_of(tmp_path, *ALL)
    length = (tmp_path / "archive" / "2007.grib").stat().st_size // 8
    found = {hour: contents.place("tcc", hour) for hour in contents.entries["tcc"]}
    assert found == {hour: Place("2007.grib", (2 * hour + 1) * length, length) for hour in range(4)}
    assert contents.hours == range(744)


def test_the_zeros_that_mars_pads_with_are_no_damage(tmp_path: Path) -> None:
    assert len(contents_of(tmp_path, *ALL, padding=b"\0" * 18).entries["2t"]) == 4


def eccodes_of(content: bytes, **keys: object) -> dict[str, Any]:
    handle = eccodes.codes_new_from_message(content)
    for key, value in keys.items():
        eccodes.codes_set(handle, key, value)
    names = ("shortName", "validityDate", "validityTime", "packingType", "stepType")
    found = {name: eccodes.codes_get(handle, name) for name in names}
    found["content"] = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return found


@pytest.mark.parametrize("edition", [1, 2])
@pytest.mark.parametrize("step", [0, 6, 30])
def test_times_and_kinds_are_those_that_eccodes_gives(tmp_path: Path, edition: int, step: int) -> None:
    times = [dt.datetime(1999, 12, 31, 18), dt.datetime(2000, 2, 29, 23), dt.datetime(2007, 1, 1)]
    made = [
        eccodes_of(message("2t", time, tiny_field("2t", time)), edition=edition, step=step)
        for time in [*times, times[0]]
    ]
    (tmp_path / "a.grib").write_bytes(b"".join(one["content"] for one in made))
    for found, one in zip(scanned(tmp_path / "a.grib"), made, strict=True):
        assert found.time.strftime("%Y%m%d") == str(one["validityDate"])
        assert found.time.hour * 100 == one["validityTime"]
        assert (found.kind.variable, found.kind.packing) == (one["shortName"], one["packingType"])
        assert (found.kind.step_type, found.state) == (one["stepType"], FINE)


def test_an_accumulation_keeps_its_step_type_and_length(tmp_path: Path) -> None:
    made = eccodes_of(message("2t", FIRST, tiny_field("2t", FIRST)), edition=2, stepType="accum", stepRange="0-6")
    (tmp_path / "a.grib").write_bytes(made["content"])
    (found,) = scanned(tmp_path / "a.grib")
    assert (found.kind.step_type, found.kind.step_range) == ("accum", "0-6")
    assert found.time == FIRST + dt.timedelta(hours=6)


@pytest.mark.parametrize("edition", [1, 2])
def test_constant_and_empty_fields_are_seen_without_decoding(tmp_path: Path, edition: int) -> None:
    path = tmp_path / "a.grib"
    parts = []
    for fill in (280.0, None):
        handle = eccodes.codes_new_from_message(message("2t", FIRST, tiny_field("2t", FIRST)))
        eccodes.codes_set(handle, "edition", edition)
        if fill is None:
            eccodes.codes_set(handle, "bitmapPresent", 1)
            eccodes.codes_set(handle, "missingValue", 9999.0)
        eccodes.codes_set_values(handle, np.full(80, fill or 9999.0))
        parts.append(eccodes.codes_get_message(handle))
        eccodes.codes_release(handle)
    path.write_bytes(b"".join(parts))
    assert [one.state for one in scanned(path)] == [CONSTANT, EMPTY]


def several_fields(*contents: bytes, same_bitmap: bool = False) -> bytes:
    """A message of edition 2 with several fields: the sections 3 to 7 of the others appended to the first."""
    sections = []
    for number, content in enumerate(contents):
        place = 16
        while place < len(content) - 4:
            length = int.from_bytes(content[place : place + 4])
            part = content[place : place + length]
            if same_bitmap and number and part[4] == 6:
                part = (6).to_bytes(4) + b"\x06\xfe"
            if not number or part[4] > 2:
                sections.append(part)
            place += length
    body = b"".join(sections)
    return contents[0][:8] + (16 + len(body) + 4).to_bytes(8) + body + b"7777"


@pytest.mark.parametrize("bitmap", [False, True])
def test_each_field_of_a_message_with_several_is_found_and_read(tmp_path: Path, bitmap: bool) -> None:
    fields = {name: tiny_field("msl", FIRST) + 10 * place for place, name in enumerate(("2t", "sp", "msl"))}
    singles = []
    for name, values in fields.items():
        handle = eccodes.codes_new_from_message(message("msl", FIRST, values))
        eccodes.codes_set(handle, "edition", 2)
        eccodes.codes_set(handle, "shortName", name)
        if bitmap:
            values[4, 3] = 9999.0
            eccodes.codes_set(handle, "bitmapPresent", 1)
            eccodes.codes_set(handle, "missingValue", 9999.0)
            eccodes.codes_set_values(handle, values.ravel())
            values[4, 3] = np.nan
        singles.append(eccodes.codes_get_message(handle))
        eccodes.codes_release(handle)
    path = tmp_path / "a.grib"
    path.write_bytes(several_fields(*singles, same_bitmap=bitmap))
    found = scanned(path)
    assert [(one.kind.variable, one.field) for one in found] == [("2t", 0), ("sp", 1), ("msl", 2)]
    indices = np.arange(80).reshape(8, 10)
    with Fields(tmp_path, {}, indices, 80) as reader:
        for one in found:
            values = reader.read(Place(one.file, one.offset, one.length, one.field))
            np.testing.assert_allclose(values, fields[one.kind.variable], rtol=1e-4)


def test_nested_folders_and_spaces_in_names_are_read(tmp_path: Path) -> None:
    nested = tmp_path / "archive" / "a b" / "ü'x\"y"
    nested.mkdir(parents=True)
    written(nested / "2007 01.grib", *ALL)
    assert run(tmp_path, files="**/{year} {month}.grib") == 0
    contents = read_contents(tmp_path / "out.json")
    assert contents.place("2t", 0).file == "a b/ü'x\"y/2007 01.grib"


def test_a_scan_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{name}.grib", *ALL) for name in "abc"]
    journal = tmp_path / ".journal"
    whole = scanned(*paths, journal=journal)
    lines = journal.read_text().split("\n")
    journal.write_text("\n".join(lines[:4]) + lines[4][:50])  # killed while the third was written
    for path in paths[:2]:  # what is not read again need not be readable: same size, same time
        state = path.stat()
        path.write_bytes(b"X" * state.st_size)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert scanned(*paths, journal=journal) == whole


def test_a_file_that_was_replaced_is_scanned_again(tmp_path: Path) -> None:
    path = written(tmp_path / "a.grib", ("2t", 0))
    journal = tmp_path / ".journal"
    scanned(path, journal=journal)
    written(path, ("tcc", 0))
    os.utime(path, ns=(1, 1))
    assert scanned(path, journal=journal)[0].kind.variable == "tcc"


def test_the_inventory_does_not_know_where_the_archive_lies(tmp_path: Path) -> None:
    contents_of(tmp_path, *ALL)
    before = (tmp_path / "out.json").read_bytes()
    (tmp_path / "archive").rename(tmp_path / "elsewhere")
    assert run(tmp_path, archive="elsewhere") == 0
    assert (tmp_path / "out.json").read_bytes() == before
    assert str(tmp_path) not in before.decode()


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
    kinds = Kinds()
    with contextlib.suppress(UserError):
        for one in scan([path], path.parent, kinds):
            crop = crop_to(kinds.grids[one.kind.grid], DOMAIN)
            with Fields(path.parent, {}, crop.indices, crop.points) as fields:
                fields.read(Place(one.file, one.offset, one.length, one.field))


def damaged(path: Path, place: int, byte: int) -> str:
    content = bytearray(written(path, *ALL[:3]).read_bytes())
    second = len(content) // 3
    content[second + place] = byte
    path.write_bytes(bytes(content))
    with pytest.raises(UserError, match=rf"a\.grib is truncated or damaged at byte {second}: .*fetch") as caught:
        scanned(path)
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
            scanned(path)
    else:
        assert text in damaged(tmp_path / "a.grib", place, byte)


def test_a_field_of_another_size_is_refused_by_the_decoder(tmp_path: Path) -> None:
    path = written(tmp_path / "a.grib", ALL[0])
    (found,) = scanned(path)
    with (
        pytest.raises(UserError, match=r"a\.grib: the message at byte 0 cannot be decoded \(80 values on"),
        Fields(tmp_path, {}, np.arange(96).reshape(8, 12), 96) as fields,
    ):
        fields.read(Place(found.file, found.offset, found.length))


def run(tmp_path: Path, *, step_hours: int = 1, files: str = "{year}.grib", archive: str = "archive") -> int:
    text = json.dumps({"files": files, "step_hours": step_hours})
    options = ["--settings", text, "--month", "2007-01", "--output", str(tmp_path / "out.json")]
    return cli.main(["inventory", "--archive", str(tmp_path / archive), *options])


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
        recipe_of("tcc", read_contents(tmp_path / "out.json"))


def test_a_replaced_file_of_the_same_size_is_another_inventory(archive: Path, tmp_path: Path) -> None:
    written(archive, ("2t", 0))
    assert run(tmp_path) == 0
    before = read_json(tmp_path / "out.json")
    os.utime(archive, ns=(1, 1))
    assert run(tmp_path) == 0
    after = read_json(tmp_path / "out.json")
    assert after["files"] == {"name": ["2007.grib"], "size": [archive.stat().st_size], "mtime_ns": [1]}
    assert before["files"]["mtime_ns"] != [1]


def test_levels_are_gathered_in_messages() -> None:
    names = ["2t", *(f"t_hybrid{level}" for level in (1, 6, 7, 8, 9, 10)), "t850"]
    assert listed(names) == "2t, t850, t on hybrid levels 1, 6-10"
