"""The audit as the report tells it."""

from typing import Any

from windrow.report.audit import audit_of


def test_the_audit_says_how_much_is_there_and_where_the_gaps_are(world: Any) -> None:
    told = audit_of(world.audit)
    assert "740 of 744 times of 1 month" in told.verdict
    assert "744 fields in 31 files, 0.0025 GB" in told.verdict
    assert told.rows == (("2t", ("K", "simple", "instant", "4", "0", "0")),)
    assert told.gaps == ("2t missing: 2007-01-01 05:00 to 2007-01-01 07:00, 2007-01-02 06:00",)


def test_an_archive_without_gaps_lists_none(world: Any) -> None:
    month = world.audit["months"][0] | {"valid": 744, "faults": {"2t": {}}}
    told = audit_of(world.audit | {"months": [month] * 3})
    assert "all 2,232 times of 3 months" in told.verdict
    assert told.gaps == ()


def test_many_gaps_are_counted_and_not_listed_without_end(world: Any) -> None:
    told = audit_of(world.audit | {"months": world.audit["months"] * 40})
    assert len(told.gaps) == 13
    assert told.gaps[-1] == "and 28 more such lines"
