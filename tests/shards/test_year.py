import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import pytest
import xarray as xr
import zarr

from windrow import cli, cuts
from windrow.errors import UserError
from windrow.shards import blocks
from windrow.shards.layout import block_path, record_path
from windrow.shards.manifest import file_checksum, read_manifest

from .conftest import YEARS, Store, random_fields, write_month


def said(capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_xarray_opens_the_store_and_finds_the_fields_of_the_months(whole: Store) -> None:
    with xr.open_zarr(whole.shards) as shards:
        assert shards["data"].dims == ("time", "variable", "latitude", "longitude")
        assert shards["data"].attrs["variables"]["2t"]["units"] == "K"
        for year in YEARS:
            found = shards["data"].sel(variable=["2t", "tcc"], time=f"{year}-01").values
            np.testing.assert_array_equal(found, random_fields(year, 744))


def test_months_that_the_dataset_lacks_are_missing_in_the_store(whole: Store) -> None:
    with xr.open_zarr(whole.shards) as shards:
        assert np.isnan(shards["data"].sel(time="2007-06-01").values).all()
        assert np.isnan(shards["data"].sel(time="2008-02-01").values).all()


def test_the_store_opens_when_only_some_years_are_written(new_store: Callable[..., Store]) -> None:
    store = new_store()
    store.lay_out()
    store.write(2008)
    with xr.open_zarr(store.shards) as shards:
        np.testing.assert_array_equal(shards["data"].sel(time="2008-01").values, random_fields(2008, 744))
        assert np.isnan(shards["data"].sel(time="2007-01").values).all()


def test_blocks_belong_to_the_year_of_the_first_of_the_datasets_hours_in_them(whole: Store) -> None:
    assert cuts.blocks_by_year(whole.config) == {2007: (0, 1), 2008: (23, 24, 25), 2009: (47, 48, 49)}


def test_a_block_on_the_seam_of_two_years_belongs_to_the_first(new_store: Callable[..., Store]) -> None:
    store = new_store(block_steps=1000)
    store.content["dataset"]["period"] = [{"years": "2007-2009"}]
    found = cuts.blocks_by_year(store.config)
    assert found[2007] == tuple(range(9))  # 8760 hours: the last block holds the first 240 of 2008
    assert found[2008][0] == 9
    assert [number for year in YEARS for number in found[year]] == list(range(27))


def test_a_manifest_tells_size_checksum_steps_and_months_of_each_block(whole: Store) -> None:
    (first, second, third) = json.loads(whole.manifest(2008).read_text())["blocks"]
    path = block_path(whole.shards, 23)
    assert first["block"] == 23
    assert first["bytes"] == path.stat().st_size == 372 * 2 * 5 * 6 * 4 + 372 * 16 + 4
    assert first["crc32c"] == f"{google_crc32c.value(path.read_bytes()):08x}"
    assert first["present"] == [[204, 372]]  # 23 * 372 is 204 hours before 2008
    status = whole.month(2008).stat()
    identity = {"name": "2008/01.nc", "size": status.st_size, "mtime_ns": status.st_mtime_ns}
    assert first["months"] == second["months"] == third["months"] == [identity]
    assert (second["present"], third["present"]) == ([[0, 372]], [[0, 204]])


def test_the_checksum_is_the_published_one(tmp_path: Path) -> None:
    (tmp_path / "nine").write_bytes(b"123456789")
    assert file_checksum(tmp_path / "nine") == "e3069283"  # the check value of CRC-32C, RFC 3720 appendix B.4
    (tmp_path / "zeros").write_bytes(bytes(32))
    assert file_checksum(tmp_path / "zeros") == "8a9136aa"


def test_hours_that_a_month_lacks_are_holes(new_store: Callable[..., Store]) -> None:
    store = new_store()
    store.month(2007).unlink()
    write_month(store.month(2007), 2007, without=(0, 5, 6, 371, 372, 700))
    store.lay_out()
    store.write(2007)
    expected = random_fields(2007, 744)
    expected[[0, 5, 6, 371, 372, 700]] = np.nan
    with xr.open_zarr(store.shards) as shards:
        np.testing.assert_array_equal(shards["data"].sel(time="2007-01").values, expected)
    first, second = read_manifest(store.manifest(2007)).blocks
    assert first.present == ((1, 5), (7, 371))
    assert second.present == ((1, 328), (329, 372))


def test_holes_take_no_space(new_store: Callable[..., Store], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "CHUNK_BYTES", 100 * 240)
    store = new_store(block_steps=8760)
    store.write(2007)
    status = block_path(store.shards, 0).stat()
    assert status.st_size == 8760 * 256 + 4
    assert status.st_blocks * 512 < 800 * 240 + 8760 * 16 + 4 * 4096


def spoil(fields: Any) -> None:
    fields[29, 1, 2, 3] = np.nan


def test_a_field_with_points_without_a_value_is_refused(
    new_store: Callable[..., Store], capsys: pytest.CaptureFixture[str]
) -> None:
    store = new_store()
    store.month(2007).unlink()
    write_month(store.month(2007), 2007, edit=spoil)
    assert cli.main(store.arguments(2007)) == 2
    assert "2007/01.nc: tcc has points without a value at 2007-01-02T05:00; run extract again" in said(capsys)
    assert not store.manifest(2007).exists()


def test_infinite_values_are_values(new_store: Callable[..., Store]) -> None:
    store = new_store()
    store.month(2007).unlink()
    write_month(store.month(2007), 2007, edit=lambda fields: fields[0, 0].fill(-np.inf))
    store.write(2007)
    assert np.isneginf(store.reader.windows(np.array([0]), 1)[0, 0, 0]).all()


def test_a_step_that_two_months_have_is_refused(
    new_store: Callable[..., Store], capsys: pytest.CaptureFixture[str]
) -> None:
    store = new_store()
    write_month(store.path / "extracted" / "2007" / "02.nc", 2007)
    assert cli.main(store.arguments(2007)) == 2
    assert "2007/02.nc has times that another month has too" in said(capsys)


def turn_time(path: Path) -> None:
    with xr.open_dataset(path, decode_times=False) as month:
        turned = month.isel(time=slice(None, None, -1)).load()
    path.unlink()
    turned.to_netcdf(path)


def test_times_that_run_backwards_are_refused(
    new_store: Callable[..., Store], capsys: pytest.CaptureFixture[str]
) -> None:
    store = new_store()
    turn_time(store.month(2007))
    assert cli.main(store.arguments(2007)) == 2
    assert "its times are not steps of 1 h in order" in said(capsys)


def test_times_off_the_step_are_refused(
    new_store: Callable[..., Store], capsys: pytest.CaptureFixture[str]
) -> None:
    store = new_store()
    store.content["source"]["step_hours"] = 3
    assert cli.main(store.arguments(2007)) == 2
    assert "its times are not steps of 3 h in order" in said(capsys)


def test_another_place_for_the_manifest_is_refused(
    new_store: Callable[..., Store], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = new_store().arguments(2007)
    assert cli.main([*arguments[:-1], "manifest.json"]) == 2
    assert "is no manifest; write SHARDS/blocks/2007.json" in said(capsys)


def test_settings_of_another_year_are_refused(
    new_store: Callable[..., Store], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = new_store().arguments(2007)
    arguments[arguments.index("--year") + 1] = "2008"
    assert cli.main(arguments) == 2
    assert "--settings are of 2007 and --year is 2008" in said(capsys)


def test_a_year_that_the_dataset_lacks_is_refused(whole: Store) -> None:
    with pytest.raises(UserError, match="no blocks of the year 2010; there are 2007, 2008, 2009"):
        cuts.settings_of("shards", whole.config, year="2010")


def test_what_is_written_is_kept_and_only_the_manifest_is_written_again(
    copied: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    before = copied.files()
    times = {number: block_path(copied.shards, number).stat().st_mtime_ns for number in (23, 24, 25)}
    copied.manifest(2008).unlink()
    capsys.readouterr()
    copied.write(2008)
    assert capsys.readouterr().out.splitlines() == ["block 23: kept", "block 24: kept", "block 25: kept"]
    assert copied.files() == before
    assert {number: block_path(copied.shards, number).stat().st_mtime_ns for number in times} == times


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[1000] ^= 4
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Store], None]] = {
    "a bit": lambda store: flip_a_bit(block_path(store.shards, 24)),
    "an end": lambda store: os.truncate(block_path(store.shards, 24), 0),
    "a block": lambda store: block_path(store.shards, 24).unlink(),
    "a record": lambda store: record_path(store.shards, 24).unlink(),
    "half a record": lambda store: os.truncate(record_path(store.shards, 24), 100),
    "an empty record": lambda store: os.truncate(record_path(store.shards, 24), 0),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_block_that_is_damaged_is_written_again_and_no_other(
    copied: Store, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    before = copied.files()
    DAMAGES[damage](copied)
    capsys.readouterr()
    copied.write(2008)
    told = ["block 23: kept", "block 24: 372 of 372 steps", "block 25: kept"]
    assert capsys.readouterr().out.splitlines() == told
    assert copied.files() == before


def test_a_month_that_was_extracted_again_is_gathered_again(
    copied: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    os.utime(copied.month(2009))
    capsys.readouterr()
    copied.write()
    told = capsys.readouterr().out
    assert told.count("kept") == 5
    assert "block 47: 312 of 372 steps" in told


def test_other_settings_write_all_blocks_again(copied: Store, capsys: pytest.CaptureFixture[str]) -> None:
    copied.content["dataset"]["variables"] = ["tcc", "2t"]
    capsys.readouterr()
    copied.write(2007)
    assert "kept" not in capsys.readouterr().out
    found = copied.reader.windows(np.array([0]), 744)[0]
    np.testing.assert_array_equal(found, random_fields(2007, 744)[:, ::-1])


def test_one_more_year_writes_its_blocks_and_leaves_the_others_alone(new_store: Callable[..., Store]) -> None:
    store = new_store()
    store.content["dataset"]["name"] = "growing"
    store.content["dataset"]["period"] = [{"years": "2007-2008", "months": 1}]
    store.content["splits"]["validation"] = [["2008-01-01", "2008-01-19"]]
    store.content["splits"]["test"] = [["2008-01-20", "2008-01-31"]]
    store.lay_out()
    before = store.write().files()
    settings = store.arguments(2008)
    store.content["dataset"]["period"] = [{"years": "2007-2009", "months": 1}]
    assert store.arguments(2008) == settings
    store.lay_out()
    after = store.write().files()
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"blocks/2009.json", *(f"data/c/{number}/0/0/0" for number in (47, 48, 49))}


def test_a_chunk_of_any_size_gives_the_same_bytes(
    copied: Store, new_store: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    for chunk_bytes in (1, 7 * 2 * 4 * 30, 1 << 30):
        monkeypatch.setattr(blocks, "CHUNK_BYTES", chunk_bytes)
        store = new_store(f"chunks-{chunk_bytes}").write()
        assert store.files() == copied.files()


def test_a_full_block_has_the_bytes_that_zarr_python_writes(copied: Store) -> None:
    expected = block_path(copied.shards, 0).read_bytes()
    data: Any = zarr.open_array(copied.shards / "data", mode="r+")
    values = data[:372]
    block_path(copied.shards, 0).unlink()
    data[:372] = values
    assert block_path(copied.shards, 0).read_bytes() == expected


def test_a_month_that_runs_the_other_way_is_refused(copied: Store, capsys: pytest.CaptureFixture[str]) -> None:
    turned = copied.path / "extracted" / "2008" / "01.nc"
    with xr.open_dataset(turned, decode_times=False) as month:
        content = month.isel(latitude=slice(None, None, -1)).load()
    turned.unlink()
    content.to_netcdf(turned)
    settings = cuts.settings_of("shards_layout", copied.config)
    given = ["--extracted", *map(str, copied.months), "--shards", str(copied.path / "other")]
    assert cli.main(["shards_layout", "--settings", settings, *given]) == 2
    assert "01.nc lies on another grid or runs the other way" in capsys.readouterr().err
    assert not (copied.path / "other").exists()


def test_writing_the_layout_again_leaves_the_blocks_alone(copied: Store) -> None:
    before = {path: path.read_bytes() for path in copied.shards.rglob("*") if path.is_file()}
    copied.lay_out()
    assert {path: path.read_bytes() for path in copied.shards.rglob("*") if path.is_file()} == before
    assert not list(copied.path.glob(".*"))


def test_times_and_blocks_are_counted_from_the_origin(whole: Store) -> None:
    assert whole.layout.origin == dt.datetime(2007, 1, 1)
    assert whole.reader.step_of(dt.datetime(2008, 1, 1)) == 8760
