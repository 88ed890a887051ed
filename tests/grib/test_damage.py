"""Damaged messages: one sentence or the right values, never a crash, a hang or another exception.

The format says some things twice: lengths, section numbers, the end of a message, the number of values, the points of a
bitmap. What contradicts itself is refused, and so is what differs from the other messages of the month. The packed
values, their reference and their scales stand there once: a flip in them cannot be seen, and these tests say so.
"""

import datetime as dt
import faulthandler
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import eccodes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.audit import Policy, audit_month, require_sound
from windrow.config import Domain
from windrow.errors import UserError
from windrow.files import write_json
from windrow.grib.contents import Contents, read_contents
from windrow.grib.decode import Fields, Place, coefficients
from windrow.grib.decoder import Decoder, decoded
from windrow.grib.grid import crop_to
from windrow.grib.headers import CONSTANT, FINE, Kinds
from windrow.grib.inventory import as_columns, file_states, scan
from windrow.testing import message, tiny_field

TIMES = [dt.datetime(2007, 1, 1, hour) for hour in range(3)]
DOMAIN = Domain(south=49.6, west=2.6, nx=6, ny=5)
LONGEST_CASE_S = 60
FLIPS = (lambda byte: 0x00, lambda byte: 0xFF, lambda byte: byte ^ 0x01, lambda byte: byte ^ 0x80)


def field_at(hour: int, *, holes: bool = False) -> npt.NDArray[np.float64]:
    values = tiny_field("2t", TIMES[hour]) + np.random.default_rng(hour).normal(0.0, 0.3, (8, 10))
    if holes:
        values[6:, :3] = 9999.0
    return values


def encoded(edition: int, hour: int, *, holes: bool = False, packing: str = "", **keys: object) -> bytes:
    handle = eccodes.codes_new_from_message(message("2t", TIMES[hour], field_at(hour)))
    bitmap = {"bitmapPresent": 1, "missingValue": 9999.0} if holes else {}
    try:
        for key, value in {"edition": edition, **bitmap, **keys}.items():
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, field_at(hour, holes=holes).ravel())
        if packing:
            eccodes.codes_set(handle, "packingType", packing)
        content: bytes = eccodes.codes_get_message(handle)
    finally:
        eccodes.codes_release(handle)
    return content


def two_fields(hour: int) -> bytes:
    """A message with two fields, the second of which has the bitmap of the first."""
    first, second = (encoded(2, hour, holes=True, shortName=name) for name in ("2t", "msl"))
    parts = [second[one.start : one.stop] for number, one in sections_of(second) if number in range(3, 8)]
    parts[3] = b"\0\0\0\6\6\xfe"
    body = first[16:-4] + b"".join(parts)
    return first[:8] + (len(body) + 20).to_bytes(8) + body + b"7777"


def sections_of(content: bytes) -> list[tuple[int, range]]:
    """Number and bytes of the sections of a whole message, the first and the last of which are 0 and 8."""
    if content[7] == 1:
        present = [1, *([2] if content[15] & 0x80 else []), *([3] if content[15] & 0x40 else []), 4]
        found, end = [(0, range(8))], 8
        for number in present:
            found.append((number, range(end, end + int.from_bytes(content[end : end + 3]))))
            end = found[-1][1].stop
    else:
        found, end = [(0, range(16))], 16
        while end < len(content) - 4:
            found.append((content[end + 4], range(end, end + int.from_bytes(content[end : end + 4]))))
            end = found[-1][1].stop
    return [*found, (8, range(end, end + 4))]


