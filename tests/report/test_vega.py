"""Still pictures of charts, as parts of a page."""

import json
import re

import pytest

from windrow.report import vega
from windrow.report.charts import Axis, Series, line_chart

CHART = line_chart(
    "one",
    "A title",
    alt="A line.",
    series=[Series("a", [1, 2], [3.0, 4.0], [2.0, 3.0], [4.0, 5.0], colour="var(--experiment-0)")],
    x=Axis("x", whole=True),
    y=Axis("y"),
)


@pytest.fixture(scope="module")
def svg() -> str:
    return vega.still(CHART.still, name=CHART.name)


def test_a_still_takes_the_colours_of_the_page(svg: str) -> None:
    assert 'stroke="var(--experiment-0)"' in svg
    assert 'fill="var(--ink)"' in svg
    assert "white" not in svg


def test_the_ids_of_a_still_are_its_own(svg: str) -> None:
    assert svg.count('id="') == svg.count('id="one-')
    assert svg.count("url(#") == svg.count("url(#one-")


def test_the_figure_speaks_for_its_still(svg: str) -> None:
    assert svg.startswith('<svg viewBox="0 0 ')
    assert svg.count("aria-") == svg.count('aria-hidden="true"') == 1
    assert "role=" not in svg.partition(">")[0]


def test_a_still_has_the_same_bytes_each_time(svg: str) -> None:
    assert vega.still(CHART.still, name=CHART.name) == svg


def test_data_cannot_end_the_script_that_it_stands_in() -> None:
    text = vega.embedded({"name": "</script><b>"})
    assert "<" not in text
    assert json.loads(text) == {"name": "</script><b>"}


def test_the_labels_of_an_axis_keep_their_digits_and_places_only_tenths_of_a_pixel() -> None:
    series = [Series("a", [1, 2], [0.83, 0.97], colour="var(--experiment-0)")]
    chart = line_chart("two", "", alt="", series=series, x=Axis("x", whole=True), y=Axis("y"))
    found = str(vega.still(chart.still, name=chart.name))
    labels = re.findall(r">(0\.\d+)<", found)
    assert {"0.84", "0.90", "0.96"} <= set(labels)
    assert len(set(labels)) == len(labels)
    assert not re.search(r"\d\.\d\d", " ".join(re.findall(r"<[^>]*>", found)))
