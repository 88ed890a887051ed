"""The generated reference stands as the models have it; `windrow reference` mends a drift."""

from pathlib import Path

from windrow.reference import readme_with_tables, schema_text

CONFIG = Path(__file__).parents[1] / "config"
MEND = "out of date: run `windrow reference`"


def test_the_schema_is_up_to_date() -> None:
    assert (CONFIG / "schema.json").read_text() == schema_text(), MEND


def test_the_tables_are_up_to_date() -> None:
    text = (CONFIG / "README.md").read_text()
    assert text == readme_with_tables(text), MEND


def test_every_key_has_a_meaning() -> None:
    rows = [line for line in (CONFIG / "README.md").read_text().splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert not [row for row in rows if not row.split(" | ")[-1].strip(" |")]