MESSAGES: dict[str, Callable[[int], bytes]] = {
    "1 simple": lambda hour: encoded(1, hour),
    "1 twelve bits": lambda hour: encoded(1, hour, bitsPerValue=12),
    "1 bitmap": lambda hour: encoded(1, hour, holes=True),
    "1 second order": lambda hour: encoded(1, hour, packing="grid_second_order"),
    "2 simple": lambda hour: encoded(2, hour),
    "2 bitmap": lambda hour: encoded(2, hour, holes=True),
    "2 ccsds": lambda hour: encoded(2, hour, packing="grid_ccsds"),
    "2 complex": lambda hour: encoded(2, hour, packing="grid_complex"),
    "2 differences": lambda hour: encoded(2, hour, packing="grid_complex_spatial_differencing"),
    "2 second order": lambda hour: encoded(2, hour, packing="grid_second_order"),
    "2 ieee": lambda hour: encoded(2, hour, packing="grid_ieee"),
    "2 two fields, one bitmap": two_fields,
}
# Octets, counted from 1, by section, that nothing in a message says twice. In edition 1 these are the decimal scale,
# the binary scale and the reference; in edition 2 the reference and both scales. The rest tells how values are coded.
UNCHECKED = {1: {1: range(27, 29), 4: range(5, 11)}, 2: {5: range(12, 20)}}
CODING = {
    "1 second order": {4: range(11, 22)},
    "2 ccsds": {5: range(20, 26)},
    "2 complex": {5: range(20, 48)},
    "2 differences": {5: range(20, 50)},
    "2 second order": {5: range(20, 200)},
}
SWEPT_WHOLE = (
    "1 simple",
    "1 bitmap",
    "2 simple",
    "2 two fields, one bitmap",
)  # others differ in the last sections
VALUES = {1: (4, 12), 2: (7, 6)}  # section and octet from which on all is packed values


def is_checked(name: str, content: bytes, place: int) -> bool:
    edition = content[7]
    number, octet = next((number, place - one.start + 1) for number, one in sections_of(content) if place in one)
    once = (UNCHECKED[edition].get(number, ()), CODING.get(name, {}).get(number, ()))
    section, first = VALUES[edition]
    return not any(octet in octets for octets in once) and not (number == section and octet >= first)


