from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
import xarray as xr

from windrow.report.comparison import comparison_page, side_by_side
from windrow.report.page import experiment_page
from windrow.stages import Compare

SPACE = "\N{NO-BREAK SPACE}"


class Tags(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag in names]


def made(world: Any) -> str:
    return experiment_page(
        world.settings,
        scores=world.scores,
        forecasts=world.forecasts,
        reader=world.reader,
        history=world.history,
        audit=world.audit,
        provenance={"python": "3.11"},
    )


@pytest.fixture(scope="module")
def report(world: Any) -> str:
    return made(world)


@pytest.fixture(scope="module")
def comparison(make_scores: Callable[..., xr.Dataset]) -> str:
    both = side_by_side([make_scores({"a": 3, "persistence": 4}), make_scores({"b": 2, "persistence": 4})])
    settings = Compare(dataset="tiny", split="test")
    return comparison_page(settings, both, provenance={"python": "3.11"})


@pytest.fixture(params=["report", "comparison"])
def page(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def test_a_page_needs_nothing_from_outside(page: str) -> None:
    tags = Tags(page)
    places = [value for _, given in tags.found for key, value in given.items() if key in ("src", "href", "action")]
    assert all(place and place.startswith(("data:image/png;base64,", "#")) for place in places)
    assert not tags.of("script", "link", "iframe", "object")
    assert "http" not in page
    assert "@import" not in page


def test_every_figure_says_what_it_shows(page: str) -> None:
    tags = Tags(page)
    assert all(image["alt"] for image in tags.of("img"))
    assert all(image["role"] == "img" and image["aria-label"] for image in tags.of("svg"))


def test_table_headings_have_a_scope_and_tables_a_caption(page: str) -> None:
    tags = Tags(page)
    assert {heading["scope"] for heading in tags.of("th")} == {"col", "row", "rowgroup"}
    assert len(tags.of("table")) == len(tags.of("caption")) > 0


def test_headings_step_down_by_one_and_the_language_is_named(page: str) -> None:
    tags = Tags(page)
    levels = [int(tag[1]) for tag, _ in tags.found if tag in ("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert tags.of("html") == [{"lang": "en"}]


def test_no_id_stands_twice(page: str) -> None:
    counts = Counter(given["id"] for _, given in Tags(page).found if "id" in given)
    assert [name for name, count in counts.items() if count > 1] == []


def test_a_page_has_the_same_bytes_each_time(world: Any, report: str) -> None:
    assert made(world) == report


def test_the_report_says_what_was_asked_and_what_came_out(report: str) -> None:
    text = report.replace(SPACE, " ")
    assert "How well does cnn forecast 2 metre temperature 1–3 h ahead over 48.0° N – 51.0° N" in text
    # The mean of 9, 1, 25, 4 and 16 is 11, and 11 / 6.25 = 1.76.
    assert "At 3 h the mean squared error is 11.00 K², 76 % above the best baseline, the same hour" in text
    assert "At no lead time does it beat every baseline." in text


def test_the_report_shows_three_cases_and_six_panels(report: str) -> None:
    text = report.replace(SPACE, " ")
    assert "Best case: 1 January 2007, 18:00 UTC, MSE 1.00 K²" in text
    assert "Median case: 1 January 2007, 12:00 UTC, MSE 9.00 K²" in text
    assert "Worst case: 2 January 2007, 00:00 UTC, MSE 25.00 K²" in text
    tags = Tags(report)
    assert (len(tags.of("img")), len(tags.of("svg"))) == (3, 6)


def test_the_report_tells_training_settings_and_provenance(report: str) -> None:
    for text in (
        "1,234",
        "20 for training, 5 for validation",
        "13.3 training windows per second",  # 3 epochs of 20 in 4.5 s
        "name: weatherbench_cnn",
        "<dt>python</dt>",
        "tiny",
    ):
        assert text in report


def test_the_settings_title_replaces_the_name(world: Any) -> None:
    settings = world.settings.model_copy(
        update={"report": world.settings.report.model_copy(update={"title": "A < B"})}
    )
    page = experiment_page(
        settings,
        scores=world.scores,
        forecasts=world.forecasts,
        reader=world.reader,
        history=world.history,
        audit=world.audit,
        provenance={},
    )
    assert "<h1>A &lt; B</h1>" in page
