"""What happens to files and disks: the steps say it in one sentence, and leave nothing half-written."""

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from tests.warm import steps
from windrow import cli, cuts, extraction
from windrow.files import read_json
from windrow.grib.decode import Fields, Place
from windrow.testing import message, tiny_config, tiny_field, write_tiny_archive

PAGE = 4096
NOBODY = 65534
ODD = "-50% 'q' \"d\" ü北"


def said(capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    assert "Traceback" not in error
    return error


class Steps:
    """The steps before training, on the tiny dataset of all tests, writing below another directory."""

    def __init__(self, tiny: Any, out: Path) -> None:
        self.tiny, self.out = tiny, out

    def settings(self, stage: str, **wildcards: str) -> list[str]:
        return ["--settings", cuts.settings_of(stage, self.tiny.config, **wildcards)]

    @property
    def inputs(self) -> dict[str, list[str | Path]]:
        tiny, archive = self.tiny, ["--archive", self.tiny.content["source"]["root"]]
        inventories = [tiny.path / f"{year}.json" for year in (2007, 2008, 2009)]
        months = [tiny.extracted(year) for year in (2007, 2008, 2009)]
        one = ["--month", "2007-01"]
        month = {"year": "2007", "month": "01"}
        return {
            "inventory": [*self.settings("inventory"), *archive, *one],
            "audit": [*self.settings("audit"), "--inventories", *inventories],
            "extract": [*self.settings("extract"), *archive, "--inventory", inventories[0]],
            "statics": [
                *[*self.settings("statics"), *archive, "--inventories", inventories[0]],
                *["--extracted", months[0]],
            ],
            "statistics_month": [*self.settings("statistics_month", **month), *one, "--extracted", months[0]],
            "statistics": [*self.settings("statistics"), "--parts", tiny.path / "part.nc"],
            "shards_layout": [*self.settings("shards_layout"), "--extracted", *months],
        }

    @property
    def outputs(self) -> dict[str, list[str | Path]]:
        out = self.out
        return {
            "inventory": ["--output", out / "2007.json"],
            "audit": ["--output", out / "audit.json"],
            "extract": ["--output", out / "2007.nc"],
            "statics": ["--output", out / "statics.nc"],
            "statistics_month": ["--output", out / "part.nc"],
            "statistics": ["--statistics", out / "statistics.json", "--climatology", out / "climatology.nc"],
            "shards_layout": ["--shards", out / "shards"],
        }

    def command(self, stage: str) -> list[str]:
        words = [stage, *self.inputs[stage], *self.outputs[stage]]
        return ["-m", "windrow", *map(str, words)]

    def run(self, stage: str) -> subprocess.CompletedProcess[str]:
        """In a process of its own: HDF5 keeps files open that it could not write."""
        return steps().run(self.command(stage), timeout=120)

    def run_from_cold(self, stage: str) -> None:
        """In an interpreter of its own, whose sets have an order of their own."""
        subprocess.run([sys.executable, *self.command(stage)], timeout=120, check=True)

    def files(self) -> dict[str, bytes]:
        """What there is, apart from the record of the scan, which is kept for the next one."""
        found = (path for path in self.out.rglob("*") if path.is_file() and path.suffix != ".scan")
        return {path.relative_to(self.out).as_posix(): path.read_bytes() for path in found}


STEPS = ("inventory", "audit", "extract", "statics", "statistics_month", "statistics", "shards_layout")


@pytest.fixture(scope="module")
def undisturbed(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    found = {}
    for stage in STEPS:
        undisturbed = Steps(tiny, tmp_path_factory.mktemp(stage))
        undisturbed.run_from_cold(stage)
        found[stage] = undisturbed.files()
    return found


@contextmanager
def mounted(path: Path, *options: str) -> Iterator[None]:
    done = subprocess.run(["mount", *options, str(path)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounting takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


def resized(path: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(path)], check=True)


def pages_of(files: dict[str, bytes]) -> int:
    return sum(-(-len(content) // PAGE) for content in files.values())


@pytest.mark.slow
@pytest.mark.parametrize("stage", STEPS)
def test_a_full_disk_is_one_sentence_and_nothing_is_half_written(
    tiny: Any, undisturbed: dict[str, dict[str, bytes]], tmp_path: Path, stage: str
) -> None:
    whole = undisturbed[stage]
    needed = pages_of(whole)
    small = tmp_path / "small"
    small.mkdir()
    with mounted(small, "-t", "tmpfs", "-o", f"size={PAGE}", "tmpfs"):
        (small / "filler.scan").write_bytes(bytes(PAGE))
        its = Steps(tiny, small)
        for pages in sorted({0, needed // 2, needed - 1}):
            resized(small, (1 + pages) * PAGE)
            done = its.run(stage)
            assert done.returncode == 2, done.stderr
            assert done.stderr.count("\n") == 1, done.stderr
            assert done.stderr.startswith(f"windrow {stage}: {small}/")
            assert "No space left on device" in done.stderr
            assert {name: whole[name] for name in its.files()} == its.files()
        resized(small, 4 * PAGE * (needed + 100))
        assert its.run(stage).returncode == 0
        assert its.files() == whole


@pytest.mark.slow
@pytest.mark.parametrize("stage", [stage for stage in STEPS if stage != "audit"])
def test_a_step_that_is_killed_at_random_times_ends_as_if_nothing_had_happened(
    tiny: Any, undisturbed: dict[str, dict[str, bytes]], tmp_path: Path, stage: str
) -> None:
    its = Steps(tiny, tmp_path)
    start = time.monotonic()
    assert its.run(stage).returncode == 0
    whole_s = time.monotonic() - start
    draw = random.Random(stage)
    for path in tmp_path.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for _ in range(5):
        with open(os.devnull, "wb") as null:
            started = steps().start(its.command(stage), stdout=null.fileno(), stderr=null.fileno())
        time.sleep(whole_s * draw.uniform(0.1, 1.0))
        started.kill()
        left = {name: content for name, content in its.files().items() if ".part" not in name}
        assert left == {name: undisturbed[stage][name] for name in left}
    assert its.run(stage).returncode == 0
    assert its.files() == undisturbed[stage]


LATER = ("forecast", "verify", "report")
SHORT = {"experiment": "cnn", "split": "test"}


class LaterSteps(Steps):
    """Those after training; what is computed for one is there for the next."""

    def __init__(self, tiny: Any, out: Path, made: Path) -> None:
        super().__init__(tiny, out)
        self.made = made

    @property
    def inputs(self) -> dict[str, list[str | Path]]:
        tiny, made = self.tiny, self.made
        shards = ["--shards", tiny.shards]
        climatology, forecasts = (
            ["--climatology", tiny.path / "climatology.nc"],
            ["--forecasts", made / "forecasts.zarr"],
        )
        fitted = ["--statistics", tiny.path / "statistics.json", "--damping", tiny.path / "damping.json"]
        given = [
            "--scores",
            made / "scores.nc",
            "--history",
            made / "history.json",
            "--audit",
            made / "audit.json",
        ]
        return {
            "forecast": [
                *self.settings("forecast", **SHORT),
                *shards,
                *climatology,
                "--model",
                made / "model.ckpt",
            ],
            "verify": [*self.settings("verify"), *shards, *climatology, *forecasts, *fitted],
            "report": [*self.settings("report", **SHORT), *shards, *forecasts, *given],
        }

    @property
    def outputs(self) -> dict[str, list[str | Path]]:
        names = {"forecast": "forecasts.zarr", "verify": "scores.nc", "report": "report.html"}
        return {stage: ["--output", self.out / name] for stage, name in names.items()}


@pytest.fixture(scope="module")
def trained(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("trained")
    inputs = ["--shards", tiny.shards, "--statistics", tiny.path / "statistics.json"]
    inputs += ["--climatology", tiny.path / "climatology.nc", "--statics", tiny.path / "statics.nc"]
    inputs += ["--work", made / "work"]
    tiny.step(
        "train", *inputs, "--model", made / "model.ckpt", "--history", made / "history.json", experiment="cnn"
    )
    inventories = [tiny.path / f"{year}.json" for year in (2007, 2008, 2009)]
    tiny.step("audit", "--inventories", *inventories, "--output", made / "audit.json")
    for stage in LATER:
        assert LaterSteps(tiny, made, made).run(stage).returncode == 0
    return made


@pytest.mark.slow
@pytest.mark.parametrize("stage", LATER)
def test_a_full_disk_after_the_training_is_one_sentence_too(
    tiny: Any, trained: Path, tmp_path: Path, stage: str
) -> None:
    name = Path(LaterSteps(tiny, trained, trained).outputs[stage][1]).name
    whole = trained / name
    needed = pages_of({str(path): path.read_bytes() for path in [whole, *whole.rglob("*")] if path.is_file()})
    small = tmp_path / "small"
    small.mkdir()
    with mounted(small, "-t", "tmpfs", "-o", f"size={PAGE}", "tmpfs"):
        (small / "filler").write_bytes(bytes(PAGE))
        its = LaterSteps(tiny, small, trained)
        for pages in (0, needed // 2):
            resized(small, (1 + pages) * PAGE)
            done = its.run(stage)
            assert done.returncode == 2, done.stderr
            assert done.stderr.count("\n") == 1, done.stderr
            assert done.stderr == f"windrow {stage}: {small / name}: No space left on device\n"
            assert [path.name for path in small.iterdir()] == ["filler"]
        resized(small, 4 * PAGE * (needed + 100))
        assert its.run(stage).returncode == 0
        assert (small / name).exists()


def test_an_archive_that_cannot_be_written_is_read(
    tiny: Any, undisturbed: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    mirror = tmp_path / "archive"
    mirror.mkdir()
    with mounted(mirror, "--bind", tiny.content["source"]["root"]):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(mirror)], check=True)
        with pytest.raises(OSError, match="Read-only"):
            (mirror / "a").touch()
        given = ["--archive", str(mirror)]
        its = Steps(tiny, tmp_path / "out")
        for stage, options in (
            ("inventory", ["--month", "2007-01", "--output"]),
            ("extract", ["--inventory", tmp_path / "out" / "2007.json", "--output"]),
        ):
            output = tmp_path / "out" / next(iter(undisturbed[stage]))
            words = [stage, *its.settings(stage), *given, *options, output]
            assert cli.main([str(word) for word in words]) == 0
    assert (tmp_path / "out" / "2007.json").read_bytes() == undisturbed["inventory"]["2007.json"]
    assert (tmp_path / "out" / "2007.nc").read_bytes() == undisturbed["extract"]["2007.nc"]


class Line:
    """Inventory and extraction of an archive with a file per variable, called as a user calls them."""

    def __init__(self, path: Path, *, root: str = "archive", hours: int = 24) -> None:
        self.path, self.root = path, path / root
        self.root.mkdir(parents=True)
        for name in ("2t", "tcc"):
            times = [extraction.dt.datetime(2007, 1, 1, hour) for hour in range(hours)]
            (self.root / f"{name}.grib").write_bytes(
                b"".join(message(name, time, tiny_field(name, time)) for time in times)
            )
        self.inventory, self.month = path / "inventory.json", path / "month.nc"

    def scan(self, *, files: str = "*.grib") -> int:
        settings = json.dumps({"files": files, "step_hours": 1})
        options = ["--settings", settings, f"--archive={self.root}", "--month", "2007-01"]
        return cli.main(["inventory", *options, f"--output={self.inventory}"])

    def extract(self, hours: int = 24) -> int:
        content = read_json(self.inventory)
        self.inventory.write_text(json.dumps(content | {"expected": hours}))
        domain = {"south": 49.6, "west": 2.6, "nx": 6, "ny": 5}
        wanted = {"domain": domain, "variables": ["2t", "tcc"], "step_hours": 1}
        settings = json.dumps({**wanted, "missing": "error", "constant": "error"})
        options = ["--settings", settings, f"--archive={self.root}", f"--inventory={self.inventory}"]
        return cli.main(["extract", *options, f"--output={self.month}"])


FOREIGN: dict[str, Callable[[], bytes]] = {
    "an empty file": bytes,
    "a text": lambda: b"# hours of 2007\n1 2 3\n",
    "an error page": lambda: b"<!DOCTYPE html>\n<html><body><h1>503 Service Unavailable</h1></body></html>\n",
    "a page that speaks of GRIB": lambda: b"<html>your GRIB files are ready</html>\n",
    "a compressed file": lambda: gzip.compress(
        message("2t", extraction.dt.datetime(2007, 1, 1), np.ones((8, 10)))
    ),
    "netCDF": lambda: b"CDF\x01" + bytes(60) + b"time",
    "netCDF-4": lambda: b"\x89HDF\r\n\x1a\n" + bytes(range(200)),
    "zeros": lambda: bytes(10_000),
    "the first four letters": lambda: b"GRIB",
    "a head": lambda: b"GRIB\0\0\xff\1" + bytes(4),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_that_is_no_grib_is_named(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = Line(tmp_path)
    (line.root / "3 foreign.grib").write_bytes(FOREIGN[kind]())
    assert line.scan() == 2
    error = said(capsys)
    assert error.startswith("windrow inventory: 3 foreign.grib ")
    assert error.endswith("fetch this file again\n")
    assert not line.inventory.exists()


def test_a_directory_with_the_name_of_a_file_is_passed_over(tmp_path: Path) -> None:
    line = Line(tmp_path)
    (line.root / "a.grib").mkdir()
    assert line.scan() == 0


def test_a_link_to_nothing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = Line(tmp_path)
    (line.root / "a.grib").symlink_to("gone.grib")
    assert line.scan() == 2
    assert f"{line.root}/a.grib is a link to nothing; mend it, or delete it" in said(capsys)


def test_links_to_files_are_followed(tmp_path: Path) -> None:
    line = Line(tmp_path)
    (line.root / "2t.grib").rename(tmp_path / "elsewhere.grib")
    (line.root / "2t.grib").symlink_to(tmp_path / "elsewhere.grib")
    assert line.scan() == 0
    assert line.extract() == 0


@pytest.mark.parametrize("change", ["touched", "cut", "removed"])
@pytest.mark.parametrize("name", ["2t", "tcc"])
def test_a_file_that_changes_while_it_is_extracted_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, change: str
) -> None:
    line = Line(tmp_path)
    assert line.scan() == 0
    path = line.root / f"{name}.grib"
    calls = []

    class Changing(Fields):
        def read(self, place: Place) -> Any:
            calls.append(place)
            if len(calls) == 40:
                if change == "removed":
                    path.unlink()
                elif change == "cut":
                    os.truncate(path, path.stat().st_size // 2)
                else:
                    os.utime(path)
            return super().read(place)

    monkeypatch.setattr(extraction, "Fields", Changing)
    capsys.readouterr()
    assert line.extract() == 2
    error = said(capsys)
    assert f"{name}.grib" in error
    assert "run the inventory again" in error
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.endswith(".scan")) == [
        "archive",
        "inventory.json",
    ]


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A directory that every user may enter."""
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o755)
        yield Path(path)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read and write everything, so another user tries."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_that_may_not_be_read_is_named(open_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = Line(open_path)
    assert line.scan() == 0
    os.chmod(open_path, 0o777)
    for path in open_path.glob(".*.scan"):
        path.unlink()
    (line.root / "tcc.grib").chmod(0o000)
    capsys.readouterr()
    with as_nobody():
        assert line.scan() == 2
    assert said(capsys) == f"windrow inventory: {line.root}/tcc.grib: Permission denied\n"


def test_a_file_that_may_no_longer_be_read_at_extraction_is_named(
    open_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = Line(open_path)
    assert line.scan() == 0
    assert line.extract() == 0
    line.month.unlink()
    os.chmod(open_path, 0o777)
    line.inventory.chmod(0o666)
    (line.root / "tcc.grib").chmod(0o000)
    capsys.readouterr()
    with as_nobody():
        assert line.extract() == 2
    assert said(capsys) == (
        f"windrow extract: cannot read {line.root}/tcc.grib: Permission denied; run the inventory again\n"
    )
    assert not line.month.exists()


def test_a_directory_that_may_not_be_written_is_named(open_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = Line(open_path)
    assert line.scan() == 0
    assert line.extract() == 0
    line.month.unlink()
    line.inventory.chmod(0o666)
    capsys.readouterr()
    with as_nobody():
        assert line.extract() == 2
        error = said(capsys)
        assert error.startswith(f"windrow extract: {open_path}/")
        assert error.endswith("Permission denied\n")
        assert line.scan() == 2
        error = said(capsys)
        assert error.startswith(f"windrow inventory: {open_path}/")
        assert error.endswith("Permission denied\n")


def test_odd_names_of_archive_files_and_outputs_are_taken_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(tmp_path / f"a{ODD}", root=ODD)
    for name in ("2t", "tcc"):
        (line.root / f"{name}.grib").rename(line.root / f"{ODD}{name}.grib")
    assert line.scan() == 0
    assert read_json(line.inventory)["files"]["name"] == [f"{ODD}2t.grib", f"{ODD}tcc.grib"]
    assert line.extract() == 0
    expected = line.month.read_bytes()
    monkeypatch.chdir(line.path)
    line.root = Path(ODD)  # begins with a dash
    line.inventory, line.month = Path(f"{ODD}.json"), Path(f"{ODD}.nc")
    assert line.scan() == 0
    assert line.extract() == 0
    assert line.month.read_bytes() == expected


def test_names_with_the_signs_of_patterns_are_taken_as_they_are(tmp_path: Path) -> None:
    line = Line(tmp_path, root="[a]*?{year}")
    assert line.scan() == 0
    assert line.extract() == 0
    with netCDF4.Dataset(line.month) as file:
        assert file["2t"].shape == (24, 5, 6)


def test_the_steps_after_extraction_take_odd_names(tmp_path: Path, make_tiny: Callable[..., Any]) -> None:
    root = tmp_path / ODD / "archive"
    write_tiny_archive(root, variables=("2t", "tcc"))
    make_tiny(tmp_path / ODD, tiny_config(root))