class Month:
    """A file of three hours, of which the second is to be damaged, and what was in it before."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        self.parts = [MESSAGES[name](hour) for hour in range(3)]
        path.write_bytes(b"".join(self.parts))
        self.kinds = Kinds()
        self.whole = self.contents()
        self.variables = tuple(self.whole.entries)
        self.truth = self.values(self.whole)

    def contents(self) -> Contents:
        states = file_states([self.path], self.path.parent)
        found = [one for one in scan([self.path], self.path.parent, self.kinds) if one.time in TIMES]
        columns = as_columns(found, TIMES, self.kinds.grids, month="2007-01", step_hours=1, files=states)
        write_json(self.path.with_suffix(".json"), columns, compact=True)
        return read_contents(self.path.with_suffix(".json"))

    def values(self, contents: Contents) -> dict[str, list[npt.NDArray[np.float64]]]:
        """What the audit lets through, read as extraction reads it."""
        audit = audit_month(contents, self.variables, Policy("error", "error"), reference=self.whole)
        require_sound([audit])
        crop = crop_to(contents.grids[contents.kind(self.variables[0]).grid], DOMAIN)
        with Fields(self.path.parent, contents.files, crop.indices, crop.points) as fields:
            return {
                name: [fields.read(contents.place(name, hour)) for hour in range(3)] for name in self.variables
            }

    def outcome(self, second: bytes, *, cut: int | None = None) -> str:
        """What comes of a damaged message: it is `told`, or the values are `right` or `wrong`."""
        self.path.write_bytes(b"".join([self.parts[0], second, self.parts[2]])[:cut])
        start = time.monotonic()
        try:
            found = self.values(self.contents())
        except UserError:
            return "told"
        finally:
            assert time.monotonic() - start < LONGEST_CASE_S
        same = (np.array_equal(found[name], self.truth[name], equal_nan=True) for name in self.variables)
        return "right" if all(same) else "wrong"


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    """A case that computes for ever ends the test with the place where it is."""
    faulthandler.dump_traceback_later(10 * LONGEST_CASE_S, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Month]:
    path = tmp_path_factory.mktemp("damage")
    return {name: Month(path / f"{name}.grib", name) for name in MESSAGES}


def changed(content: bytes, place: int, byte: int) -> bytes:
    return content[:place] + bytes([byte]) + content[place + 1 :]


@pytest.mark.parametrize("name", MESSAGES)
def test_a_flip_of_any_byte_that_the_format_checks_is_told_or_harmless(
    months: dict[str, Month], name: str
) -> None:
    month = months[name]
    second = month.parts[1]
    swept = range(9) if name in SWEPT_WHOLE else {1: (3, 4), 2: (5, 6, 7)}[second[7]]
    places = [
        place
        for number, one in sections_of(second)
        for place in one
        if number in swept and is_checked(name, second, place)
    ]
    outcomes = {
        (place, flip(second[place])): month.outcome(changed(second, place, flip(second[place])))
        for place in places
        for flip in (FLIPS if place % 2 else FLIPS[::-1])[:2]
    }
    assert {case: one for case, one in outcomes.items() if one not in ("told", "right")} == {}
    assert "told" in outcomes.values()


@pytest.mark.parametrize("name", MESSAGES)
def test_a_flip_of_a_byte_that_nothing_checks_changes_values_at_worst(months: dict[str, Month], name: str) -> None:
    month = months[name]
    second = month.parts[1]
    places = [place for place in range(len(second)) if not is_checked(name, second, place)]
    outcomes = {
        month.outcome(changed(second, place, flip(second[place])))
        for place in places[:: len(places) // 40]
        for flip in FLIPS[:2]
    }
    assert outcomes <= {"told", "right", "wrong"}
    assert "wrong" in outcomes


@settings(derandomize=True, deadline=None, max_examples=300)
@given(data=st.data())
def test_any_damage_ends_in_one_sentence_or_in_values(months: dict[str, Month], data: st.DataObject) -> None:
    month = months[data.draw(st.sampled_from(sorted(MESSAGES)))]
    content = bytearray(month.parts[1])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 120))
        length = data.draw(st.sampled_from([0, 1, 1, 1, 2, 7]))
        content[place : place + length] = data.draw(st.binary(max_size=max(1, length)))
    cut = data.draw(st.none() | st.integers(-len(content), -1))
    assert month.outcome(bytes(content), cut=cut) in ("told", "right", "wrong")


@pytest.mark.parametrize("name", ["1 bitmap", "2 two fields, one bitmap"])
def test_a_message_that_is_cut_at_any_byte_is_told(months: dict[str, Month], name: str) -> None:
    month = months[name]
    second = month.parts[1]
    for length in range(1, len(second), 3):
        assert month.outcome(second[:length]) == "told"
        assert month.outcome(b"", cut=len(month.parts[0]) + length) == "told"


@pytest.mark.parametrize(
    ("name", "section", "octet", "byte", "text"),
    [
        ("2 simple", 5, 20, 17, "165 bytes of data for 80 values of 17 bits"),
        ("2 simple", 5, 20, 15, "165 bytes of data for 80 values of 15 bits"),
        ("2 simple", 5, 9, 79, "79 values on a grid of 80 points"),
        ("2 simple", 6, 6, 254, "its bitmap is number 254 of its centre's"),
        ("2 simple", 3, 4, 13, "sections do not fit"),
        ("2 bitmap", 6, 8, 0, "74 values for a bitmap with 66 points"),
        ("1 bitmap", 3, 8, 0, "74 values for a bitmap with 66 points"),
        ("1 bitmap", 3, 6, 1, "its bitmap is number 1 of its centre's"),
        ("1 bitmap", 3, 4, 7, "a bitmap of 16 bytes on a grid of 80 points"),
        ("1 simple", 4, 11, 15, "85 values on a grid of 80 points"),
        ("1 simple", 4, 11, 64, "64 bits per value"),
        ("1 simple", 4, 7, 0xFF, "values of up to "),
        ("1 simple", 4, 3, 170, "with sections of"),
        ("1 simple", 1, 3, 20, ""),
        ("2 complex", 5, 35, 2, "its groups have 160 values"),
        ("2 complex", 5, 35, 0, "0 groups of 80 values"),
        ("2 complex", 5, 36, 15, "bytes of data for groups of other sizes"),
        ("2 complex", 5, 46, 79, "its groups have 79 values of up to 16 bits"),
        ("2 complex", 5, 23, 3, "missing values are managed in the way 3"),
        ("2 differences", 5, 48, 3, "spatial differences of order 3 in"),
        ("2 ieee", 5, 12, 2, "bytes of data for 80 values of 64 bits"),
    ],
)
def test_what_contradicts_itself_is_told(
    tmp_path: Path, name: str, section: int, octet: int, byte: int, text: str
) -> None:
    month = Month(tmp_path / "a.grib", name)
    second = month.parts[1]
    start = next(one.start for number, one in sections_of(second) if number == section)
    month.path.write_bytes(b"".join([month.parts[0], changed(second, start + octet - 1, byte), month.parts[2]]))
    with pytest.raises(
        UserError, match=rf"a\.grib.* byte {len(month.parts[0])}\b.*{text}.*; fetch this file again"
    ):
        month.values(month.contents())


def test_complex_packing_with_one_group_is_no_constant_field(tmp_path: Path) -> None:
    path = tmp_path / "a.grib"
    handle = eccodes.codes_new_from_message(MESSAGES["2 complex"](0))
    eccodes.codes_set_values(handle, np.full(80, 3.5))
    constant = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    assert constant[dict(sections_of(constant))[5].start + 10] == 2
    for content, state in ((MESSAGES["2 complex"](0), FINE), (constant, CONSTANT)):
        path.write_bytes(content)
        assert [one.state for one in scan([path], tmp_path, Kinds())] == [state]


def test_values_that_complex_packing_marks_as_missing_are_nan() -> None:
    content = bytearray(MESSAGES["2 complex"](0))
    places = dict(sections_of(bytes(content)))
    content[places[5].start + 22] = 1
    content[places[7].start + 5 + 2 * 11 : places[7].start + 5 + 2 * 12] = b"\xff\xff"
    assert np.flatnonzero(np.isnan(decoded(bytes(content), 80))).tolist() == [11]


def test_the_process_that_decodes_is_started_again_after_a_crash() -> None:
    """A JPEG whose header promises other sizes makes ecCodes 2.50 read beyond its memory."""
    content = encoded(2, 0, packing="grid_jpeg")
    place = next(one.start for number, one in sections_of(content) if number == 7) + 16
    one = Decoder()
    try:
        expected = one.values(content, 80, np.arange(80))
        with pytest.raises(ValueError, match="ecCodes crashes on it"):
            one.values(changed(content, place, content[place] ^ 0xFF), 80, np.arange(80))
        np.testing.assert_array_equal(one.values(content, 80, np.arange(80)), expected)
        np.testing.assert_allclose(expected, field_at(0).ravel(), atol=1e-3)
    finally:
        one.close()


def test_the_process_that_decodes_is_given_up_after_a_while() -> None:
    content = encoded(2, 0, packing="grid_ccsds")
    one = Decoder(patience_s=1e-6)
    try:
        with pytest.raises(ValueError, match="ecCodes does not come to an end"):
            one.values(content, 80, np.arange(80))
    finally:
        one.close()


@pytest.mark.parametrize("edition", [1, 2])
def test_hybrid_coefficients_are_those_that_eccodes_reads(tmp_path: Path, edition: int) -> None:
    expected = np.array([0.0, 2000.125, 3000.0, 0.0, 0.0, 0.0, 0.3, 1.0])
    handle = eccodes.codes_new_from_message(message("2t", TIMES[0], field_at(0), level=("hybrid", 3)))
    eccodes.codes_set(handle, "edition", edition)
    eccodes.codes_set(handle, "PVPresent", 1)
    eccodes.codes_set_array(handle, "pv", expected)
    content = eccodes.codes_get_message(handle)
    stated = eccodes.codes_get_array(handle, "pv")
    eccodes.codes_release(handle)
    (tmp_path / "a.grib").write_bytes(content)
    place = Place("a.grib", 0, len(content))
    np.testing.assert_array_equal(coefficients(tmp_path, place), stated)
    np.testing.assert_allclose(stated, expected, rtol=1e-6)
    number = next(one.start for section, one in sections_of(content) if section == (2 if edition == 1 else 4))
    (tmp_path / "a.grib").write_bytes(changed(content, number + (3 if edition == 1 else 6), 200))
    with pytest.raises(UserError, match="lacks coefficients"):
        coefficients(tmp_path, place)


def test_eccodes_says_nothing_of_its_own_about_damage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    month = Month(tmp_path / "a.grib", "2 ccsds")
    second = month.parts[1]
    for number, one in sections_of(second):
        if number in (3, 4):
            for place in one[5:]:
                month.outcome(changed(second, place, 0xFF))
    month.outcome(second[:-40] + bytes(36) + b"7777")
    assert capfd.readouterr().err == ""
