import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.errors import UserError
from windrow.shards.index import present_steps
from windrow.shards.layout import NO_CHUNK, BlockShape, runs
from windrow.shards.manifest import Entry, Manifest, mask, read_manifest, read_record, write_manifest

SHAPE = BlockShape(steps=4, variables=1, ny=2, nx=3)
ENTRY = {"block": 3, "bytes": 4, "crc32c": "0123abcd", "present": [[0, 2]], "months": []}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("manifest") / "2007.json"


def test_a_manifest_is_read_as_it_was_written(file: Path) -> None:
    manifest = Manifest(year=2007, blocks=(Entry.model_validate(ENTRY),))
    write_manifest(file, manifest)
    assert json.loads(file.read_text()) == {"year": 2007, "blocks": [ENTRY]}
    assert read_manifest(file) == manifest


def test_a_manifest_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"2007.json is not there; run the stage shards first"):
        read_manifest(tmp_path / "2007.json")


@given(content=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode()))
def test_any_bytes_are_no_manifest_and_no_record(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert read_record(file) is None
    with pytest.raises(UserError, match="is damaged"):
        read_manifest(file)


@given(place=st.integers(0, 200), byte=st.integers(0, 255))
def test_a_manifest_with_a_wrong_byte_is_read_or_refused(file: Path, place: int, byte: int) -> None:
    content = bytearray(json.dumps({"year": 2007, "blocks": [ENTRY]}).encode())
    content[place % len(content)] = byte
    file.write_bytes(content)
    with contextlib.suppress(UserError):
        assert isinstance(read_manifest(file), Manifest)


@given(present=st.lists(st.booleans(), max_size=40))
def test_runs_and_mask_are_each_others_inverse(present: list[bool]) -> None:
    found = runs(np.array(present, dtype=bool))
    assert mask(tuple(found), len(present)).tolist() == present
    assert all(first < end for first, end in found)


@given(ending=st.binary(max_size=80))
def test_any_bytes_are_no_index(ending: bytes) -> None:
    with pytest.raises(UserError, match="is damaged"):
        present_steps(ending, SHAPE, "it")


@given(present=st.lists(st.booleans(), min_size=4, max_size=4))
def test_the_steps_of_an_index_are_found(present: list[bool]) -> None:
    assert present_steps(SHAPE.index_ending(np.array(present)), SHAPE, "it").tolist() == present


def test_an_index_of_another_layout_is_refused() -> None:
    import google_crc32c

    index = np.full((4, 2), NO_CHUNK, dtype="<u8")
    index[1] = 48, 24  # step 1 belongs at 24
    ending = index.tobytes() + google_crc32c.value(index.tobytes()).to_bytes(4, "little")
    with pytest.raises(UserError, match="is laid out in another way"):
        present_steps(ending, SHAPE, "it")
