"""What stops the work before anything is computed, and what is left out instead."""

import datetime as dt
import json
from pathlib import Path

import eccodes
import netCDF4
import numpy as np
import pytest

from windrow import cli
from windrow.errors import UserError
from windrow.files import read_json
from windrow.testing import message, tiny_field

HOURS = 24
DOMAIN = {"south": 49.6, "west": 2.6, "nx": 6, "ny": 5}


class Archive:
    """Daily files of January and February 2007 with one day each, which a test may spoil."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.options = {"missing": "error", "constant": "error"}
        self.variables = ["2t", "tcc"]
        (path / "archive").mkdir()
        for month in (1, 2):
            parts = [self.message(name, month, hour) for hour in range(HOURS) for name in self.variables]
            self.file(month).write_bytes(b"".join(parts))

    def file(self, month: int) -> Path:
        return self.path / "archive" / f"2007{month:02d}.grib"

    def message(self, name: str, month: int, hour: int, **keys: object) -> bytes:
        time = dt.datetime(2007, month, 1, hour)
        handle = eccodes.codes_new_from_message(message(name, time, tiny_field(name, time)))
        for key, value in keys.items():
            eccodes.codes_set(handle, key, value)
        if "bitmapPresent" in keys:
            eccodes.codes_set_values(handle, np.full(80, 9999.0))
        content: bytes = eccodes.codes_get_message(handle)
        eccodes.codes_release(handle)
        return content

    def replace(self, name: str, month: int, hour: int, *contents: bytes) -> None:
        """Put other messages in the place of one."""
        whole = self.file(month).read_bytes()
        part = self.message(name, month, hour)
        assert whole.count(part) == 1
        self.file(month).write_bytes(whole.replace(part, b"".join(contents)))

    def inventory(self, month: int) -> Path:
        output = self.path / f"{month}.json"
        settings = json.dumps({"files": "{year}{month}.grib", "step_hours": 1})
        options = ["--settings", settings, "--month", f"2007-{month:02d}", "--output", str(output)]
        assert cli.main(["inventory", "--archive", str(self.path / "archive"), *options]) == 0
        content = read_json(output)
        output.write_text(json.dumps(content | {"expected": HOURS}))  # a month of one day
        return output

    def audit(self) -> int:
        settings = json.dumps({"variables": self.variables, "step_hours": 1, **self.options})
        inventories = [str(self.inventory(month)) for month in (1, 2)]
        output = ["--output", str(self.path / "audit.json")]
        return cli.main(["audit", "--settings", settings, "--inventories", *inventories, *output])

    def extract(self, month: int) -> int:
        settings = json.dumps({"domain": DOMAIN, "variables": self.variables, "step_hours": 1, **self.options})
        options = ["--inventory", str(self.inventory(month)), "--reference", str(self.inventory(1))]
        output = ["--output", str(self.path / "month.nc")]
        root = ["--archive", str(self.path / "archive")]
        return cli.main(["extract", "--settings", settings, *root, *options, *output])


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def test_a_whole_archive_is_told_with_its_size(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    assert archive.audit() == 0
    assert "2 months: 48 of 48 times have all variables" in capsys.readouterr().out
    found = read_json(archive.path / "audit.json")
    assert found["archive"]["messages"] == 96
    assert found["archive"]["bytes"] == sum(archive.file(month).stat().st_size for month in (1, 2))
    assert [month["valid"] for month in found["months"]] == [24, 24]


SPOILED = {
    "missing": ("2007-02: 2t is missing at 2007-02-01T05:00:00; fetch the messages", {}),
    "doubled": ("2007-02: 2t is doubled at 2007-02-01T05:00:00; delete one of the messages", {}),
    "empty": ("2t is without any value at 2007-02-01T05:00:00", {"bitmapPresent": 1, "missingValue": 9999.0}),
    "constant": ("2t is one value everywhere at 2007-02-01T05:00:00", {"bitsPerValue": 0}),
    "grid": ("2t changes its grid from", {"longitudeOfFirstGridPointInDegrees": 2.1}),
    "packing": (
        "2t changes its packing from grid_simple to grid_second_order",
        {"packingType": "grid_second_order"},
    ),
    "step": ("2t changes its step type from instant to accum", {"timeRangeIndicator": 4, "P1": 0, "P2": 0}),
}


def spoil(archive: Archive, fault: str) -> str:
    sentence, keys = SPOILED[fault]
    contents = {"missing": [], "doubled": [archive.message("2t", 2, 5)] * 2}.get(fault)
    archive.replace("2t", 2, 5, *([archive.message("2t", 2, 5, **keys)] if contents is None else contents))
    return sentence


@pytest.mark.parametrize("fault", SPOILED)
def test_a_fault_blocks_audit_and_extract(
    archive: Archive, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sentence = spoil(archive, fault)
    assert archive.audit() == 2
    assert sentence in capsys.readouterr().err
    assert archive.extract(2) == 2
    assert sentence in capsys.readouterr().err
    assert not (archive.path / "audit.json").exists()
    assert not (archive.path / "month.nc").exists()


def test_the_place_of_a_change_is_named(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(archive, "packing")
    offset = 10 * (archive.file(1).stat().st_size // 48)
    assert archive.audit() == 2
    assert f"in 200702.grib at byte {offset}" in capsys.readouterr().err


def test_a_change_between_months_is_seen(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    for hour in range(HOURS):
        archive.replace("2t", 2, hour, archive.message("2t", 2, hour, packingType="grid_second_order"))
    assert archive.audit() == 2
    assert "2007-02: 2t changes its packing from grid_simple to grid_second_order since 2007-01" in (
        capsys.readouterr().err
    )


def test_all_problems_of_all_months_are_told_at_once(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    archive.replace("2t", 1, 3)
    archive.replace("tcc", 2, 7)
    archive.variables = ["2t", "tcc", "msl"]
    assert archive.audit() == 2
    err = capsys.readouterr().err
    assert "2007-01: the archive has no msl; it has 2t, tcc" in err
    archive.variables = ["2t", "tcc"]
    assert archive.audit() == 2
    err = capsys.readouterr().err
    assert "2007-01: 2t is missing" in err
    assert "2007-02: tcc is missing" in err


@pytest.mark.parametrize("fault", ["missing", "empty"])
def test_a_mask_leaves_the_hour_out_for_all_variables(archive: Archive, fault: str) -> None:
    spoil(archive, fault)
    archive.options["missing"] = "mask"
    assert archive.audit() == 0
    (month,) = read_json(archive.path / "audit.json")["months"][1:]
    assert month["valid"] == 23
    assert archive.extract(2) == 0
    with netCDF4.Dataset(archive.path / "month.nc") as file:
        hours = np.asarray(file["time"][:]) - file["time"][0]
        assert hours.tolist() == [hour for hour in range(HOURS) if hour != 5]
        assert file["tcc"].shape[0] == 23
        assert not np.isnan(file["2t"][:]).any()


def test_a_mask_leaves_out_times_with_a_hole_in_the_domain(archive: Archive) -> None:
    archive.options["missing"] = "mask"
    handle = eccodes.codes_new_from_message(archive.message("2t", 2, 9))
    values = eccodes.codes_get_values(handle)
    values[3 * 10 + 4] = 9999.0
    eccodes.codes_set(handle, "bitmapPresent", 1)
    eccodes.codes_set(handle, "missingValue", 9999.0)
    eccodes.codes_set_values(handle, values)
    archive.replace("2t", 2, 9, eccodes.codes_get_message(handle))
    eccodes.codes_release(handle)
    assert archive.extract(2) == 0
    with netCDF4.Dataset(archive.path / "month.nc") as file:
        assert (np.asarray(file["time"][:]) - file["time"][0]).tolist() == [*range(9), *range(10, HOURS)]
        expected = tiny_field("2t", dt.datetime(2007, 2, 1, 10))[2:7, 2:8]
        np.testing.assert_allclose(file["2t"][9], expected, atol=12 / 2**16)


def test_a_constant_field_is_kept_where_the_config_says_so(archive: Archive) -> None:
    spoil(archive, "constant")
    archive.options["constant"] = "keep"
    assert archive.audit() == 0
    assert archive.extract(2) == 0


def test_a_file_that_changes_after_its_inventory_is_refused(
    archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    inventory = archive.inventory(1)
    archive.file(1).write_bytes(archive.file(1).read_bytes())  # the same bytes, at another time
    settings = json.dumps({"domain": DOMAIN, "variables": ["2t"], "step_hours": 1, **archive.options})
    root, output = ["--archive", str(archive.path / "archive")], ["--output", str(archive.path / "month.nc")]
    assert cli.main(["extract", "--settings", settings, *root, "--inventory", str(inventory), *output]) == 2
    assert "200701.grib has changed since its inventory; run the inventory again" in capsys.readouterr().err
    assert not (archive.path / "month.nc").exists()


def test_an_inventory_of_another_version_is_refused(tmp_path: Path) -> None:
    from windrow.grib.contents import read_contents

    (tmp_path / "a.json").write_text('{"month": "2007-01", "variables": {}}')
    with pytest.raises(UserError, match=r"is no inventory of this version .* run the inventory again"):
        read_contents(tmp_path / "a.json")
