import contextlib
import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.errors import UserError
from windrow.grib.inventory import as_columns, expected_times, places_of, scan, variable_name
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


@given(place=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.integers(1, 10**6))
def test_damaged_bytes_end_in_one_sentence_or_not_at_all(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int, cut: int
) -> None:
    path = written(tmp_path_factory.mktemp("damaged") / "a.grib", *ALL[:3])
    content = bytearray(path.read_bytes())
    content[place % len(content)] = byte
    path.write_bytes(bytes(content[: max(1, cut % (2 * len(content)))]))
    with contextlib.suppress(UserError):
        assert np.all([one.length > 0 for one in scan([path], path.parent, {})])
