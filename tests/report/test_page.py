"""What the pages say, and how they are built."""

import json
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from typing import get_args

import pytest

from windrow.config import Report
from windrow.report import vega
from windrow.report.curves import MAIN_SCORES, MORE_SCORES
from windrow.report.published import names

SPACE = "\N{NO-BREAK SPACE}"
ORDER = (
    *("verdict", "scores", "card", "maps", "cases", "spectra", "conditionals", "ranks", "training", "audit"),
    *("resources", "settings", "provenance"),
)


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


@pytest.fixture(params=["report", "full_report", "comparison"])
def page(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def own(page: str) -> str:
    """Without the library."""
    return page.replace(vega.library(), "")


def test_a_page_needs_nothing_from_outside(page: str) -> None:
    tags = Tags(own(page))
    places = [value for _, given in tags.found for key, value in given.items() if key in ("src", "href", "action")]
    assert all(place and place.startswith(("data:", "#")) for place in places)
    assert not tags.of("iframe", "object")
    assert "@import" not in own(page)
    assert "http" not in own(page)


def test_a_page_is_small(page: str) -> None:
    assert len(page.encode()) < 2_500_000


def test_every_figure_says_what_it_shows(page: str) -> None:
    tags = Tags(own(page))
    assert all(image["alt"] for image in tags.of("img"))
    drawn = [given for given in tags.of("div") if given.get("class") == "plot"]
    assert drawn
    assert all(given["role"] == "img" and given["aria-label"] for given in drawn)
    assert all(given.get("aria-hidden") == "true" for given in tags.of("svg"))
    assert all(given["aria-label"] for given in tags.of("canvas"))


def test_every_figure_can_be_saved(page: str) -> None:
    figures = re.findall(r'<figure class="(\w+)".*?</figure>', own(page), flags=re.S)
    kinds = {"chart": ("csv", "svg"), "viewer": ("csv", "png"), "table": ("table",)}
    for kind, content in zip(figures, re.findall(r"<figure.*?</figure>", own(page), flags=re.S), strict=True):
        assert all(f'data-save="{wanted}"' in content for wanted in kinds[kind])


def test_every_data_is_json(page: str) -> None:
    found = re.findall(r'<script[^>]* type="application/json">(.*?)</script>', page, flags=re.S)
    found += re.findall(r'<script type="application/json">(.*?)</script>', page, flags=re.S)
    assert all(json.loads(text) for text in found)


def test_table_headings_have_a_scope_and_tables_a_caption(page: str) -> None:
    tags = Tags(own(page))
    assert {heading["scope"] for heading in tags.of("th")} == {"col", "row", "rowgroup"}
    assert len(tags.of("table")) == len(tags.of("caption")) > 0


def test_headings_step_down_by_one_and_the_language_is_named(page: str) -> None:
    tags = Tags(own(page))
    levels = [int(tag[1]) for tag, _ in tags.found if tag in ("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert tags.of("html") == [{"lang": "en"}]


def test_no_id_stands_twice_and_every_link_leads_somewhere(page: str) -> None:
    tags = Tags(own(page))
    counts = Counter(given["id"] for _, given in tags.found if "id" in given)
    assert [name for name, count in counts.items() if count > 1] == []
    assert {str(given["href"])[1:] for given in tags.of("a", "use")} <= set(counts)


def test_the_sections_have_their_order(full_report: str) -> None:
    found = re.findall(r'<section aria-labelledby="(\w+)">', own(full_report))
    assert tuple(found) == ORDER


def test_sections_without_data_are_left_out(report: str) -> None:
    found = set(re.findall(r'<section aria-labelledby="(\w+)">', own(report)))
    assert set(ORDER) - found == {"maps", "spectra", "conditionals", "ranks", "resources"}
    assert set(re.findall(r'<a href="#(\w+)">', own(report))) <= found | {"verdict"}


def test_the_report_says_what_was_asked_and_what_came_out(report: str) -> None:
    text = report.replace(SPACE, " ")
    assert "How well does cnn forecast 2 metre temperature 1–3 h ahead over 48.0° N – 51.0° N" in text
    # The mean of 9, 1, 25, 4 and 16 is 11, and 11 / 6.25 = 1.76.
    assert "At 3 h the mean squared error is 11.00 K², 76 % above the best baseline, the same hour" in text
    assert "At no lead time does it beat every baseline." in text
    assert "too few for bands" in text


def test_the_verdict_has_its_significance(full_report: str) -> None:
    text = full_report.replace(SPACE, " ")
    assert "50 % below the best baseline, the last field held" in text
    assert "; the difference is significant (p below 0.001). It beats every baseline at every lead time, " in text
    assert "significantly at all of them." in text
    assert "1,000 resamples of blocks of" in text


def test_the_full_report_shows_every_score(full_report: str) -> None:
    ids = {given["id"] for given in Tags(own(full_report)).of("figure")}
    wanted = {*MAIN_SCORES, *MORE_SCORES}
    assert {f"2t-{name}" for name in wanted} <= ids
    assert {"2t-frequency_bias-0", "2t-ets-0", "2t-fss-0", "2t-region-0", "2t-skill-persistence"} <= ids
    assert {"2t-power-1", "2t-coherence-3", "2t-conditional-truth-2", "2t-ranks-1"} <= ids
    assert {"state-error-2t", "error-map-2t"} <= ids
    assert {"maps-2t", "cases-2t", "scorecard", "table-2t", "growth-2t", "resources-rules"} <= ids
    for text in ("above 290 K, the 95 % quantile", "north sea, weighted by area", "76 s", "2,048 MB"):
        assert text in full_report.replace(SPACE, " ")


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


def test_every_publication_can_be_asked_for() -> None:
    assert get_args(Report.model_fields["published"].annotation) == ("", *names())


def test_published_curves_are_drawn_beside_ones_own(full_report: str) -> None:
    assert 'data-series="savp, published"' in full_report


def test_the_title_of_the_settings_replaces_the_name(full_report: str) -> None:
    assert "<h1>A &lt; B</h1>" in full_report


def test_the_comparison_ranks_tests_and_tells_what_a_setting_did(comparison: str) -> None:
    text = own(comparison).replace(SPACE, " ")
    assert "Which is best at which lead time: cnn, cnn_small or cnn_alike?" in text
    sections = re.findall(r'<section aria-labelledby="(\w+)">', text)
    assert sections == ["verdict", "ranking", "scores", "card", "cost", "ablations", "settings", "provenance"]
    ranked = re.search(r'<figure class="table" id="ranking-2t">.*?</figure>', text, flags=re.S)
    assert ranked
    assert re.findall('<th scope="row">(.*?)</th>', ranked[0])[2:] == ["persistence", "cnn_small", "day before"]
    ablations = re.search(r'<figure class="table" id="ablations-2t">.*?</figure>', text, flags=re.S)
    assert ablations
    assert re.findall('<th scope="row">(.*?)</th>', ablations[0]) == ["model.features", "training.epochs"]
    assert ">+150 %</td>" in ablations[0]
