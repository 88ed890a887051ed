import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import zarr

from windrow import cli
from windrow.shards.layout import block_path

from .conftest import Store


def check(store: Store) -> int:
    return cli.main(["check-shards", str(store.shards)])


def test_a_store_that_is_whole_passes(whole: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(whole) == 0
    assert capsys.readouterr().out == f"{whole.shards}: 8 blocks are as they were written\n"


def damage(number: int, edit: Callable[[bytearray], object]) -> Callable[[Store], None]:
    def do(store: Store) -> None:
        path = block_path(store.shards, number)
        content = bytearray(path.read_bytes())
        edit(content)
        path.write_bytes(content)

    return do


def flip(place: int) -> Callable[[bytearray], object]:
    def do(content: bytearray) -> None:
        content[place] ^= 1

    return do


def copy_block(store: Store) -> None:
    shutil.copytree(store.shards / "data" / "c" / "24", store.shards / "data" / "c" / "26")


def shorten(store: Store) -> None:
    store.content["dataset"] |= {"name": "short", "period": [{"years": "2007-2008", "months": 1}]}
    store.content["splits"]["validation"] = [["2008-01-01", "2008-01-19"]]
    store.content["splits"]["test"] = [["2008-01-20", "2008-01-31"]]
    store.lay_out()


def shift_time(store: Store) -> None:
    times = zarr.open_array(store.shards / "time", mode="r+")
    times[5] = 0


WRONG: dict[str, tuple[Callable[[Store], object], str]] = {
    "a flipped bit of a value": (
        damage(24, flip(1234)),
        "block 24, 2008-01-08T00 to 2008-01-23T11, is damaged: its CRC-32C is",
    ),
    "a flipped bit of the index": (
        damage(24, flip(-10)),
        "block 24, 2008-01-08T00 to 2008-01-23T11, has a damaged",
    ),
    "a flipped bit of the index's checksum": (
        damage(0, flip(-1)),
        "block 0, 2007-01-01T00 to 2007-01-16T11, has a",
    ),
    "a lost end": (
        damage(1, lambda content: content.pop()),
        "block 1, 2007-01-16T12 to 2007-01-31T23, has 95235 bytes",
    ),
    "a lost block": (
        lambda store: block_path(store.shards, 49).unlink(),
        "block 49, 2009-01-29T12 to 2009-02-13T23, is",
    ),
    "a block of another one's content": (
        lambda store: shutil.copy(block_path(store.shards, 23), block_path(store.shards, 24)),
        "block 24, 2008-01-08T00 to 2008-01-23T11, has other steps than its manifest says",
    ),
    "a block too many": (copy_block, "block 26, 2008-02-08T00 to 2008-02-23T11, is in no manifest"),
    "a leftover": (lambda store: block_path(store.shards, 24).with_name(".0.part").touch(), ".0.part is no block"),
    "a lost manifest": (
        lambda store: store.manifest(2007).unlink(),
        "block 1, 2007-01-16T12 to 2007-01-31T23, is in no",
    ),
    "a damaged manifest": (lambda store: os.truncate(store.manifest(2007), 50), "blocks/2007.json is damaged"),
    "a manifest twice": (
        lambda store: shutil.copy(store.manifest(2007), store.manifest(2006)),
        "2007.json has block 0, which another manifest has too",
    ),
    "a shorter time axis": (shorten, "block 47, 2008-12-29T12 to 2009-01-13T23, lies beyond the time axis"),
    "a time that is not in its place": (shift_time, "the coordinates are not those of the settings"),
    "a lost coordinate": (
        lambda store: shutil.rmtree(store.shards / "time"),
        "the metadata cannot be read",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_whatever_is_wrong_is_named_with_its_times(
    copied: Store, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    do, text = WRONG[wrong]
    do(copied)
    capsys.readouterr()
    assert check(copied) == 2
    told = capsys.readouterr()
    assert text in told.out
    assert "are wrong, see above; delete the damaged blocks and run" in told.err
    assert told.err.count("\n") == 1


def test_every_damage_is_named(copied: Store, capsys: pytest.CaptureFixture[str]) -> None:
    damage(0, flip(0))(copied)
    block_path(copied.shards, 25).unlink()
    damage(48, flip(95000))(copied)
    assert check(copied) == 2
    told = [line.partition(",")[0] for line in capsys.readouterr().out.splitlines()]
    assert told == ["block 0", "block 25", "block 48"]


def test_a_damaged_block_that_is_deleted_is_written_again(copied: Store) -> None:
    damage(24, flip(1234))(copied)
    block_path(copied.shards, 24).unlink()
    copied.write(2008)
    assert check(copied) == 0


@pytest.mark.parametrize("content", [b"{}", b"[]", b"{", b'{"attributes": {}}'])
def test_a_directory_that_is_no_store_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    (tmp_path / "zarr.json").write_bytes(content)
    assert cli.main(["check-shards", str(tmp_path)]) == 2
    assert "zarr.json" in capsys.readouterr().err


def test_a_store_without_manifests_is_refused(
    new_store: Callable[..., Store], capsys: pytest.CaptureFixture[str]
) -> None:
    store = new_store()
    store.lay_out()
    assert check(store) == 2
    assert "blocks has no manifests; run the stage shards first" in capsys.readouterr().err


def test_the_name_of_the_step_is_taken_with_dash_and_underscore(whole: Store) -> None:
    assert cli.main(["check_shards", str(whole.shards)]) == 0
