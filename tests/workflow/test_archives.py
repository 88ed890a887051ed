"""What a change of the archive runs again, and what it does not."""

import os
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def extracted(new_finished: Callable[[], Any]) -> Any:
    project = new_finished()
    assert planned(project) == set()
    return project


def planned(project: Any) -> set[str]:
    return set(project.planned("--until", "extract", "audit"))


def test_a_moved_archive_stays_valid(extracted: Any) -> None:
    (extracted.path / "archive").rename(extracted.path / "moved away")
    extracted.config["source"]["root"] = "moved away"
    extracted.write_config()
    try:
        assert planned(extracted) == set()
    finally:
        (extracted.path / "moved away").rename(extracted.path / "archive")
        extracted.config["source"]["root"] = "archive"
        extracted.write_config()


def test_a_file_that_is_replaced_in_place_is_read_again(extracted: Any) -> None:
    path = extracted.path / "archive" / "2008" / "01" / "fields.grib"
    state = path.stat()
    try:
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 10**9))
        assert planned(extracted) == {"inventory 2008 01", "audit", "extract 2008 01"}
    finally:
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_an_inventory_does_not_depend_on_what_is_done_about_gaps(extracted: Any) -> None:
    extracted.config["source"]["missing"] = "mask"
    extracted.write_config()
    try:
        jobs = planned(extracted)
        assert not [job for job in jobs if job.startswith("inventory")]
        assert "audit" in jobs
    finally:
        del extracted.config["source"]["missing"]
        extracted.write_config()
